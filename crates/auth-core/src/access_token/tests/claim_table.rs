//! Claims that must be refused although the signature is right.

use super::*;

const NONE: Option<Value> = None;

/// Each value in the claim's place is refused as invalid.
fn refuses_each(desk: &Desk, claim: &str, values: impl IntoIterator<Item = Option<Value>>) {
    for value in values {
        let claims = desk.claims_with(claim, value);
        desk.refuses(&desk.forge(&desk.header(), &claims), &claims.to_string());
    }
}

/// A claim's JSON written as it is, where `Value` would write it differently.
fn with_text(desk: &Desk, claim: &str, text: &str) -> String {
    let claims = desk.claims_with(claim, Some(json!("@"))).to_string();
    desk.sign(&desk.header().to_string(), &claims.replace("\"@\"", text))
}

/// T-08.
#[test]
fn an_end_that_is_past_absent_or_no_integer_is_refused() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let now = desk.now();
    for past in [now, now - 1] {
        let claims = with(desk.claims_with("exp", Some(json!(past))), "iat", Some(json!(now - 600)));
        let token = desk.forge(&desk.header(), &claims);
        assert_eq!(desk.verify(&token), Err(AccessTokenError::Expired), "{past}");
    }
    let soon = now + 600;
    let values = [
        json!("9999999999"),
        json!(-1),
        json!(u64::MAX),
        json!(i64::MAX),
        json!([soon]),
        json!({}),
        Value::Null,
        json!(true),
    ];
    refuses_each(&desk, "exp", values.into_iter().map(Some).chain([NONE]));
    for text in [
        "1e308",
        "-1e308",
        "1e999",
        &format!("{soon}.0"),
        &format!("{soon}.5"),
        &format!("{soon}e0"),
        "0x7f",
        "NaN",
        "18446744073709551616",
        "-9223372036854775809",
    ] {
        desk.refuses(&with_text(&desk, "exp", text), text);
    }
}

/// T-09.
#[test]
fn a_beginning_that_lies_ahead_or_is_no_integer_is_refused() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let ahead = desk.now() + 600;
    refuses_each(
        &desk,
        "nbf",
        [json!(ahead), json!("0"), json!(0.5), json!([0]), Value::Null, json!(u64::MAX)].map(Some),
    );
    let claims = desk.claims_with("nbf", Some(json!(0)));
    assert!(desk.verify(&desk.forge(&desk.header(), &claims)).is_ok());
}

/// T-10.
#[test]
fn an_issue_time_ahead_after_the_end_or_too_long_ago_is_refused() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let now = desk.now();
    let longest = i64::try_from(MAX_ACCESS_TOKEN_LIFETIME.as_secs()).unwrap();
    let values = [
        json!(now + 31_536_000),
        json!(now + 601),
        json!(now + 600 - longest - 1),
        json!(i64::MIN),
        json!(0),
        json!("0"),
        json!(1.5),
        Value::Null,
    ];
    refuses_each(&desk, "iat", values.into_iter().map(Some).chain([NONE]));
    let configured = i64::try_from(desk.tokens.config.lifetime.as_secs()).unwrap();
    let claims = desk.claims_with("iat", Some(json!(now + 600 - configured)));
    assert!(desk.verify(&desk.forge(&desk.header(), &claims)).is_ok());
}

/// T-10: else it could outlive the memory of its own revocation.
#[test]
fn a_token_from_before_the_lifetime_was_shortened_has_expired() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let configured = i64::try_from(desk.tokens.config.lifetime.as_secs()).unwrap();
    let claims = desk.claims_with("iat", Some(json!(desk.now() + 600 - configured - 1)));
    assert_eq!(desk.verify(&desk.forge(&desk.header(), &claims)), Err(AccessTokenError::Expired));
}

/// T-11.
#[test]
fn another_issuer_or_audience_is_refused() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    for (claim, ours) in [("iss", ISSUER), ("aud", AUDIENCE)] {
        let texts = [
            "other".to_owned(),
            String::new(),
            format!("{ours}/"),
            ours.to_uppercase(),
            ours.replace("https", "http"),
            format!("{ours} "),
            format!(" {ours}"),
            format!("{ours}\0"),
            ours[..ours.len() - 1].to_owned(),
        ];
        refuses_each(&desk, claim, texts.into_iter().map(|text| Some(json!(text))));
        let others = [json!([ours]), json!([ours, "other"]), json!([]), json!({"0": ours}), Value::Null, json!(1)];
        refuses_each(&desk, claim, others.into_iter().map(Some).chain([NONE]));
    }
    let swapped = with(desk.claims_with("iss", Some(json!(AUDIENCE))), "aud", Some(json!(ISSUER)));
    desk.refuses(&desk.forge(&desk.header(), &swapped), "issuer and audience swapped");
}

/// 9.1.1 of ASVS 5: every claim is there and of its type.
#[test]
fn a_claim_that_is_missing_or_of_another_type_is_refused() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let simple = desk.user_id.as_uuid().simple().to_string();
    let id = desk.user_id.to_string();
    for claim in ["sub", "sid"] {
        let texts = ["", "7", &simple, &format!("{{{id}}}"), &format!("urn:uuid:{id}"), &format!("{id} "), "admin"]
            .map(|text| Some(json!(text)));
        refuses_each(
            &desk,
            claim,
            texts.into_iter().chain([NONE, Some(Value::Null), Some(json!(7)), Some(json!([id]))]),
        );
    }
    refuses_each(&desk, "jti", [NONE, Some(Value::Null), Some(json!("")), Some(json!(7))]);
    let no_generation = [json!(-1), json!(4_294_967_296_u64), json!(1.0), json!("1"), Value::Null];
    refuses_each(&desk, "gen", no_generation.into_iter().map(Some).chain([NONE]));
    for claim in ["epoch", "auth_time"] {
        let values = [json!(u64::MAX), json!(1.0), json!("1"), Value::Null, json!(true)];
        refuses_each(&desk, claim, values.into_iter().map(Some).chain([NONE]));
    }
    let roles = [json!("Admin"), json!("ADMIN"), json!("root"), json!(""), json!(0), json!(["admin"]), Value::Null];
    refuses_each(&desk, "role", roles.into_iter().map(Some).chain([NONE]));
    let methods = [json!("pwd"), json!([1]), json!([null]), json!({}), Value::Null];
    refuses_each(&desk, "amr", methods.into_iter().map(Some).chain([NONE]));
    refuses_each(&desk, "premium_until", [json!("2030-01-01"), json!(1.5), Value::Null].map(Some));
}

/// T-18.
#[test]
fn a_repeated_claim_is_refused() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let claims = desk.claims();
    for (name, value) in claims.as_object().unwrap() {
        let escaped = format!("\\u{:04x}{}", name.as_bytes()[0], &name[1..]);
        for name in [name, &escaped] {
            let repeated = claims.to_string().replacen('{', &format!("{{\"{name}\":{value},"), 1);
            desk.refuses(&desk.sign(&desk.header().to_string(), &repeated), &repeated);
        }
    }
}

#[test]
fn a_payload_that_is_no_object_is_refused() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let claims = desk.claims();
    let text = claims.to_string();
    let values: Vec<_> =
        ["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "sid", "gen", "epoch", "role", "amr", "auth_time"]
            .iter()
            .map(|name| if *name == "nbf" { json!(0) } else { claims[name].clone() })
            .collect();
    for payload in [
        json!(values).to_string(),
        format!("[{text}]"),
        format!("{text}{text}"),
        format!("{text},"),
        format!("\u{feff}{text}"),
        text[..text.len() - 1].to_owned(),
        "null".to_owned(),
        "{}".to_owned(),
        "foo".to_owned(),
    ] {
        desk.refuses(&desk.sign(&desk.header().to_string(), &payload), &payload);
    }
    let not_utf8 = [b"{\"x\":\"\xff\",".as_slice(), &text.as_bytes()[1..]].concat();
    let signed = format!("{}.{}", BASE64URL.encode(desk.header().to_string()), BASE64URL.encode(not_utf8));
    let signature = BASE64URL.encode(desk.key.sign(signed.as_bytes()).unwrap());
    desk.refuses(&format!("{signed}.{signature}"), "not UTF-8");
}

/// T-12: another installation's token, with its name and with ours.
#[test]
fn another_installations_token_is_refused() {
    let (desk, other) = (Desk::new(SigningAlgorithm::EdDsa), Desk::new(SigningAlgorithm::EdDsa));
    desk.refuses(&other.issue(), "signed by another installation");
    desk.refuses(&other.forge(&desk.header(), &desk.claims()), "signed by another installation, under our key's name");
}
