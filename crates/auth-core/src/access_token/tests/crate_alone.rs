//! What the `jsonwebtoken` crate accepts by itself, measured on the version in the lock file (11.1.0), beside our
//! verifier: the reason why the crate checks nothing but the signature here.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

use super::*;
use crate::key::{InvalidKey, PublicJwk, VerificationKey};
use crate::time::SystemClock;

/// Some claims of ours, in a struct as the crate recommends.
#[derive(Deserialize)]
#[expect(dead_code, reason = "read by serde alone")]
struct Claims {
    sub: Option<String>,
    role: Option<String>,
}

/// A desk at the machine's time, since the crate reads the machine's clock itself.
fn desk() -> Desk {
    let desk = Desk::new(SigningAlgorithm::Hs256);
    desk.clock.set(SystemClock.now());
    desk
}

/// Whether the crate accepts the token with the obvious configuration: algorithm, issuer and audience.
fn crate_accepts(token: &str, secret: &[u8]) -> bool {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    decode::<Claims>(token, &DecodingKey::from_secret(secret), &validation).is_ok()
}

fn compare(desk: &Desk, token: &str, accepted_by_the_crate: bool, what: &str) {
    assert_eq!(crate_accepts(token, &desk.key.private_bytes()), accepted_by_the_crate, "the crate: {what}");
    assert!(desk.verify(token).is_err(), "we: {what}");
}

#[test]
fn both_accept_a_good_token() {
    let desk = desk();
    let token = desk.issue();
    assert!(crate_accepts(&token, &desk.key.private_bytes()));
    assert!(desk.verify(&token).is_ok());
}

#[test]
fn the_crate_alone_accepts_these_claims() {
    let desk = desk();
    let now = desk.now();
    let without_both = with(desk.claims_with("aud", None), "iss", None);
    let expired = with(desk.claims_with("exp", Some(json!(now - 30))), "iat", Some(json!(now - 600)));
    for (what, claims) in [
        ("neither audience nor issuer", without_both),
        ("audience null", desk.claims_with("aud", Some(Value::Null))),
        ("audience a number", desk.claims_with("aud", Some(json!(1)))),
        ("a foreign audience beside ours", desk.claims_with("aud", Some(json!([AUDIENCE, "other"])))),
        ("issuer null", desk.claims_with("iss", Some(Value::Null))),
        ("a foreign issuer beside ours", desk.claims_with("iss", Some(json!([ISSUER, "other"])))),
        ("not valid yet", desk.claims_with("nbf", Some(json!(now + 600)))),
        ("valid from a text on", desk.claims_with("nbf", Some(json!("soon")))),
        ("expired 30 seconds ago", expired),
        ("issued in a year", desk.claims_with("iat", Some(json!(now + 31_536_000)))),
        ("never issued", desk.claims_with("iat", None)),
        ("without an end", desk.claims_with("exp", Some(json!(u64::MAX)))),
        ("with a fractional end", desk.claims_with("exp", Some(json!(1e15)))),
    ] {
        compare(&desk, &desk.forge(&desk.header(), &claims), true, what);
    }
}

#[test]
fn the_crate_alone_accepts_these_headers() {
    let desk = desk();
    for (what, member, value) in [
        ("another type", "typ", Some(json!("JWT"))),
        ("no type", "typ", None),
        ("no name of a key", "kid", None),
        ("a critical extension", "crit", Some(json!(["unknown"]))),
        ("no critical extensions", "crit", Some(json!([]))),
        ("a key", "jwk", Some(json!({"kty": "oct", "k": "AAAA"}))),
        ("the place of a key", "jku", Some(json!("http://127.0.0.1:1/"))),
        ("a certificate's place", "x5u", Some(json!("http://127.0.0.1:1/"))),
    ] {
        let header = with(desk.header(), member, value);
        compare(&desk, &desk.forge(&header, &desk.claims()), true, what);
    }
}

#[test]
fn the_crate_refuses_these_as_we_do() {
    let desk = desk();
    let with_alg = |alg: &str| desk.forge(&with(desk.header(), "alg", Some(json!(alg))), &desk.claims());
    for alg in ["none", "None", "hs256", "HS512", "RS256"] {
        compare(&desk, &with_alg(alg), false, alg);
    }
    for (claim, value) in [("exp", Some(json!("9999999999"))), ("exp", None), ("iss", Some(json!("other")))] {
        compare(&desk, &desk.forge(&desk.header(), &desk.claims_with(claim, value)), false, claim);
    }
    let claims = desk.claims().to_string();
    let repeated = claims.replacen('{', "{\"role\":\"admin\",", 1);
    compare(&desk, &desk.sign(&desk.header().to_string(), &repeated), false, "a repeated claim");
    let header = desk.header().to_string().replacen('{', "{\"alg\":\"none\",", 1);
    compare(&desk, &desk.sign(&header, &claims), false, "a repeated member of the header");
    let token = desk.issue();
    for text in [format!("{token}="), format!("{token}."), token.replacen('.', "", 1), format!("{token}\n")] {
        compare(&desk, &text, false, &text);
    }
}

#[test]
fn the_crate_alone_reads_tokens_of_any_length() {
    let desk = desk();
    let claims = desk.claims_with("padding", Some(json!("x".repeat(2_000_000))));
    compare(&desk, &desk.forge(&desk.header(), &claims), true, "2 MB");
}

/// T-27: the crate takes any secret; we take none below 256 bits.
#[test]
fn the_crate_alone_accepts_an_empty_secret() {
    let desk = desk();
    for secret in [b"".as_slice(), b"a", &[7; 31]] {
        let signed =
            format!("{}.{}", BASE64URL.encode(desk.header().to_string()), BASE64URL.encode(desk.claims().to_string()));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        let token = format!("{signed}.{}", BASE64URL.encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes())));
        assert!(crate_accepts(&token, secret));
        assert_eq!(VerificationKey::from_secret("kid", secret).unwrap_err(), InvalidKey::Weak);
    }
}

/// The crate takes keys for another use, and a curve that is not its algorithm's.
#[test]
fn the_crate_alone_has_no_policy_for_keys() {
    let ec = json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "kid",
        "x": "04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY", "y": "UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw",
    });
    assert!(PublicJwk::parse(&ec.to_string()).is_ok());
    for (member, value) in [
        ("use", json!("enc")),
        ("key_ops", json!(["encrypt"])),
        ("crv", json!("P-384")),
        ("alg", json!("ES384")),
        ("kid", Value::Null),
    ] {
        let jwk = with(ec.clone(), member, Some(value)).to_string();
        let theirs = serde_json::from_str::<jsonwebtoken::jwk::Jwk>(&jwk).unwrap();
        assert!(DecodingKey::from_jwk(&theirs).is_ok(), "{jwk}");
        assert!(PublicJwk::parse(&jwk).is_err(), "{jwk}");
    }
}
