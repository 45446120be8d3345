//! What comes before the claims: segments, header, key, signature.

use super::*;
use crate::oidc::fixture::base64url;
use crate::oidc::id_token::MAX_ID_TOKEN_BYTES;

fn header_with(desk: &Desk, member: &str, value: Value) -> String {
    let mut header = desk.key.header();
    header[member] = value;
    desk.key.token(&header.to_string(), &desk.claims().to_string())
}

/// O-08: a header can't turn a public key into a secret, or the check off.
#[test]
fn an_algorithm_that_is_not_ours_is_refused() {
    let desk = Desk::new();
    for name in ["none", "None", "NONE", "", "HS256", "HS384", "HS512", "RS1", "ES256K", "eddsa"] {
        let token = header_with(&desk, "alg", json!(name));
        assert_eq!(desk.verify_text(&token).err(), Some(InvalidIdToken::Algorithm), "{name}");
    }
    let unsigned = format!("{}.{}.", base64url(r#"{"alg":"none"}"#), base64url(desk.claims().to_string()));
    assert_eq!(desk.verify_text(&unsigned).err(), Some(InvalidIdToken::Algorithm));
}

#[test]
fn an_algorithm_of_another_key_type_is_refused() {
    for algorithm in IdTokenAlgorithm::ALL {
        let desk = Desk::of(algorithm);
        for other in IdTokenAlgorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            let token = header_with(&desk, "alg", json!(other.as_str()));
            assert_eq!(desk.verify_text(&token).err(), Some(InvalidIdToken::Signature), "{algorithm:?} {other:?}");
        }
    }
}

#[test]
fn a_signature_of_another_key_or_text_is_refused() {
    use IdTokenAlgorithm as A;
    for algorithm in [A::Es256, A::Es384, A::Es512, A::EdDsa] {
        let (desk, other) = (Desk::of(algorithm), Desk::of(algorithm));
        assert_eq!(desk.verify_text(&other.token(&desk.claims())).err(), Some(InvalidIdToken::Signature));
    }
    for algorithm in IdTokenAlgorithm::ALL {
        let desk = Desk::of(algorithm);
        let good = desk.token(&desk.claims());
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        let other_payload = base64url(desk.claims_with("sub", json!("admin")).to_string());
        let other_header = base64url(format!(r#"{{"alg":"{}"}}"#, algorithm.as_str()));
        for token in [
            format!("{header}.{other_payload}.{signature}"),
            format!("{other_header}.{payload}.{signature}"),
            format!("{signed}.{}", base64url([0; 64])),
            format!("{signed}.AA"),
        ] {
            assert_eq!(desk.verify_text(&token).err(), Some(InvalidIdToken::Signature), "{algorithm:?} {token}");
        }
        assert!(desk.verify_text(&good).is_ok());
    }
}

#[test]
fn what_is_no_token_of_three_segments_is_refused() {
    let desk = Desk::new();
    let good = desk.token(&desk.claims());
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { panic!("{good}") };
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        (*header).to_owned(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!(".{payload}.{signature}"),
        format!("{header}..{signature}"),
        format!("{good}."),
        format!("{good}.{signature}"),
        format!("{header}.{payload}.{payload}.{payload}.{signature}"),
        format!("{good}="),
        format!("{good}\n"),
        format!(" {good}"),
        good.replacen('.', "=.", 1),
        format!("{header}.{payload}.{}+{}", &signature[..10], &signature[11..]),
        format!("{}.{payload}.{signature}", header.replace('e', "é")),
    ] {
        assert_eq!(desk.verify_text(&token).err(), Some(InvalidIdToken::Structure), "{token:?}");
    }
}

/// The last of the 86 characters of an Ed25519 signature carries four bits that mean nothing: one spelling is right.
#[test]
fn a_signature_has_one_spelling() {
    let desk = Desk::new();
    let good = desk.token(&desk.claims());
    let spellings = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars();
    let taken = spellings
        .map(|last| format!("{}{last}", &good[..good.len() - 1]))
        .filter(|token| desk.verify_text(token).is_ok());
    assert_eq!(taken.collect::<Vec<_>>(), std::slice::from_ref(&good));
}

#[test]
fn a_header_with_something_critical_or_malformed_is_refused() {
    let desk = Desk::new();
    for (member, value) in [
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("crit", json!(null)),
        ("typ", json!(null)),
        ("typ", json!(1)),
        ("kid", json!(null)),
        ("kid", json!(1)),
        ("alg", json!(null)),
        ("alg", json!(["EdDSA"])),
    ] {
        let token = header_with(&desk, member, value.clone());
        assert_eq!(desk.verify_text(&token).err(), Some(InvalidIdToken::Header), "{member} {value}");
    }
    for header in ["", "{}", "[]", "null", r#"["EdDSA"]"#, r#"{"alg":"EdDSA","alg":"EdDSA"}"#, r#"{"alg":"EdDSA"}x"#] {
        let token = desk.key.token(header, &desk.claims().to_string());
        let reason = if header.is_empty() { InvalidIdToken::Structure } else { InvalidIdToken::Header };
        assert_eq!(desk.verify_text(&token).err(), Some(reason), "{header}");
    }
}

/// RFC 8725, section 3.11: a token of another kind says so.
#[test]
fn a_token_of_another_kind_is_refused() {
    let desk = Desk::new();
    for typ in [
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "oauth-authz-req+jwt",
        "token-introspection+jwt",
        "kb+jwt",
        "vc+sd-jwt",
    ] {
        let token = header_with(&desk, "typ", json!(typ));
        assert_eq!(desk.verify_text(&token).err(), Some(InvalidIdToken::Kind), "{typ}");
    }
    for typ in ["JWT", "jwt", "Jwt", "application/jwt", "JOSE", "id_token", "ID", ""] {
        assert!(desk.verify_text(&header_with(&desk, "typ", json!(typ))).is_ok(), "{typ}");
    }
}

/// O-08, security case T-05: a header that brings its own key is believed as little as any other.
#[test]
fn keys_in_the_header_are_not_looked_at() {
    let (desk, other) = (Desk::new(), Desk::new());
    for (member, value) in [
        ("jwk", other.key.jwk()),
        ("jku", json!("http://127.0.0.1:1/keys")),
        ("x5u", json!("http://127.0.0.1:1/chain")),
        ("x5c", json!(["AAAA"])),
    ] {
        assert!(desk.verify_text(&header_with(&desk, member, value.clone())).is_ok(), "{member}");
        let forged = header_with(&other, member, value);
        assert_eq!(desk.verify_text(&forged).err(), Some(InvalidIdToken::Signature), "{member}");
    }
}

#[test]
fn a_payload_that_is_no_object_or_says_something_twice_is_refused() {
    let desk = Desk::new();
    let good = desk.claims().to_string();
    let header = desk.key.header().to_string();
    for claims in [
        "null".to_owned(),
        "[]".to_owned(),
        format!("[{good}]"),
        format!("{good}{good}"),
        good.replacen('{', r#"{"sub":"other","#, 1),
        good.replacen('{', r#"{"s\u0075b":"other","#, 1),
        good.replacen('{', r#"{"email":"a@example.org","email":"b@example.org","#, 1),
        good.replacen('{', "\u{feff}{", 1),
    ] {
        let token = desk.key.token(&header, &claims);
        assert_eq!(desk.verify_text(&token).err(), Some(InvalidIdToken::Malformed), "{claims}");
    }
}

#[test]
fn a_token_of_more_than_16_kib_is_refused_unread() {
    let desk = Desk::new();
    let empty = desk.token(&desk.claims_with("filler", json!("")));
    let room = (MAX_ID_TOKEN_BYTES - empty.len()) * 3 / 4 - 2;
    let fits = desk.token(&desk.claims_with("filler", json!("x".repeat(room))));
    assert!((MAX_ID_TOKEN_BYTES - 8..=MAX_ID_TOKEN_BYTES).contains(&fits.len()), "{}", fits.len());
    assert!(desk.verify_text(&fits).is_ok());
    let longer = desk.token(&desk.claims_with("filler", json!("x".repeat(room + 12))));
    assert_eq!(desk.verify_text(&longer).err(), Some(InvalidIdToken::TooLong));
    assert_eq!(desk.verify_text(&".".repeat(MAX_ID_TOKEN_BYTES + 1)).err(), Some(InvalidIdToken::TooLong));
}
