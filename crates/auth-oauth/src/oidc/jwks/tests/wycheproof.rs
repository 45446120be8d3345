//! Published vectors (`tests/vectors` at the top of the repository).

use serde_json::{Value, json};

use crate::oidc::algorithm::IdTokenAlgorithm;
use crate::oidc::id_token::IdToken;
use crate::oidc::jwk::SigningKey;
use crate::oidc::jwks::JwkSet;

use IdTokenAlgorithm as A;

/// Each test of a file with the group that it is in.
fn wycheproof(name: &str) -> Vec<(Value, Value)> {
    let file = format!("{}/../../tests/vectors/wycheproof/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let groups = file["testGroups"].as_array().unwrap().iter();
    groups
        .flat_map(|group| group["tests"].as_array().unwrap().iter().map(|test| (group.clone(), test.clone())))
        .collect()
}

fn hex(text: &Value) -> Vec<u8> {
    let digits = text.as_str().unwrap();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Runs a file of signatures; `valid` ones must pass, `invalid` ones must not.
fn run(file: &str, algorithm: A, jwk_member: &str) -> usize {
    let tests = wycheproof(file);
    let mut valid = 0;
    for (group, test) in tests.iter().filter(|(group, _)| group[jwk_member].is_object()) {
        let mut jwk = group[jwk_member].clone();
        jwk["alg"] = json!(algorithm.as_str());
        let accepted =
            SigningKey::read(&jwk).is_ok_and(|key| key.verify(algorithm, &hex(&test["msg"]), &hex(&test["sig"])));
        match test["result"].as_str().unwrap() {
            // Valid, but made with the exponent 3, which the policy refuses.
            "valid" if jwk["e"] == "Aw" => assert!(!accepted, "{file} {}", test["tcId"]),
            "valid" => assert!(accepted, "{file} {}", test["tcId"]),
            "invalid" => assert!(!accepted, "{file} {}", test["tcId"]),
            _ => {}
        }
        valid += usize::from(accepted);
    }
    valid
}

#[test]
fn the_published_vectors_of_signatures_hold() {
    assert!(run("ed25519_test", A::EdDsa, "publicKeyJwk") > 80);
    assert!(run("ecdsa_secp256r1_sha256_p1363_test", A::Es256, "publicKeyJwk") > 100);
    assert!(run("rsa_signature_2048_sha256_test", A::Rs256, "keyJwk") > 5);
}

/// The public half of a group's key, as a set.
fn key_set(group: &Value) -> JwkSet {
    let jwk = if group["public"].is_object() { &group["public"] } else { &group["private"] };
    JwkSet::read(&json!({"keys": [jwk]})).unwrap()
}

/// Structure, header, key and signature, without the claims, which the vectors lack.
fn holds(jws: &str, keys: &JwkSet) -> bool {
    let Ok(token) = IdToken::parse(jws) else { return false };
    keys.find(token.kid(), token.algorithm()).is_ok_and(|key| token.is_signed_by(key))
}

#[test]
fn of_the_published_jws_the_valid_ones_of_our_algorithms_hold() {
    let mut held = Vec::new();
    for (group, test) in wycheproof("json_web_signature_test") {
        let (id, is_valid) = (test["tcId"].as_u64().unwrap(), test["result"] == "valid");
        let holds = holds(test["jws"].as_str().unwrap(), &key_set(&group));
        assert!(is_valid || !holds, "{id} {}", test["comment"]);
        if holds {
            held.push(id);
        }
    }
    // The other valid ones are of other algorithms, have an empty payload (259, 264, 268, 272, 320, 325), or a key whose
    // `alg` says another one (346, 347, 350, 351).
    let expected = [
        18, 33, 260, 261, 262, 263, 265, 266, 267, 269, 270, 271, 273, 274, 275, 287, 288, 321, 322, 323, 326, 327,
        328, 345, 349, 378,
    ];
    assert_eq!(held, expected);
}

/// Key sets that are bad for their keys' sake: no token holds by one of these. Of the good ones, one isn't symmetric.
#[test]
fn of_the_published_key_sets_no_bad_key_is_taken() {
    let mut held = Vec::new();
    for (group, test) in wycheproof("json_web_key_test") {
        let set = if group["public"].is_object() { &group["public"] } else { &group["private"] };
        if holds(test["jws"].as_str().unwrap(), &JwkSet::read(set).unwrap()) {
            held.push(test["tcId"].as_u64().unwrap());
        }
    }
    assert_eq!(held, [5]);
}
