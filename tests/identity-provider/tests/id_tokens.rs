//! The `id_token`s, checked by a verifier that isn't ours.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

#[expect(dead_code, reason = "the client serves several suites")]
mod client;

use identity_provider::{IdentityProvider, Signing};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value, json};

use client::{authorization_url, code, exchange, get};

const NONCE: &str = "a-nonce-of-many-characters";

fn id_token(provider: &IdentityProvider) -> String {
    let url = authorization_url(provider, &[("scope", "openid email"), ("nonce", NONCE)]);
    let tokens = exchange(provider, &code(&provider.approve(url))).json();
    tokens["id_token"].as_str().unwrap().to_owned()
}

/// The claims, if the provider's published keys verify it.
fn verified(provider: &IdentityProvider, token: &str, algorithm: Algorithm) -> Option<Map<String, Value>> {
    let jwks: JwkSet = serde_json::from_value(get(provider, "/jwks", &[]).json()).unwrap();
    let kid = jsonwebtoken::decode_header(token).unwrap().kid?;
    let key = DecodingKey::from_jwk(jwks.find(&kid)?).unwrap();
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&["client-id"]);
    validation.set_issuer(&[provider.issuer()]);
    Some(jsonwebtoken::decode(token, &key, &validation).ok()?.claims)
}

#[test]
fn the_good_ones_are_good() {
    let provider = IdentityProvider::start();
    let cases =
        [(Signing::Rs256, Algorithm::RS256), (Signing::Es256, Algorithm::ES256), (Signing::EdDsa, Algorithm::EdDSA)];
    for (signing, algorithm) in cases {
        provider.sign_with(signing);
        let claims = verified(&provider, &id_token(&provider), algorithm).unwrap();
        assert_eq!(claims["nonce"], NONCE);
        assert_eq!(claims["sub"], "subject-1");
        assert_eq!(claims["email_verified"], true);
        assert!(claims["at_hash"].as_str().is_some_and(|hash| hash.len() == 22 || hash.len() == 43));
    }
}

#[test]
fn the_bad_ones_are_bad() {
    let provider = IdentityProvider::start();
    for signing in [Signing::OtherKey, Signing::BrokenSignature, Signing::NoKid, Signing::Ps256] {
        provider.sign_with(signing);
        assert!(verified(&provider, &id_token(&provider), Algorithm::RS256).is_none(), "{signing:?}");
    }
    provider.sign_with(Signing::UnknownKid);
    assert!(verified(&provider, &id_token(&provider), Algorithm::ES256).is_none());
    provider.sign_with(Signing::None);
    assert!(id_token(&provider).ends_with('.'), "no signature");
    for (signing, secret) in [(Signing::Hs256WithClientSecret, true), (Signing::Hs256WithPublicKey, false)] {
        provider.sign_with(signing);
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&["client-id"]);
        let key = DecodingKey::from_secret(b"client-secret");
        let good = jsonwebtoken::decode::<Value>(id_token(&provider), &key, &validation).is_ok();
        assert_eq!(good, secret, "{signing:?}");
    }
}

#[test]
fn rotated_keys_leave_nothing_of_the_old_ones() {
    let provider = IdentityProvider::start();
    let old = id_token(&provider);
    provider.rotate_keys();
    assert!(verified(&provider, &old, Algorithm::RS256).is_none());
    let new = id_token(&provider);
    assert!(verified(&provider, &new, Algorithm::RS256).is_some());
    assert_ne!(jsonwebtoken::decode_header(&old).unwrap().kid, jsonwebtoken::decode_header(new).unwrap().kid);
}

#[test]
fn claims_header_and_time_are_as_a_test_wants_them() {
    let provider = IdentityProvider::start();
    provider.set_time(1_000_000);
    provider.set_claims(|claims| {
        claims.remove("nonce");
        claims.insert("aud".to_owned(), json!(["client-id", "other"]));
    });
    provider.set_header(|header| {
        header.insert("typ".to_owned(), json!("JWT"));
    });
    let token = id_token(&provider);
    assert_eq!(jsonwebtoken::decode_header(&token).unwrap().typ.as_deref(), Some("JWT"));
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(&token).unwrap().claims;
    assert_eq!((claims["iat"].clone(), claims["exp"].clone()), (json!(1_000_000), json!(1_000_300)));
    assert_eq!(claims["aud"], json!(["client-id", "other"]));
    assert!(claims.get("nonce").is_none());
    let own = provider.sign(json!({ "sub": "alone" }).as_object().unwrap());
    assert_eq!(jsonwebtoken::dangerous::insecure_decode::<Value>(&own).unwrap().claims, json!({ "sub": "alone" }));
}
