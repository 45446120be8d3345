//! The claims of section 3.1.3.7.

use super::*;

#[test]
fn a_good_token_of_each_algorithm_passes() {
    for algorithm in IdTokenAlgorithm::ALL {
        let desk = Desk::of(algorithm);
        desk.takes(&desk.claims());
    }
}

/// O-08: byte by byte, so a slash more or less is another issuer.
#[test]
fn a_token_of_another_issuer_is_refused() {
    let desk = Desk::new();
    for issuer in [
        "https://login.example.com/tenant/",
        "https://login.example.com",
        "https://Login.example.com/tenant",
        "https://login.example.com:443/tenant",
        "http://login.example.com/tenant",
        "login.example.com/tenant",
        " https://login.example.com/tenant",
        "",
    ] {
        desk.refuses(&desk.claims_with("iss", json!(issuer)), InvalidIdToken::Issuer);
    }
    desk.refuses(&desk.claims_without("iss"), InvalidIdToken::Issuer);
    desk.refuses(&desk.claims_with("iss", json!([ISSUER])), InvalidIdToken::Malformed);
    desk.refuses(&desk.claims_with("iss", json!(null)), InvalidIdToken::Malformed);
}

/// O-08.
#[test]
fn a_token_for_somebody_else_is_refused() {
    let desk = Desk::new();
    for audience in [
        json!("client-2"),
        json!("client-1 "),
        json!("Client-1"),
        json!(""),
        json!("client-1,client-2"),
        json!([]),
        json!(["client-2"]),
        // Ours, but also for others whom we have no reason to trust.
        json!(["client-1", "client-2"]),
        json!(["client-2", "client-1"]),
    ] {
        desk.refuses(&desk.claims_with("aud", audience), InvalidIdToken::Audience);
    }
    desk.refuses(&desk.claims_without("aud"), InvalidIdToken::Audience);
    for audience in [json!(null), json!(1), json!({"client-1": 1}), json!(["client-1", 1]), json!([["client-1"]])] {
        desk.refuses(&desk.claims_with("aud", audience), InvalidIdToken::Malformed);
    }
    desk.takes(&desk.claims_with("aud", json!(["client-1"])));
    desk.takes(&desk.claims_with("aud", json!(["client-1", "client-1"])));
}

/// O-08.
#[test]
fn a_token_that_was_issued_to_somebody_else_is_refused() {
    let desk = Desk::new();
    for audience in [json!("client-1"), json!(["client-1"]), json!(["client-1", "client-2"])] {
        let mut claims = desk.claims_with("aud", audience);
        for party in ["client-2", "", "client-1 "] {
            claims["azp"] = json!(party);
            desk.refuses(&claims, InvalidIdToken::AuthorizedParty);
        }
        for party in [json!(null), json!(["client-1"])] {
            claims["azp"] = party;
            desk.refuses(&claims, InvalidIdToken::Malformed);
        }
        claims["azp"] = json!("client-1");
        desk.takes(&claims);
    }
    let mut claims = desk.claims_with("aud", json!("client-2"));
    claims["azp"] = json!("client-1");
    desk.refuses(&claims, InvalidIdToken::Audience);
}

/// O-08.
#[test]
fn a_token_is_good_until_five_seconds_after_its_end() {
    let desk = Desk::new();
    let now = desk.now();
    desk.takes(&desk.claims_with("exp", json!(now - 4)));
    for end in [now - 5, now - 6, 0, -1, i64::MIN] {
        desk.refuses(&desk.claims_with("exp", json!(end)), InvalidIdToken::Expired);
    }
    desk.takes(&desk.claims_with("exp", json!(i64::MAX)));
    desk.refuses(&desk.claims_without("exp"), InvalidIdToken::Expired);
}

/// O-08: a token that was made before the flow, or is yet to be made, isn't the flow's.
#[test]
fn a_token_was_issued_just_now() {
    let desk = Desk::new();
    let now = desk.now();
    for issued_at in [now + 60, now, now - 600, now - 660] {
        desk.takes(&desk.claims_with("iat", json!(issued_at)));
    }
    for issued_at in [now + 61, now - 661, i64::MAX, i64::MIN, 0] {
        desk.refuses(&desk.claims_with("iat", json!(issued_at)), InvalidIdToken::IssuedAt);
    }
    desk.refuses(&desk.claims_without("iat"), InvalidIdToken::IssuedAt);
    let before = desk.token(&desk.claims_with("exp", json!(now + 3600)));
    desk.clock.advance(std::time::Duration::from_secs(661));
    assert_eq!(desk.verify_text(&before).err(), Some(InvalidIdToken::IssuedAt));
}

#[test]
fn a_token_that_begins_later_is_refused() {
    let desk = Desk::new();
    let now = desk.now();
    for begin in [i64::MIN, now, now + 60] {
        desk.takes(&desk.claims_with("nbf", json!(begin)));
    }
    desk.refuses(&desk.claims_with("nbf", json!(now + 61)), InvalidIdToken::NotBefore);
}

/// RFC 7519, section 2: a `NumericDate` may have a fraction.
#[test]
fn times_may_have_a_fraction() {
    let desk = Desk::new();
    let after = |seconds: i64, fraction: f64| {
        let whole = i32::try_from(desk.now() + seconds).unwrap();
        json!(f64::from(whole) + fraction)
    };
    for claim in ["exp", "iat", "nbf"] {
        desk.takes(&desk.claims_with(claim, after(0, 0.25)));
        desk.takes(&desk.claims_with(claim, after(0, 0.0)));
    }
    desk.takes(&desk.claims_with("exp", after(-4, 0.5)));
    desk.refuses(&desk.claims_with("exp", after(-5, 0.5)), InvalidIdToken::Expired);
    desk.takes(&desk.claims_with("iat", after(60, 0.5)));
    desk.refuses(&desk.claims_with("iat", after(61, 0.5)), InvalidIdToken::IssuedAt);
    desk.refuses(&desk.claims_with("iat", after(-661, 0.5)), InvalidIdToken::IssuedAt);
    desk.takes(&desk.claims_with("nbf", after(60, 0.5)));
    desk.refuses(&desk.claims_with("nbf", after(61, 0.5)), InvalidIdToken::NotBefore);
    desk.refuses(&desk.claims_with("exp", json!(-0.5)), InvalidIdToken::Expired);
}

#[test]
fn times_are_numbers() {
    let desk = Desk::new();
    for claim in ["exp", "iat", "nbf"] {
        for value in [
            json!(desk.now().to_string()),
            json!(null),
            json!(u64::MAX),
            json!(1e30),
            json!(-1e300),
            json!([1]),
            json!(true),
        ] {
            desk.refuses(&desk.claims_with(claim, value), InvalidIdToken::Malformed);
        }
    }
}

/// O-08, O-05: a token of another flow, or one that was seen before.
#[test]
fn a_token_of_another_flow_is_refused() {
    let desk = Desk::new();
    for nonce in ["", "another", &NONCE[1..], &NONCE.to_lowercase(), &format!("{NONCE} "), &format!("{NONCE}\0")] {
        desk.refuses(&desk.claims_with("nonce", json!(nonce)), InvalidIdToken::Nonce);
    }
    desk.refuses(&desk.claims_without("nonce"), InvalidIdToken::Nonce);
    desk.refuses(&desk.claims_with("nonce", json!(null)), InvalidIdToken::Malformed);
    desk.refuses(&desk.claims_with("nonce", json!([NONCE])), InvalidIdToken::Malformed);
}

/// The example of OpenID Connect Core, appendix A.3.
#[test]
fn the_hash_of_an_access_token_is_that_of_the_standard() {
    assert_eq!(at_hash(ACCESS_TOKEN, IdTokenAlgorithm::Rs256), "77QmUPtjPfzWtF2AnpK9RQ");
}

/// O-08.
#[test]
fn a_token_of_another_access_token_is_refused() {
    for (algorithm, bytes) in [
        (IdTokenAlgorithm::Rs256, 16),
        (IdTokenAlgorithm::Rs384, 24),
        (IdTokenAlgorithm::Rs512, 32),
        (IdTokenAlgorithm::Ps256, 16),
        (IdTokenAlgorithm::Ps384, 24),
        (IdTokenAlgorithm::Ps512, 32),
        (IdTokenAlgorithm::Es256, 16),
        (IdTokenAlgorithm::Es384, 24),
        (IdTokenAlgorithm::Es512, 32),
        (IdTokenAlgorithm::EdDsa, 32),
    ] {
        let desk = Desk::of(algorithm);
        let hash = at_hash(ACCESS_TOKEN, algorithm);
        assert_eq!(hash.len(), (bytes * 4_usize).div_ceil(3));
        desk.takes(&desk.claims_with("at_hash", json!(hash)));
        let others = IdTokenAlgorithm::ALL.map(|other| at_hash(ACCESS_TOKEN, other));
        let of_other_lengths = others.into_iter().filter(|other| other.len() != hash.len());
        for other in of_other_lengths.chain([String::new(), at_hash("another", algorithm), format!("{hash}=")]) {
            desk.refuses(&desk.claims_with("at_hash", json!(other)), InvalidIdToken::AccessTokenHash);
        }
        desk.refuses(&desk.claims_with("at_hash", json!(null)), InvalidIdToken::Malformed);
    }
}

/// O-12.
#[test]
fn a_token_without_a_subject_is_refused() {
    let desk = Desk::new();
    for subject in ["", " ", "undefined", "null", "a\nb", "ä", &"s".repeat(256)] {
        desk.refuses(&desk.claims_with("sub", json!(subject)), InvalidIdToken::Subject);
    }
    desk.refuses(&desk.claims_without("sub"), InvalidIdToken::Subject);
    // 123 and "123" would be two people to another reader of the same tokens.
    for subject in [json!(null), json!(248_289_761_001_i64), json!(["a"]), json!({}), json!(true)] {
        desk.refuses(&desk.claims_with("sub", subject), InvalidIdToken::Malformed);
    }
}
