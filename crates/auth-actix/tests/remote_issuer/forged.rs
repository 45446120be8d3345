//! Tokens that the issuer never gave, or not for this service.

use std::sync::Arc;

use auth_actix::CurrentUser;
use auth_core::{ErrorCode, OsRandom, SigningAlgorithm, SigningKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use crate::issuer::Reply;
use crate::world::{AUDIENCE, MAX_AGE, World};

async fn refuses_each(world: &World, tokens: &[String]) {
    assert!(world.ask::<CurrentUser>(&world.token()).await.is_ok(), "a token that nobody has changed is good");
    for token in tokens {
        assert_eq!(world.refusal::<CurrentUser>(token).await, Some(ErrorCode::TokenInvalid), "{token}");
    }
}

/// T-11
#[actix_web::test]
async fn tokens_of_another_issuer_or_for_another_audience_are_refused() {
    let world = World::new();
    let url = world.issuer.url();
    let tokens = [
        world.foreign_token(&format!("{url}/"), AUDIENCE),
        world.foreign_token("https://auth.test", AUDIENCE),
        world.foreign_token(&url, "https://other.test"),
        world.foreign_token(&url, ""),
        world.forged_token(|_, claims| claims["aud"] = json!([AUDIENCE, "https://other.test"])),
        world.forged_token(|_, claims| drop(claims.as_object_mut().unwrap().remove("aud"))),
        world.forged_token(|_, claims| drop(claims.as_object_mut().unwrap().remove("iss"))),
    ];
    refuses_each(&world, &tokens).await;
    assert_eq!(world.issuer.keys().calls(), 1, "no key would make them good");
}

/// T-01, T-03, T-15
#[actix_web::test]
async fn other_headers_are_refused_though_rightly_signed() {
    let world = World::new();
    let set = |member: &'static str, value: Value| world.forged_token(|header, _| header[member] = value);
    let tokens = [
        set("typ", json!("JWT")),
        set("typ", json!("rt+jwt")),
        set("typ", Value::Null),
        set("alg", json!("none")),
        set("alg", json!("ES256")),
        set("alg", json!("RS256")),
        set("alg", json!("HS256")),
        set("kid", Value::Null),
        set("crit", json!([])),
        set("jku", json!(world.issuer.url())),
        set("jwk", serde_json::to_value(world.key().public_jwk().unwrap()).unwrap()),
    ];
    refuses_each(&world, &tokens).await;
    let unsigned = set("alg", json!("none"));
    let unsigned = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    refuses_each(&world, &[unsigned]).await;
    assert_eq!(world.issuer.keys().calls(), 1, "no key would make them good");
}

/// T-02: HMAC keyed with what everybody knows of the public key.
#[actix_web::test]
async fn the_public_key_is_no_secret() {
    for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256, SigningAlgorithm::Rs256] {
        let world = World::with(algorithm, |_| {});
        let jwk = serde_json::to_value(world.key().public_jwk().unwrap()).unwrap();
        let member = |name: &str| jwk[name].as_str().map(|text| BASE64URL.decode(text).unwrap());
        let raw: Vec<u8> = ["n", "x", "y"].into_iter().filter_map(member).flatten().collect();
        let token = world.forged_token(|header, _| header["alg"] = json!("HS256"));
        let signed = token.rsplit_once('.').unwrap().0;
        let tokens = [raw, jwk.to_string().into_bytes(), json!({ "keys": [jwk] }).to_string().into_bytes(), Vec::new()]
            .map(|secret| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes()))
            .map(|mac| format!("{signed}.{}", BASE64URL.encode(mac)));
        refuses_each(&world, &tokens).await;
    }
}

/// T-12: the name of the issuer's key on the signature of another one.
#[actix_web::test]
async fn a_strangers_key_by_the_name_of_the_issuers_is_refused() {
    let mut world = World::new().warmed_up().await;
    let (real, good) = (Arc::clone(world.key()), world.token());
    world.rotate();
    let forged = world.forged_token(|header, _| header["kid"] = json!(real.kid()));
    assert_eq!(world.refusal::<CurrentUser>(&forged).await, Some(ErrorCode::TokenInvalid));
    assert!(world.ask::<CurrentUser>(&good).await.is_ok());
    assert_eq!(world.issuer.keys().calls(), 1);
}

/// T-23, O-09: keys that aren't public, or aren't for signatures, verify nothing, though the issuer publishes them.
#[actix_web::test]
async fn unfit_keys_of_the_set_verify_nothing() {
    let secret = [7; 32];
    let symmetric = SigningKey::from_private("symmetric", SigningAlgorithm::Hs256, &secret).unwrap();
    let oct = json!({"kty": "oct", "k": BASE64URL.encode(secret), "kid": "symmetric", "use": "sig", "alg": "HS256"});
    let other = SigningKey::generate(SigningAlgorithm::EdDsa, &OsRandom).unwrap();
    let jwk = |member: &str, value: Value| {
        let mut jwk = serde_json::to_value(other.public_jwk().unwrap()).unwrap();
        jwk[member] = value;
        jwk
    };
    for (unfit, key) in [
        (oct, &symmetric),
        (jwk("d", json!(BASE64URL.encode(secret))), &other),
        (jwk("use", json!("enc")), &other),
        (jwk("alg", json!("RS256")), &other),
    ] {
        let world = World::new();
        let keys = json!({ "keys": [unfit, world.key().public_jwk().unwrap()] });
        world.issuer.keys().set(Reply::keys(keys.to_string(), MAX_AGE));
        let token = world.forged_token(|header, _| {
            header["alg"] = json!(key.algorithm().as_str());
            header["kid"] = json!(key.kid());
        });
        let signed = token.rsplit_once('.').unwrap().0;
        let token = format!("{signed}.{}", BASE64URL.encode(key.sign(signed.as_bytes()).unwrap()));
        refuses_each(&world, &[token]).await;
    }
}
