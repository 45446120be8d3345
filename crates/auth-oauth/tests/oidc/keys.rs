//! Key sets that are bad, rotated or away (O-09, X-13).

use auth_core::BreakerState;
use identity_provider::{Answer, Endpoint, Signing};
use serde_json::{Value, json};

use super::*;

const UNKNOWN: &str = "the id_token's key isn't known: the key set has none of its `kid`";

/// X-13: the keys change between the start of a flow and its end.
#[tokio::test]
async fn keys_may_be_rotated_while_a_flow_is_under_way() {
    let desk = Desk::start();
    desk.sign_in().await.unwrap();
    let visit = desk.visit().await;
    desk.issuer.rotate_keys();
    desk.finish(&visit).await.unwrap();
    assert_eq!(desk.issuer.count(Endpoint::Jwks), 2);
    desk.sign_in().await.unwrap();
    assert_eq!(desk.issuer.count(Endpoint::Jwks), 2);
}

/// X-13: whatever the tokens say.
#[tokio::test]
async fn an_unknown_key_is_looked_for_once_a_minute() {
    let desk = Desk::start();
    desk.sign_in().await.unwrap();
    desk.issuer.sign_with(Signing::UnknownKid);
    for minute in 0..3 {
        for _ in 0..5 {
            assert_eq!(desk.refusal(desk.sign_in().await), UNKNOWN);
        }
        assert_eq!(desk.issuer.count(Endpoint::Jwks), 2 + minute);
        desk.pass(Duration::from_secs(59));
        assert_eq!(desk.refusal(desk.sign_in().await), UNKNOWN);
        assert_eq!(desk.issuer.count(Endpoint::Jwks), 2 + minute);
        desk.pass(Duration::from_secs(1));
    }
    desk.issuer.sign_with(Signing::Rs256);
    desk.sign_in().await.unwrap();
}

/// X-13.
#[tokio::test]
async fn known_keys_are_used_for_a_day_while_the_key_set_is_away() {
    let desk = Desk::start();
    desk.sign_in().await.unwrap();
    for answer in [Answer::Status(503), Answer::Close, Answer::Status(404)] {
        desk.issuer.misbehave(Endpoint::Jwks, answer);
        desk.pass(Duration::from_hours(7));
        desk.sign_in().await.unwrap();
    }
    assert_eq!(desk.issuer.count(Endpoint::Jwks), 4);
    desk.pass(Duration::from_hours(3));
    let reason = desk.refusal(desk.sign_in().await);
    assert_eq!(reason, "the key set: it answered with the status 404");
}

/// A key that the issuer has withdrawn is out of use within the hour.
#[tokio::test]
async fn a_withdrawn_key_is_forgotten_after_an_hour() {
    let desk = Desk::start();
    desk.sign_in().await.unwrap();
    desk.issuer.set_jwks(|set| set["keys"] = json!([]));
    desk.sign_in().await.unwrap();
    desk.pass(Duration::from_hours(1));
    assert_eq!(desk.refusal(desk.sign_in().await), UNKNOWN);
}

/// Each row: a change of the key that signs, the first of the set.
type Row = fn(&mut Value);

const UNFIT: [Row; 6] = [
    |keys| keys[0]["use"] = json!("enc"),
    |keys| keys[0]["key_ops"] = json!(["encrypt"]),
    |keys| keys[0] = json!({"kty": "oct", "kid": "rsa-0", "alg": "RS256", "k": "AAAA"}),
    |keys| keys[0]["d"] = json!("AAAA"),
    // RSA-1024: the first half of the modulus.
    |keys| keys[0]["n"] = json!(keys[0]["n"].as_str().unwrap()[..171].to_owned() + "A"),
    // Two keys of one name.
    |keys| keys[1]["kid"] = keys[0]["kid"].clone(),
];

/// O-09.
#[tokio::test]
async fn an_unfit_key_verifies_nothing() {
    for (number, change) in UNFIT.into_iter().enumerate() {
        let desk = Desk::start();
        desk.issuer.set_jwks(move |set| change(&mut set["keys"]));
        let reason = desk.refusal(desk.sign_in().await);
        assert!(reason.starts_with("the id_token's key is in the key set and refused: "), "{number} {reason}");
        desk.issuer.sign_with(Signing::EdDsa);
        desk.sign_in().await.unwrap();
    }
}

/// O-09.
#[tokio::test]
async fn a_key_set_that_cannot_be_used_ends_the_sign_in() {
    let body = |body: String| Answer::Body { status: 200, content_type: "application/json", body };
    let many = json!({"keys": vec![json!({}); 101]}).to_string();
    for (answer, expected) in [
        (Answer::Large(10 * 1024 * 1024), "the key set: its answer is too long"),
        (Answer::Endless, "the key set: its answer is too long"),
        (Answer::Redirect("https://elsewhere.example/".to_owned()), "the key set: it answered with the status 302"),
        (body("{}".to_owned()), "the key set is malformed"),
        (body(r#"{"keys":[],"keys":[]}"#.to_owned()), "the key set: its answer can't be read"),
        (body(many), "the key set has too many keys"),
    ] {
        let desk = Desk::start();
        desk.issuer.misbehave(Endpoint::Jwks, answer);
        assert_eq!(desk.refusal(desk.sign_in().await), expected);
    }
}

/// X-13.
#[tokio::test]
async fn a_key_set_that_hangs_ends_the_sign_in_in_time() {
    for answer in [Answer::Hang, Answer::Drip] {
        let desk = Desk::impatient();
        // An RSA key takes long to make.
        desk.issuer.sign_with(Signing::EdDsa);
        desk.issuer.misbehave(Endpoint::Jwks, answer);
        assert_eq!(desk.refusal(desk.sign_in().await), "the key set: it took too long");
    }
}

/// REQ-43: a token endpoint that works doesn't make up for keys that can't be had; what is remembered of them, and not
/// asked again, tells nothing.
#[tokio::test]
async fn a_key_set_that_fails_opens_the_breaker() {
    let desk = Desk::start();
    desk.issuer.misbehave(Endpoint::Jwks, Answer::Status(500));
    for failures in 1..=5 {
        assert_eq!(desk.client.breaker_state(), BreakerState::Closed);
        for _ in 0..3 {
            let reason = desk.refusal(desk.sign_in().await);
            assert_eq!(reason, "the key set: it answered with the status 500");
            assert_eq!(desk.issuer.count(Endpoint::Jwks), failures);
            if failures == 5 {
                break;
            }
        }
        desk.pass(Duration::from_secs(10));
    }
    assert_eq!(desk.client.breaker_state(), BreakerState::Open);
}
