//! Published vectors for the signature layer and for the policy of keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use super::*;
use crate::vectors::{hex, read, wycheproof};

/// The verification key of a Wycheproof JWK, which lacks what our policy asks for.
fn key(jwk: &Value, algorithm: SigningAlgorithm) -> Result<VerificationKey, InvalidKey> {
    let mut jwk = jwk.clone();
    jwk["use"] = json!("sig");
    jwk["alg"] = json!(algorithm.as_str());
    VerificationKey::from_jwk(PublicJwk::parse(&jwk.to_string()).map_err(|_| InvalidKey::Malformed)?)
}

/// Runs a file of signatures; `valid` ones must pass, `invalid` ones must not.
fn run(file: &str, algorithm: SigningAlgorithm, jwk_member: &str) -> usize {
    let tests = wycheproof(file);
    let mut valid = 0;
    for (group, test) in tests.iter().filter(|(group, _)| group[jwk_member].is_object()) {
        let accepted =
            key(&group[jwk_member], algorithm).is_ok_and(|key| key.verify(&hex(&test["msg"]), &hex(&test["sig"])));
        match test["result"].as_str().unwrap() {
            // Valid, but made with the exponent 3, which our policy refuses.
            "valid" if group["keyJwk"]["e"] == "Aw" => assert!(!accepted, "{file} {}", test["tcId"]),
            "valid" => assert!(accepted, "{file} {}", test["tcId"]),
            "invalid" => assert!(!accepted, "{file} {}", test["tcId"]),
            _ => {}
        }
        valid += usize::from(accepted);
    }
    valid
}

#[test]
fn the_published_vectors_of_ed25519_hold() {
    assert!(run("ed25519_test", SigningAlgorithm::EdDsa, "publicKeyJwk") > 80);
}

#[test]
fn the_published_vectors_of_ecdsa_on_p_256_hold() {
    assert!(run("ecdsa_secp256r1_sha256_p1363_test", SigningAlgorithm::Es256, "publicKeyJwk") > 100);
}

#[test]
fn the_published_vectors_of_rsa_hold() {
    assert!(run("rsa_signature_2048_sha256_test", SigningAlgorithm::Rs256, "keyJwk") > 5);
}

#[test]
fn the_published_vectors_of_hmac_with_sha_256_hold() {
    let mut valid = 0;
    let full = |(group, _): &(Value, Value)| group["tagSize"] == 256 && group["keySize"].as_u64() >= Some(256);
    for (_, test) in wycheproof("hmac_sha256_test").into_iter().filter(full) {
        let key = VerificationKey::from_secret("kid", &hex(&test["key"])).unwrap();
        assert_eq!(key.verify(&hex(&test["msg"]), &hex(&test["tag"])), test["result"] == "valid", "{}", test["tcId"]);
        valid += usize::from(test["result"] == "valid");
    }
    assert!(valid > 20);
}

/// Each key alone, as a key set of ours would hold it: what Wycheproof calls invalid for the key's sake is refused.
#[test]
fn the_policy_refuses_the_published_bad_keys() {
    let mut refused = Vec::new();
    for (group, test) in wycheproof("json_web_key_test").into_iter().filter(|(_, test)| test["result"] == "invalid") {
        let set = if group["public"].is_object() { &group["public"] } else { &group["private"] };
        let keys = set["keys"].as_array().unwrap();
        if keys.iter().any(|jwk| PublicJwk::parse(&jwk.to_string()).and_then(checked).is_err()) {
            refused.push(test["tcId"].as_u64().unwrap());
        }
    }
    // 3: a good HS256 set and a bad signature. It holds symmetric keys, so that no key set of ours is like it either.
    assert_eq!(refused, [1, 3, 4, 6, 7, 8, 9, 10, 11, 12, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26]);
}

fn checked(jwk: PublicJwk) -> Result<VerificationKey, InvalidJwk> {
    VerificationKey::from_jwk(jwk).map_err(|_| InvalidJwk::Malformed)
}

/// The same without the private and symmetric members, so that each key must fail for its own weakness.
#[test]
fn the_policy_refuses_weak_public_keys_for_their_weakness() {
    for (id, reason) in [
        (6, InvalidJwk::Use),
        (7, InvalidJwk::Weak),
        (8, InvalidJwk::Weak),
        (9, InvalidJwk::Weak),
        (19, InvalidJwk::Algorithm),
        (20, InvalidJwk::Algorithm),
        (21, InvalidJwk::Use),
        (22, InvalidJwk::Malformed),
        (23, InvalidJwk::Algorithm),
        (24, InvalidJwk::Algorithm),
    ] {
        let (group, _) = wycheproof("json_web_key_test").into_iter().find(|(_, test)| test["tcId"] == id).unwrap();
        let mut jwk = group["private"]["keys"][0].clone();
        for member in ["d", "p", "q", "dp", "dq", "qi"] {
            jwk.as_object_mut().unwrap().remove(member);
        }
        assert_eq!(PublicJwk::parse(&jwk.to_string()).and_then(checked).unwrap_err(), reason, "{id}");
    }
}

#[test]
fn the_examples_of_the_rfcs_verify() {
    let hs256 = read("rfc/rfc7515_hs256.json");
    let secret = BASE64URL.decode(hs256["jwk"]["k"].as_str().unwrap()).unwrap();
    assert!(verifies(&VerificationKey::from_secret("a", &secret).unwrap(), &hs256["jws"]));

    let eddsa = read("rfc/rfc8037_eddsa.json");
    let mut jwk = eddsa["jwk_public"].clone();
    jwk["kid"] = json!("a");
    assert!(verifies(&key(&jwk, SigningAlgorithm::EdDsa).unwrap(), &eddsa["jws"]));
    assert!(!verifies(&key(&jwk, SigningAlgorithm::EdDsa).unwrap(), &hs256["jws"]));
}

fn verifies(key: &VerificationKey, jws: &Value) -> bool {
    let (signed, signature) = jws.as_str().unwrap().rsplit_once('.').unwrap();
    key.verify(signed.as_bytes(), &BASE64URL.decode(signature).unwrap())
}
