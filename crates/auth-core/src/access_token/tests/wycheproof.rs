//! The published JWS vectors.

use super::super::verify::{Segments, decode};
use super::*;
use crate::key::{PublicJwk, VerificationKey};
use crate::vectors::{read, wycheproof};

/// The vector's key under our policy, with the name `kid`.
fn key(group: &Value, kid: &str) -> Option<VerificationKey> {
    let jwk = if group["public"].is_object() { &group["public"] } else { &group["private"] };
    if jwk["kty"] == "oct" {
        let secret = BASE64URL.decode(jwk["k"].as_str()?).ok()?;
        return (jwk["alg"] == "HS256").then(|| VerificationKey::from_secret(kid, &secret).ok())?;
    }
    let jwk = with(with(jwk.clone(), "kid", Some(json!(kid))), "use", Some(json!("sig")));
    VerificationKey::from_jwk(PublicJwk::parse(&jwk.to_string()).ok()?).ok()
}

/// Structure, algorithm and signature alone, without what the vectors lack (`typ`, claims).
fn signature_holds(token: &str, key: &VerificationKey) -> bool {
    let Some(segments) = Segments::split(token) else { return false };
    let (Some(header), Some(_), Some(signature)) =
        (decode(segments.header), decode(segments.payload), decode(segments.signature))
    else {
        return false;
    };
    serde_json::from_slice::<Value>(&header).is_ok_and(|header| header["alg"] == key.algorithm().as_str())
        && key.verify(segments.signed.as_bytes(), &signature)
}

/// Every vector, with a ring of its own key: none has our type and claims, so none may pass.
#[test]
fn no_published_jws_is_an_access_token_of_ours() {
    let mut ran = 0;
    for (group, test) in wycheproof("json_web_signature_test") {
        let jwk = if group["public"].is_object() { &group["public"] } else { &group["private"] };
        let Some(key) = key(&group, jwk["kid"].as_str().unwrap_or("kid")) else { continue };
        let desk = Desk::new(SigningAlgorithm::Hs256);
        desk.keys.replace(KeyRing::verifying_only().with_key(Arc::new(key), None).unwrap());
        desk.refuses(test["jws"].as_str().unwrap(), &test["tcId"].to_string());
        ran += 1;
    }
    assert!(ran > 250, "{ran} vectors ran");
}

/// The same vectors below the checks of type and claims: exactly the valid ones of our algorithms hold.
#[test]
fn the_signature_layer_tells_valid_from_invalid() {
    // Valid, but with an empty payload (259) or foreign characters that a decoder would have to skip (372, 373).
    let refused_by_policy = [259, 372, 373];
    // Called invalid for their padding, but printed without it: letter for letter the valid 357.
    let same_as_357 = [367, 370];
    let mut held = 0;
    for (group, test) in wycheproof("json_web_signature_test") {
        let Some(key) = key(&group, "kid") else { continue };
        let id = test["tcId"].as_u64().unwrap();
        let expected = test["result"] == "valid" && !refused_by_policy.contains(&id) || same_as_357.contains(&id);
        assert_eq!(signature_holds(test["jws"].as_str().unwrap(), &key), expected, "{id} {}", test["comment"]);
        held += usize::from(expected);
    }
    assert!(held >= 15, "{held} vectors held");
}

#[test]
fn the_unsecured_jwt_of_rfc_7519_is_refused() {
    let file = read("rfc/rfc7515_hs256.json");
    let desk = Desk::new(SigningAlgorithm::Hs256);
    desk.refuses(file["unsecured_jwt_rfc7519_6_1"].as_str().unwrap(), "unsecured");
    desk.refuses(file["jws"].as_str().unwrap(), "of another key");
}
