//! Remembered verifications, and the replacement of keys.

use super::*;
use crate::random::SeededRandom;

/// T-23: an old key verifies until it retires, then not, whether or not the token was met before.
#[test]
fn a_replaced_key_verifies_until_it_retires() {
    for met_before in [true, false] {
        let desk = Desk::new(SigningAlgorithm::EdDsa);
        let old_token = desk.issue();
        let new_key = Arc::new(signing_key(SigningAlgorithm::EdDsa));
        let retires_at = desk.clock.now().plus(Duration::from_mins(5));
        let old = Arc::clone(desk.key.verification_key());
        desk.keys.replace(KeyRing::new(Arc::clone(&new_key)).with_key(old, Some(retires_at)).unwrap());

        let new_token = desk.issue();
        desk.clock.set(retires_at.minus(Duration::from_micros(1)));
        if met_before {
            assert!(desk.verify(&old_token).is_ok());
        }
        assert!(desk.verify(&new_token).is_ok());
        desk.clock.set(retires_at);
        desk.seen.drain();
        desk.refuses(&old_token, "signed by a retired key");
        assert!(desk.verify(&new_token).is_ok());
    }
}

/// A key that was given away must stop at once.
#[test]
fn a_removed_key_verifies_nothing_any_more() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let token = desk.issue();
    assert!(desk.verify(&token).is_ok());
    desk.keys.replace(KeyRing::new(Arc::new(signing_key(SigningAlgorithm::EdDsa))));
    desk.seen.drain();
    desk.refuses(&token, "signed by a removed key");
}

/// T-23, REQ-15.
#[test]
fn the_published_keys_have_no_private_member() {
    let desk = Desk::new(SigningAlgorithm::Hs256);
    let mut ring = KeyRing::new(Arc::clone(&desk.key));
    for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256, SigningAlgorithm::Rs256] {
        ring = ring.with_key(Arc::clone(signing_key(algorithm).verification_key()), None).unwrap();
    }
    let set: Value = serde_json::from_str(&ring.jwks(desk.clock.now())).unwrap();
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(set.as_object().unwrap().len(), 1);
    let expected = [
        ("OKP", "EdDSA", ["alg", "crv", "kid", "kty", "use", "x"].as_slice()),
        ("EC", "ES256", &["alg", "crv", "kid", "kty", "use", "x", "y"]),
        ("RSA", "RS256", &["alg", "e", "kid", "kty", "n", "use"]),
    ];
    assert_eq!(keys.len(), expected.len(), "HS256 publishes none");
    for (jwk, (kty, alg, members)) in keys.iter().zip(expected) {
        let names: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, members);
        assert_eq!((&jwk["kty"], &jwk["alg"], &jwk["use"]), (&json!(kty), &json!(alg), &json!("sig")));
    }
}

#[test]
fn a_retired_key_is_not_published() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let old = signing_key(SigningAlgorithm::EdDsa);
    let end = desk.clock.now().plus(Duration::from_secs(1));
    let ring = KeyRing::new(Arc::clone(&desk.key)).with_key(Arc::clone(old.verification_key()), Some(end)).unwrap();
    assert!(ring.jwks(desk.clock.now()).contains(old.kid()));
    assert!(!ring.jwks(end).contains(old.kid()));
    assert!(ring.jwks(end).contains(desk.key.kid()));
}

#[test]
fn two_keys_of_one_name_do_not_fit_into_a_ring() {
    let key = Arc::new(signing_key(SigningAlgorithm::EdDsa));
    let verification = Arc::clone(key.verification_key());
    assert!(KeyRing::new(key).with_key(verification, None).is_err());
}

/// What another service does: it reads the key set and verifies by it.
#[test]
fn a_service_verifies_by_the_published_keys() {
    for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256, SigningAlgorithm::Rs256] {
        let issuer = Desk::new(algorithm);
        let set: Value = serde_json::from_str(&issuer.keys.current().jwks(issuer.clock.now())).unwrap();
        let jwk = crate::key::PublicJwk::parse(&set["keys"][0].to_string()).unwrap();
        assert_eq!(Some(&jwk), issuer.key.public_jwk());
        let key = Arc::new(crate::key::VerificationKey::from_jwk(jwk).unwrap());
        let service =
            Desk::with_ring(KeyRing::verifying_only().with_key(key, None).unwrap(), Arc::clone(&issuer.key), None);
        assert!(service.verify(&issuer.issue()).is_ok(), "{algorithm}");
    }
}

#[test]
fn a_token_met_again_is_not_verified_anew() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let token = desk.issue();
    let first = desk.verify(&token).unwrap();
    assert_eq!(desk.seen.drain(), [(desk.session_id, 7)]);
    assert!(Arc::ptr_eq(&first, &desk.verify(&token).unwrap()));
    assert!(desk.seen.drain().is_empty(), "only a full verification is recorded");
    desk.keys.replace(KeyRing::new(Arc::clone(&desk.key)));
    assert!(!Arc::ptr_eq(&first, &desk.verify(&token).unwrap()), "a new ring counts for itself");
    assert_eq!(desk.seen.highest(desk.session_id), Some(7));
}

fn claims(desk: &Desk) -> Arc<AccessClaims> {
    desk.verify(&desk.issue()).unwrap()
}

#[test]
fn a_full_set_forgets_the_token_used_longest_ago() {
    let desk = Desk::new(SigningAlgorithm::Hs256);
    let (claims, now, end) = (claims(&desk), desk.clock.now(), Timestamp::MAX);
    let cache = cache::VerifiedTokens::default();
    let digest = |last| {
        let mut digest = [7; 32];
        digest[31] = last;
        digest
    };
    for last in 0..3 {
        cache.put(digest(last), 0, end, Arc::clone(&claims));
        // The first one is used all the time.
        assert!(cache.get(&digest(0), 0, now).is_some());
    }
    assert!(cache.get(&digest(1), 0, now).is_none());
    assert!(cache.get(&digest(2), 0, now).is_some());
    assert!(cache.get(&digest(2), 1, now).is_none(), "another ring");
    assert!(cache.get(&digest(2), 0, end).is_none(), "expired");
}

#[test]
fn the_memory_of_verified_tokens_is_bounded() {
    let desk = Desk::new(SigningAlgorithm::Hs256);
    let (claims, random) = (claims(&desk), SeededRandom::new(1));
    let cache = cache::VerifiedTokens::default();
    for _ in 0..100_000 {
        let random: &dyn crate::random::Random = &random;
        cache.put(random.bytes(), 0, Timestamp::MAX, Arc::clone(&claims));
    }
    let remembered = Arc::strong_count(&claims) - 2;
    assert!((16_000..=16_384).contains(&remembered), "{remembered}");
}

#[test]
fn threads_may_verify_while_keys_are_replaced() {
    let desk = Desk::new(SigningAlgorithm::Hs256);
    let token = desk.issue();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..500).for_each(|_| assert!(desk.verify(&token).is_ok())));
        }
        scope.spawn(|| (0..500).for_each(|_| desk.keys.replace(KeyRing::new(Arc::clone(&desk.key)))));
    });
}
