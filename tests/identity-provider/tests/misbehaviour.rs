//! Bad answers, as bad as they are said to be.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

#[expect(dead_code, reason = "the client serves several suites")]
mod client;

use std::io::Read as _;

use identity_provider::{Answer, Endpoint, IdentityProvider};

use client::{ask, authorization_url, code, exchange, get};

#[test]
fn an_endpoint_answers_as_it_is_told_until_it_is_told_otherwise() {
    let provider = IdentityProvider::start();
    provider.misbehave(Endpoint::Jwks, Answer::Status(503));
    assert_eq!(get(&provider, "/jwks", &[]).status, 503);
    assert_eq!(get(&provider, "/.well-known/openid-configuration", &[]).status, 200);
    provider.misbehave(Endpoint::Jwks, Answer::Redirect("http://127.0.0.1/".to_owned()));
    let answer = get(&provider, "/jwks", &[]);
    assert_eq!((answer.status, answer.header("location")), (302, "http://127.0.0.1/"));
    let body = "error=bad_verification_code".to_owned();
    provider.misbehave(Endpoint::Jwks, Answer::Body { status: 200, content_type: "text/html", body });
    let answer = get(&provider, "/jwks", &[]);
    assert_eq!((answer.text().as_str(), answer.header("content-type")), ("error=bad_verification_code", "text/html"));
    provider.misbehave(Endpoint::Jwks, Answer::Normal);
    assert!(get(&provider, "/jwks", &[]).json()["keys"].is_array());
    assert_eq!(provider.count(Endpoint::Jwks), 4, "it goes on recording");
    provider.forget_requests();
    assert_eq!(provider.count(Endpoint::Jwks), 0);
}

#[test]
fn a_large_answer_is_right_but_for_its_length() {
    let provider = IdentityProvider::start();
    provider.misbehave(Endpoint::Jwks, Answer::Large(10_000_000));
    let answer = get(&provider, "/jwks", &[]);
    assert_eq!(answer.text().len(), 10_000_000);
    assert!(answer.json()["keys"].is_array());
}

#[test]
fn a_failed_exchange_leaves_the_code_good() {
    let provider = IdentityProvider::start();
    let code = code(&provider.approve(authorization_url(&provider, &[])));
    provider.misbehave(Endpoint::Token, Answer::Status(500));
    assert_eq!(exchange(&provider, &code).status, 500);
    provider.misbehave(Endpoint::Token, Answer::Normal);
    assert_eq!(exchange(&provider, &code).status, 200);
}

#[test]
fn an_endless_answer_does_not_end_and_one_that_hangs_does_not_begin() {
    let provider = IdentityProvider::start();
    provider.misbehave(Endpoint::Jwks, Answer::Endless);
    let mut stream = ask(&provider, "GET", "/jwks", &[], "");
    let mut much = vec![0; 5_000_000];
    stream.read_exact(&mut much).unwrap();
    drop(stream);
    provider.misbehave(Endpoint::Jwks, Answer::Hang);
    let mut hanging = ask(&provider, "GET", "/jwks", &[], "");
    provider.misbehave(Endpoint::Jwks, Answer::Close);
    assert_eq!(ask(&provider, "GET", "/jwks", &[], "").read(&mut [0; 8]).unwrap(), 0);
    // The end of the provider is the end of what hangs, too.
    drop(provider);
    assert_eq!(hanging.read(&mut [0; 8]).unwrap_or_default(), 0);
}

#[test]
fn a_dripping_answer_begins_at_once() {
    let provider = IdentityProvider::start();
    provider.misbehave(Endpoint::Jwks, Answer::Drip);
    let mut stream = ask(&provider, "GET", "/jwks", &[], "");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(String::from_utf8(head).unwrap().contains("Content-Length: "));
    drop(provider);
    let mut rest = Vec::new();
    _ = stream.read_to_end(&mut rest);
    assert!(rest.len() < 10, "{}", rest.len());
}
