//! Headers that must be refused although the signature is right, or as right as an attacker can make it.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};

use super::*;

fn refuses_each(headers: &[String], desk: &Desk) {
    assert!(desk.verify(&desk.forge(&desk.header(), &desk.claims())).is_ok(), "the table's base is good");
    desk.seen.drain();
    for header in headers {
        desk.refuses(&desk.sign(header, &desk.claims().to_string()), header);
    }
}

fn each_with(desk: &Desk, member: &str, values: &[Option<Value>]) -> Vec<String> {
    values.iter().map(|value| with(desk.header(), member, value.clone()).to_string()).collect()
}

/// T-01: `alg` none in every spelling, absent, or no text; with the signature kept and with an empty one.
#[test]
fn no_algorithm_is_no_algorithm_of_ours() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let values = ["none", "None", "NONE", "nOnE", "", "eddsa", "EDDSA", " EdDSA"].map(|alg| Some(json!(alg)));
    let others = [None, Some(Value::Null), Some(json!(0)), Some(json!(["EdDSA"])), Some(json!({"alg": "EdDSA"}))];
    let headers = each_with(&desk, "alg", &[&values[..], &others].concat());
    refuses_each(&headers, &desk);
    for header in headers {
        let unsigned = format!("{}.{}.", BASE64URL.encode(&header), BASE64URL.encode(desk.claims().to_string()));
        desk.refuses(&unsigned, &header);
    }
}

/// T-02: HMAC keyed with what everybody knows of our public key.
#[test]
fn the_public_key_is_no_secret() {
    for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256, SigningAlgorithm::Rs256] {
        let desk = Desk::new(algorithm);
        let jwk = serde_json::to_value(desk.key.public_jwk().unwrap()).unwrap();
        let member = |name: &str| jwk[name].as_str().map(|text| BASE64URL.decode(text).unwrap());
        let raw: Vec<u8> = ["n", "x", "y"].into_iter().filter_map(member).flatten().collect();
        let der = public_der(&desk);
        let base64 = base64::engine::general_purpose::STANDARD.encode(&der);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----");
        let secrets = [
            raw.clone(),
            der,
            pem.clone().into_bytes(),
            (pem + "\n").into_bytes(),
            jwk.to_string().into_bytes(),
            desk.tokens.keys().current().jwks(desk.clock.now()).into_bytes(),
            desk.key.kid().as_bytes().to_vec(),
            Vec::new(),
        ];
        for secret in secrets {
            desk.refuses(&hmac_token(&desk, &secret), algorithm.as_str());
        }
    }
}

/// The public key as a certificate holds it (RFC 5280, section 4.1.2.7).
fn public_der(desk: &Desk) -> Vec<u8> {
    let private = desk.key.private_bytes();
    let der: PublicKeyX509Der<'_> = match desk.key.algorithm() {
        SigningAlgorithm::EdDsa => Ed25519KeyPair::from_pkcs8(&private).unwrap().public_key().as_der().unwrap(),
        SigningAlgorithm::Es256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &private).unwrap();
            pair.public_key().as_der().unwrap()
        }
        _ => RsaKeyPair::from_pkcs8(&private).unwrap().public_key().as_der().unwrap(),
    };
    der.as_ref().to_vec()
}

/// A token under HS256 and this secret, with the name of the desk's key.
fn hmac_token(desk: &Desk, secret: &[u8]) -> String {
    let header = with(desk.header(), "alg", Some(json!("HS256")));
    let signed = format!("{}.{}", BASE64URL.encode(header.to_string()), BASE64URL.encode(desk.claims().to_string()));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
    format!("{signed}.{}", BASE64URL.encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes())))
}

/// T-03: relabelled within the family and across, and signed anew by an algorithm of the same key material.
#[test]
fn a_key_has_one_algorithm() {
    for algorithm in SigningAlgorithm::ALL {
        let desk = Desk::new(algorithm);
        let labels = [
            "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "ES256", "ES384", "ES512",
            "ES256K", "EdDSA", "Ed25519", "Ed448",
        ];
        let others: Vec<_> =
            labels.into_iter().filter(|label| *label != algorithm.as_str()).map(|label| Some(json!(label))).collect();
        refuses_each(&each_with(&desk, "alg", &others), &desk);
    }
    let desk = Desk::new(SigningAlgorithm::Hs256);
    let header = with(desk.header(), "alg", Some(json!("HS512")));
    let signed = format!("{}.{}", BASE64URL.encode(header.to_string()), BASE64URL.encode(desk.claims().to_string()));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA512, &desk.key.private_bytes());
    let signature = BASE64URL.encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes()));
    desk.refuses(&format!("{signed}.{signature}"), "HS512 with the secret of HS256");
}

/// T-03 with two keys: each under the other's name.
#[test]
fn a_key_verifies_under_its_own_name_only() {
    let (desk, other) = (Desk::new(SigningAlgorithm::EdDsa), Desk::new(SigningAlgorithm::EdDsa));
    let other_key = Arc::clone(other.key.verification_key());
    desk.keys.replace(KeyRing::new(Arc::clone(&desk.key)).with_key(other_key, None).unwrap());
    let header = with(desk.header(), "kid", Some(json!(other.key.kid())));
    desk.refuses(&desk.forge(&header, &desk.claims()), "signed by another key than it names");
    assert!(desk.verify(&desk.forge(&desk.header(), &desk.claims())).is_ok());
}

/// T-04.
#[test]
fn a_name_that_no_key_has_is_refused() {
    let desk = Desk::new(SigningAlgorithm::Hs256);
    let values = ["", "unknown", "../../../../dev/null", "/proc/self/environ", "x' UNION SELECT 'k' --", ";id", "\0"]
        .map(|kid| Some(json!(kid)));
    let kid = desk.key.kid();
    let others = [
        None,
        Some(Value::Null),
        Some(json!([kid])),
        Some(json!({"kid": kid})),
        Some(json!(7)),
        Some(json!(format!("{kid}\0"))),
        Some(json!(kid.to_lowercase() + " ")),
        Some(json!("k".repeat(1_000_000))),
    ];
    let headers = each_with(&desk, "kid", &[&values[..], &others].concat());
    refuses_each(&headers, &desk);
    for header in headers.iter().filter(|header| header.len() < 1000) {
        let signed = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(desk.claims().to_string()));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"");
        let signature = BASE64URL.encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes()));
        desk.refuses(&format!("{signed}.{signature}"), "signed with the empty key");
    }
}

/// T-05: a key, or the place of one, in the header is refused, even with the right signature of our own key.
#[test]
fn no_key_is_taken_from_the_header() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let attacker = signing_key(SigningAlgorithm::EdDsa);
    let jwk = serde_json::to_value(attacker.public_jwk().unwrap()).unwrap();
    for (member, value) in [
        ("jwk", jwk),
        ("jku", json!("http://127.0.0.1:1/jwks.json")),
        ("x5u", json!("http://127.0.0.1:1/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
    ] {
        let header = with(desk.header(), member, Some(value)).to_string();
        refuses_each(std::slice::from_ref(&header), &desk);
        let signed = format!("{}.{}", BASE64URL.encode(&header), BASE64URL.encode(desk.claims().to_string()));
        let signature = BASE64URL.encode(attacker.sign(signed.as_bytes()).unwrap());
        desk.refuses(&format!("{signed}.{signature}"), member);
    }
}

/// T-06: another kind of token under our key; and RFC 8725, section 3.11.
#[test]
fn a_token_of_another_type_is_refused() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let values = ["JWT", "jwt", "at+JWT", "AT+JWT", "application/at+jwt", "at+jwt ", "id+jwt", "logout+jwt", ""]
        .map(|typ| Some(json!(typ)));
    let others = [None, Some(Value::Null), Some(json!(1)), Some(json!(["at+jwt"]))];
    refuses_each(&each_with(&desk, "typ", &[&values[..], &others].concat()), &desk);
}

/// T-15, and whatever else a header might bring.
#[test]
fn an_extension_is_refused() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let mut headers = Vec::new();
    for (member, value) in [
        ("crit", json!(["unknown"])),
        ("crit", json!("unknown")),
        ("crit", json!([])),
        ("crit", json!(["b64"])),
        ("crit", Value::Null),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("cty", json!("JWT")),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("unknown", json!(1)),
    ] {
        headers.push(with(desk.header(), member, Some(value)).to_string());
    }
    refuses_each(&headers, &desk);
}

/// T-18 for the header: repeated members, and texts that are the right ones only after unescaping.
#[test]
fn a_header_of_another_spelling_is_refused() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let kid = desk.key.kid();
    refuses_each(
        &[
            format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","alg":"EdDSA"}}"#),
            format!(r#"{{"alg":"none","alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{kid}","kid":"{kid}","typ":"at+jwt"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","\u0074yp":"at+jwt"}}"#),
            format!(r#"{{"alg":"Ed\u0044SA","kid":"{kid}","typ":"at+jwt"}}"#),
            format!(r#"["EdDSA","{kid}","at+jwt"]"#),
            format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}x"#),
            format!("{{\"alg\":\"EdDSA\",\"kid\":\"{kid}\",\"typ\":\"at+jwt\"}}\0"),
            format!("\u{feff}{{\"alg\":\"EdDSA\",\"kid\":\"{kid}\",\"typ\":\"at+jwt\"}}"),
            "{}".to_owned(),
            "null".to_owned(),
            r#""at+jwt""#.to_owned(),
        ],
        &desk,
    );
}
