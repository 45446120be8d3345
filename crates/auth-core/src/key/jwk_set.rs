//! Key sets of an issuer elsewhere (RFC 7517, section 5), read into a ring that verifies.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::jwk::PublicJwk;
use super::ring::KeyRing;
use super::verification::VerificationKey;

impl KeyRing {
    /// The most keys of a set, fit or not.
    const MAX_SET_KEYS: usize = 100;

    /// The ring of a process that verifies by an issuer's key set, as [`KeyRing::jwks`] writes it.
    ///
    /// A key that isn't fit ([`InvalidJwk`](crate::InvalidJwk) lists the policy: private, symmetric, for another use,
    /// of another algorithm, without a name, weak) is left out and the rest stays, as RFC 7517, section 5 asks. Of two
    /// fit keys with one name neither is taken: which of them a token means could only be guessed. A set without any
    /// fit key gives an empty ring: an issuer may withdraw all of its keys.
    ///
    /// # Errors
    ///
    /// When the text is not a JSON object with an array of at most 100 `keys`.
    pub fn from_jwks(json: &str) -> Result<Self, InvalidJwkSet> {
        #[derive(Deserialize)]
        struct KeySet {
            keys: Vec<Value>,
        }
        // serde would read an array of the members as well.
        if !json.trim_start().starts_with('{') {
            return Err(InvalidJwkSet::Malformed);
        }
        let set: KeySet = serde_json::from_str(json).map_err(|_| InvalidJwkSet::Malformed)?;
        if set.keys.len() > Self::MAX_SET_KEYS {
            return Err(InvalidJwkSet::TooMany);
        }
        let keys: Vec<_> = set.keys.iter().filter_map(fit_key).map(Arc::new).collect();
        let is_alone = |key: &VerificationKey| keys.iter().filter(|other| other.kid() == key.kid()).count() == 1;
        let mut unique = keys.iter().filter(|key| is_alone(key));
        unique
            .try_fold(Self::verifying_only(), |ring, key| ring.with_key(Arc::clone(key), None))
            .map_err(|_| InvalidJwkSet::Malformed)
    }
}

/// The key, if it is one that may verify.
fn fit_key(jwk: &Value) -> Option<VerificationKey> {
    // An array of the members is no key, either.
    let jwk = jwk.is_object().then(|| PublicJwk::deserialize(jwk).ok())??;
    VerificationKey::from_jwk(jwk).ok()
}

/// Why a text is no key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJwkSet {
    /// Not a JSON object with an array of `keys`.
    #[error("not a JSON Web Key Set")]
    Malformed,
    /// More than 100 keys.
    #[error("too many keys")]
    TooMany,
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
    use serde_json::json;

    use super::*;
    use crate::key::SigningAlgorithm;
    use crate::key::fixture::signing_key;
    use crate::time::Timestamp;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const PUBLIC: [SigningAlgorithm; 3] = [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256, SigningAlgorithm::Rs256];

    fn names(ring: &KeyRing) -> Vec<String> {
        let set: Value = serde_json::from_str(&ring.jwks(NOW)).unwrap();
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    fn read(keys: &[Value]) -> KeyRing {
        KeyRing::from_jwks(&json!({ "keys": keys, "more": [1] }).to_string()).unwrap()
    }

    /// A fit key by this name.
    fn jwk(algorithm: SigningAlgorithm, kid: &str) -> Value {
        let mut jwk = serde_json::to_value(signing_key(algorithm).public_jwk().unwrap()).unwrap();
        jwk["kid"] = json!(kid);
        jwk
    }

    /// REQ-15
    #[test]
    fn what_a_ring_publishes_verifies_its_signatures_elsewhere() {
        for algorithm in PUBLIC {
            let key = Arc::new(signing_key(algorithm));
            let elsewhere = KeyRing::from_jwks(&KeyRing::new(Arc::clone(&key)).jwks(NOW)).unwrap();
            let (found, retires_at) = elsewhere.find(key.kid(), NOW).unwrap();
            assert_eq!((found.algorithm(), retires_at), (algorithm, None));
            assert!(found.verify(b"message", &key.sign(b"message").unwrap()));
            assert!(!found.verify(b"massage", &key.sign(b"message").unwrap()));
            assert!(elsewhere.signing_key().is_none());
        }
        let symmetric = KeyRing::new(Arc::new(signing_key(SigningAlgorithm::Hs256)));
        assert!(names(&KeyRing::from_jwks(&symmetric.jwks(NOW)).unwrap()).is_empty());
    }

    /// T-02, T-27, O-09: none of these may ever verify, and the fit key beside them stays.
    #[test]
    fn keys_that_are_not_fit_are_left_out_and_the_rest_stays() {
        let changed = |member: &str, value: Value| {
            let mut jwk = jwk(SigningAlgorithm::EdDsa, "unfit");
            jwk[member] = value;
            jwk
        };
        let mut small_rsa = jwk(SigningAlgorithm::Rs256, "unfit");
        small_rsa["n"] = json!(BASE64URL.encode([0xAB; 128]));
        let mut no_point = jwk(SigningAlgorithm::Es256, "unfit");
        no_point["y"] = json!(BASE64URL.encode([1; 32]));
        for unfit in [
            json!({"kty": "oct", "k": BASE64URL.encode([7; 32]), "kid": "unfit", "use": "sig", "alg": "HS256"}),
            changed("d", json!("AAAA")),
            changed("use", json!("enc")),
            changed("use", Value::Null),
            changed("key_ops", json!(["sign"])),
            changed("alg", json!("HS256")),
            changed("alg", json!("none")),
            changed("kid", json!("")),
            changed("kid", json!(7)),
            changed("x", json!("AAAA")),
            small_rsa,
            no_point,
            json!(["OKP", "unfit", "sig", "EdDSA", "Ed25519", "AAAA"]),
            json!({}),
            Value::Null,
            json!("key"),
        ] {
            let ring = read(&[unfit.clone(), jwk(SigningAlgorithm::EdDsa, "fit")]);
            assert_eq!(names(&ring), ["fit"], "{unfit}");
        }
    }

    /// O-09
    #[test]
    fn of_two_keys_with_one_name_neither_is_taken() {
        let twice = jwk(SigningAlgorithm::EdDsa, "twice");
        let other = jwk(SigningAlgorithm::Es256, "other");
        for second in [twice.clone(), jwk(SigningAlgorithm::EdDsa, "twice"), jwk(SigningAlgorithm::Rs256, "twice")] {
            assert_eq!(names(&read(&[twice.clone(), other.clone(), second])), ["other"]);
        }
        assert!(names(&read(&[])).is_empty());
    }

    #[test]
    fn what_is_no_key_set_is_refused() {
        for text in
            ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, "[[]]", r#"{"keys":[]"#, "<html>", r#"{"keys":[]}x"#]
        {
            assert_eq!(KeyRing::from_jwks(text).unwrap_err(), InvalidJwkSet::Malformed, "{text}");
        }
        let many = |count: usize| json!({ "keys": vec![json!({}); count] }).to_string();
        assert_eq!(KeyRing::from_jwks(&many(101)).unwrap_err(), InvalidJwkSet::TooMany);
        assert!(KeyRing::from_jwks(&many(100)).is_ok());
        assert!(KeyRing::from_jwks("{\"keys\":[]}\n").is_ok());
    }
}
