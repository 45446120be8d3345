//! Providers that refuse, answer nonsense, or send us elsewhere (O-22).

use auth_core::BreakerState;
use auth_oauth::OAuthError;
use identity_provider::{Answer, Endpoint, IdentityProvider, people};
use serde_json::json;

use crate::bed::{RECOVERY, agree, assert_tells_nothing, builder, configured};

fn json(status: u16, body: &str) -> Answer {
    Answer::Body { status, content_type: "application/json", body: body.to_owned() }
}

/// What a flow ends with if an endpoint answers so; that its error tells nothing; that it was asked once.
async fn ending(endpoint: Endpoint, answer: Answer) -> (OAuthError, BreakerState) {
    let fake = IdentityProvider::start();
    fake.set_user(people::discord("1", "ada@example.org"));
    let providers = configured(builder(1).0, &fake);
    let discord = providers.find("discord").unwrap();
    fake.misbehave(endpoint, answer);
    let returned = agree(discord, &fake).await;
    let error = returned.exchange(discord).await.unwrap_err();
    assert_tells_nothing(&error, &returned, &fake);
    assert_eq!(fake.count(endpoint), 1, "{error}");
    (error, discord.breaker_state())
}

/// The provider works, and this flow is at fault: nobody else's is to suffer for it.
#[tokio::test]
async fn a_refusal_ends_the_flow_and_opens_no_breaker() {
    for (answer, word) in [
        (json(200, r#"{"error":"bad_verification_code","error_description":"x"}"#), "bad_verification_code"),
        (json(400, r#"{"error":"invalid_grant"}"#), "invalid_grant"),
        (json(401, r#"{"error":"invalid_client"}"#), "invalid_client"),
        (json(400, r#"{"error":"<script>alert(1)</script>"}"#), "another error"),
        (Answer::Status(403), "the status 403"),
        (Answer::Status(429), "the status 429"),
    ] {
        let (error, breaker) = ending(Endpoint::Token, answer).await;
        assert!(matches!(&error, OAuthError::Provider(text) if text.ends_with(word)), "{error}");
        assert_eq!(breaker, BreakerState::Closed, "{word}");
    }
    for status in [401, 403, 404] {
        let (error, breaker) = ending(Endpoint::Userinfo, Answer::Status(status)).await;
        assert!(matches!(error, OAuthError::Provider(_)), "{error}");
        assert_eq!(breaker, BreakerState::Closed);
    }
}

/// O-22: 200 with what is no answer, and every other status.
#[tokio::test]
async fn nonsense_ends_the_flow_and_opens_the_breaker() {
    let elsewhere = IdentityProvider::start();
    for answer in [
        json(200, ""),
        json(200, "{}"),
        json(200, "null"),
        json(200, r#"["token","bearer"]"#),
        json(200, r#"{"access_token":"t"}"#),
        json(200, r#"{"access_token":1,"token_type":"bearer"}"#),
        json(200, r#"{"access_token":"t","token_type":"mac"}"#),
        json(200, r#"{"access_token":"t","access_token":"u","token_type":"bearer"}"#),
        json(200, r#"{"access_token":"a\r\nb","token_type":"bearer""#),
        Answer::Body { status: 200, content_type: "text/html", body: "<html></html>".to_owned() },
        Answer::Large(20_000_000),
        Answer::Endless,
        Answer::Close,
        Answer::Redirect(elsewhere.token_url()),
        Answer::Status(500),
        Answer::Status(503),
    ] {
        let (error, breaker) = ending(Endpoint::Token, answer.clone()).await;
        assert!(matches!(error, OAuthError::Provider(_)), "{answer:?} {error}");
        assert_eq!(breaker, BreakerState::Open, "{answer:?}");
    }
    for answer in [
        json(200, ""),
        json(200, "[]"),
        json(200, r#"{"id":"1","id":"2"}"#),
        json(200, r#"{"id":"1","a":{"b":1,"b":2}}"#),
        Answer::Endless,
        Answer::Redirect(elsewhere.userinfo_url()),
        Answer::Status(502),
    ] {
        let (error, _) = ending(Endpoint::Userinfo, answer.clone()).await;
        assert!(matches!(error, OAuthError::Provider(_)), "{answer:?} {error}");
    }
    assert!(elsewhere.requests().is_empty(), "a redirect was followed");
}

/// A user with odd data is one user's affair.
#[tokio::test]
async fn a_user_without_subject_opens_no_breaker() {
    let (error, breaker) = ending(Endpoint::Userinfo, json(200, &json!({ "id": null }).to_string())).await;
    assert!(matches!(error, OAuthError::Provider(_)));
    assert_eq!(breaker, BreakerState::Closed);
}

/// REQ-43: one that fails isn't called for a while; then one call finds out.
#[tokio::test]
async fn a_provider_that_fails_is_left_alone_until_it_is_back() {
    let fake = IdentityProvider::start();
    fake.set_user(people::discord("1", "ada@example.org"));
    let (builder, clock) = builder(3);
    let providers = configured(builder, &fake);
    let discord = providers.find("discord").unwrap();
    fake.misbehave(Endpoint::Token, Answer::Status(503));
    for _ in 0..3 {
        let error = agree(discord, &fake).await.exchange(discord).await.unwrap_err();
        assert!(matches!(error, OAuthError::Provider(_)), "{error}");
    }
    assert_eq!(discord.breaker_state(), BreakerState::Open);
    assert_eq!(providers.find("github").unwrap().breaker_state(), BreakerState::Closed);
    let returned = agree(discord, &fake).await;
    fake.misbehave(Endpoint::Token, Answer::Normal);
    assert!(matches!(returned.exchange(discord).await, Err(OAuthError::Unavailable)));
    assert_eq!(fake.count(Endpoint::Token), 3);
    clock.advance(RECOVERY);
    assert_eq!(returned.exchange(discord).await.unwrap().subject, "1");
    assert_eq!(discord.breaker_state(), BreakerState::Closed);
}
