//! What is issued is accepted, for exactly as long as it says, unless it was revoked.

use super::*;
use crate::error_code::ErrorCode;

/// REQ-10.
#[test]
fn an_issued_token_says_what_was_granted_under_every_algorithm() {
    for algorithm in SigningAlgorithm::ALL {
        let desk = Desk::new(algorithm);
        let grant = AccessGrant { premium_until: Some(Timestamp::from_seconds(2_000_000_000)), ..desk.grant() };
        let issued = desk.tokens.issue(&grant, &OsRandom).unwrap();
        let claims = desk.verify(issued.token.expose()).unwrap();
        let expected = AccessClaims {
            user_id: grant.user_id,
            session_id: grant.session_id,
            generation: 7,
            epoch: 3,
            role: Role::Admin,
            amr: vec!["pwd".to_owned(), "otp".to_owned()],
            auth_time: grant.auth_time,
            issued_at: desk.clock.now(),
            expires_at: desk.clock.now().plus(Duration::from_mins(15)),
            token_id: claims.token_id.clone(),
            premium_until: grant.premium_until,
        };
        assert_eq!(*claims, expected, "{algorithm}");
        assert_eq!((issued.expires_in, claims.token_id.len()), (900, 22));
    }
}

/// REQ-10: the header of RFC 9068 and nothing else; the claims of the contract and nothing else.
#[test]
fn a_token_has_exactly_the_members_of_the_contract() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let token = desk.issue();
    let mut segments = token.split('.').map(|segment| BASE64URL.decode(segment).unwrap());
    let header: Value = serde_json::from_slice(&segments.next().unwrap()).unwrap();
    assert_eq!(header, desk.header());
    let claims: Value = serde_json::from_slice(&segments.next().unwrap()).unwrap();
    let names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    let mut contract = ["iss", "sub", "aud", "exp", "iat", "jti", "sid", "gen", "epoch", "role", "amr", "auth_time"];
    contract.sort_unstable();
    assert_eq!(names, contract);
}

#[test]
fn no_two_tokens_have_the_same_name() {
    let desk = Desk::new(SigningAlgorithm::Hs256);
    let [one, two] = [(); 2].map(|()| desk.verify(&desk.issue()).unwrap());
    assert_ne!(one.token_id, two.token_id);
}

#[test]
fn a_token_never_outlives_its_session() {
    let desk = Desk::new(SigningAlgorithm::Hs256);
    for (left, lives) in [(3600, 900), (900, 900), (899, 899), (1, 1), (0, 0)] {
        let session_expires_at = desk.clock.now().plus(Duration::from_secs(left));
        let issued = desk.tokens.issue(&AccessGrant { session_expires_at, ..desk.grant() }, &OsRandom).unwrap();
        assert_eq!(issued.expires_in, lives);
        let verified = desk.verify(issued.token.expose()).map(|claims| claims.expires_at);
        assert_eq!(
            verified,
            if lives == 0 {
                Err(AccessTokenError::Expired)
            } else {
                Ok(desk.clock.now().plus(Duration::from_secs(lives)))
            }
        );
    }
}

#[test]
fn a_lifetime_that_the_verifier_would_refuse_is_cut() {
    let mut desk = Desk::new(SigningAlgorithm::Hs256);
    desk.tokens.config.lifetime = Duration::from_hours(48);
    let session_expires_at = desk.clock.now().plus(Duration::from_hours(1000));
    let issued = desk.tokens.issue(&AccessGrant { session_expires_at, ..desk.grant() }, &OsRandom).unwrap();
    assert_eq!(issued.expires_in, 86_400);
    assert!(desk.verify(issued.token.expose()).is_ok());
}

/// T-08: no leeway, also where the token was accepted before.
#[test]
fn a_token_expires_at_its_end_to_the_microsecond() {
    for met_before in [true, false] {
        let desk = Desk::new(SigningAlgorithm::EdDsa);
        let token = desk.issue();
        let end = desk.clock.now().plus(Duration::from_mins(15));
        if met_before {
            desk.verify(&token).unwrap();
        }
        desk.clock.set(end.minus(Duration::from_micros(1)));
        assert!(desk.verify(&token).is_ok());
        desk.clock.set(end);
        assert_eq!(desk.verify(&token), Err(AccessTokenError::Expired));
    }
}

/// The 5 seconds between two machines' clocks.
#[test]
fn a_token_from_the_near_future_is_accepted() {
    let desk = Desk::new(SigningAlgorithm::Hs256);
    for claim in ["iat", "nbf"] {
        let now = desk.now();
        assert!(desk.verify(&desk.forge(&desk.header(), &desk.claims_with(claim, Some(json!(now + 5))))).is_ok());
        let later = desk.forge(&desk.header(), &desk.claims_with(claim, Some(json!(now + 6))));
        assert_eq!(desk.verify(&later), Err(AccessTokenError::Invalid));
    }
}

#[test]
fn claims_of_a_newer_issuer_are_ignored() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let claims = desk.claims_with("tenant", Some(json!({"id": [1, 2]})));
    assert!(desk.verify(&desk.forge(&desk.header(), &claims)).is_ok());
}

/// REQ-12.
#[test]
fn a_revoked_sessions_token_is_refused_also_if_it_was_accepted_before() {
    for met_before in [true, false] {
        let desk = Desk::new(SigningAlgorithm::EdDsa);
        let token = desk.issue();
        if met_before {
            desk.verify(&token).unwrap();
        }
        desk.revocations.revoke_session(desk.session_id, Timestamp::MAX);
        assert_eq!(desk.verify(&token), Err(AccessTokenError::SessionRevoked));
    }
}

#[test]
fn a_token_of_a_past_epoch_has_expired() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let token = desk.issue();
    desk.revocations.raise_epoch(desk.user_id, 3, Timestamp::MAX);
    assert!(desk.verify(&token).is_ok());
    desk.revocations.raise_epoch(desk.user_id, 4, Timestamp::MAX);
    assert_eq!(desk.verify(&token), Err(AccessTokenError::Expired));
}

#[test]
fn without_news_of_revocations_no_token_is_trusted() {
    let key = Arc::new(signing_key(SigningAlgorithm::EdDsa));
    let desk = Desk::with_ring(KeyRing::new(Arc::clone(&key)), key, Some(Duration::from_secs(5)));
    let token = desk.issue();
    assert_eq!(desk.verify(&token), Err(AccessTokenError::RevocationsStale));
    desk.revocations.mark_synced(desk.clock.now());
    assert!(desk.verify(&token).is_ok());
    desk.clock.advance(Duration::from_millis(5001));
    assert_eq!(desk.verify(&token), Err(AccessTokenError::RevocationsStale));
    desk.revocations.revoke_session(desk.session_id, Timestamp::MAX);
    assert_eq!(desk.verify(&token), Err(AccessTokenError::SessionRevoked), "what is known stays known");
}

#[test]
fn each_refusal_has_its_code() {
    for (error, code) in [
        (AccessTokenError::Invalid, ErrorCode::TokenInvalid),
        (AccessTokenError::Expired, ErrorCode::TokenExpired),
        (AccessTokenError::SessionRevoked, ErrorCode::SessionRevoked),
        (AccessTokenError::RevocationsStale, ErrorCode::Overloaded),
    ] {
        assert_eq!(error.code(), code);
    }
}

#[test]
fn a_process_that_only_verifies_can_not_issue() {
    let issuer = Desk::new(SigningAlgorithm::EdDsa);
    let ring = KeyRing::verifying_only().with_key(Arc::clone(issuer.key.verification_key()), None).unwrap();
    let verifier = Desk::with_ring(ring, Arc::clone(&issuer.key), None);
    assert!(verifier.verify(&issuer.issue()).is_ok());
    assert!(verifier.tokens.issue(&verifier.grant(), &OsRandom).is_err());
}

#[test]
fn an_issued_token_is_not_printed() {
    let desk = Desk::new(SigningAlgorithm::Hs256);
    let issued = desk.tokens.issue(&desk.grant(), &OsRandom).unwrap();
    assert_eq!(format!("{issued:?}"), "IssuedAccessToken { token: AccessToken(…), expires_in: 900 }");
    assert!(!format!("{:?}", desk.tokens).contains(desk.key.kid()));
}
