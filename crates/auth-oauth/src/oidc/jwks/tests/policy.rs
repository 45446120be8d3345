//! Which keys of a set are taken.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use crate::oidc::algorithm::IdTokenAlgorithm;
use crate::oidc::fixture::{TestKey, base64url};
use crate::oidc::jwk::{SigningKey, UnusableKey};
use crate::oidc::jwks::{InvalidJwkSet, JwkSet, NoKey};

use IdTokenAlgorithm as A;

fn set(keys: &[Value]) -> JwkSet {
    JwkSet::read(&json!({"keys": keys})).unwrap()
}

/// The JWK of a good key, with a member that is another.
fn changed(algorithm: A, member: &str, value: Value) -> Value {
    let mut jwk = TestKey::new(algorithm).jwk();
    jwk[member] = value;
    jwk
}

/// The JWK of a good key, without a member.
fn without(algorithm: A, member: &str) -> Value {
    let mut jwk = TestKey::new(algorithm).jwk();
    jwk.as_object_mut().unwrap().remove(member).unwrap();
    jwk
}

fn refusal(jwk: &Value) -> UnusableKey {
    SigningKey::read(jwk).err().unwrap_or_else(|| panic!("taken: {jwk}"))
}

#[test]
fn a_key_of_each_type_verifies_by_its_algorithm_alone() {
    for algorithm in A::ALL {
        let key = TestKey::new(algorithm);
        let (public, signature) = (key.public(), key.sign(b"message"));
        assert!(public.verify(algorithm, b"message", &signature), "{algorithm:?}");
        assert!(!public.verify(algorithm, b"massage", &signature), "{algorithm:?}");
        for other in A::ALL.into_iter().filter(|other| *other != algorithm) {
            assert!(!public.is_for(other) && !public.verify(other, b"message", &signature), "{algorithm:?} {other:?}");
        }
    }
}

#[test]
fn a_key_without_alg_verifies_by_the_algorithms_of_its_type_alone() {
    for (algorithm, expected) in [
        (A::Rs256, &[A::Rs256, A::Rs384, A::Rs512, A::Ps256, A::Ps384, A::Ps512][..]),
        (A::Es256, &[A::Es256]),
        (A::Es384, &[A::Es384]),
        (A::Es512, &[A::Es512]),
        (A::EdDsa, &[A::EdDsa]),
    ] {
        let key = SigningKey::read(&without(algorithm, "alg")).unwrap();
        let fit: Vec<_> = A::ALL.into_iter().filter(|algorithm| key.is_for(*algorithm)).collect();
        assert_eq!(fit, expected);
    }
}

/// O-09: what a key is for.
#[test]
fn a_key_for_something_else_is_left_out() {
    for algorithm in A::ALL {
        for usage in ["enc", "", "SIG"] {
            assert_eq!(refusal(&changed(algorithm, "use", json!(usage))), UnusableKey::Use, "{usage}");
        }
        for operations in [json!([]), json!(["encrypt"]), json!(["sign"]), json!(["deriveKey", "wrapKey"])] {
            assert_eq!(refusal(&changed(algorithm, "key_ops", operations.clone())), UnusableKey::Use, "{operations}");
        }
        assert_eq!(refusal(&changed(algorithm, "key_ops", json!("verify"))), UnusableKey::Malformed);
        assert!(SigningKey::read(&without(algorithm, "use")).is_ok());
        assert!(SigningKey::read(&changed(algorithm, "key_ops", json!(["sign", "verify"]))).is_ok());
    }
}

/// O-09: symmetric keys, and private ones, are no public keys.
#[test]
fn a_key_with_a_secret_in_it_is_left_out() {
    let oct = json!({"kty": "oct", "kid": "a", "alg": "HS256", "k": base64url([7; 32])});
    assert_eq!(refusal(&oct), UnusableKey::NotPublic);
    assert_eq!(refusal(&json!({"kty": "oct", "kid": "a", "alg": "RS256"})), UnusableKey::Type);
    for algorithm in A::ALL {
        for member in ["d", "p", "q", "k"] {
            let jwk = changed(algorithm, member, json!("AAAA"));
            assert_eq!(refusal(&jwk), UnusableKey::NotPublic, "{algorithm:?} {member}");
        }
    }
}

#[test]
fn a_key_of_another_type_curve_or_algorithm_is_left_out() {
    for (algorithm, member, value) in [
        (A::Rs256, "kty", "rsa"),
        (A::Rs256, "kty", "oct"),
        (A::Rs256, "alg", "RS1"),
        (A::Rs256, "alg", "RSA-OAEP"),
        (A::Rs256, "alg", "ES256"),
        (A::Rs256, "alg", "HS256"),
        (A::Rs256, "alg", "none"),
        (A::Es256, "alg", "ES384"),
        (A::Es256, "alg", "ES256K"),
        (A::Es256, "crv", "secp256k1"),
        (A::Es256, "crv", "P-224"),
        (A::Es256, "kty", "OKP"),
        (A::EdDsa, "alg", "ES256"),
        (A::EdDsa, "crv", "Ed448"),
        (A::EdDsa, "crv", "X25519"),
        (A::EdDsa, "kty", "AKP"),
    ] {
        assert_eq!(refusal(&changed(algorithm, member, json!(value))), UnusableKey::Type, "{member} {value}");
    }
}

#[test]
fn a_key_that_is_none_is_left_out() {
    let long = base64url([1; 48]);
    for (algorithm, member, value) in [
        (A::Es256, "x", json!(base64url([1; 32]))),
        (A::Es256, "x", json!(base64url([0; 32]))),
        (A::Es256, "y", json!(long)),
        (A::Es256, "crv", json!("P-384")),
        (A::Es384, "crv", json!("P-256")),
        (A::Es384, "y", json!(base64url([255; 48]))),
        (A::Es512, "crv", json!("P-256")),
        (A::Es512, "x", json!(base64url([1; 65]))),
        (A::EdDsa, "x", json!(base64url([1; 31]))),
        (A::EdDsa, "x", json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")),
        (A::EdDsa, "x", json!("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo")),
        (A::EdDsa, "x", json!(7)),
        (A::EdDsa, "x", json!(null)),
        (A::EdDsa, "kid", json!(7)),
        (A::EdDsa, "alg", json!(["EdDSA"])),
    ] {
        let jwk = changed(algorithm, member, value.clone());
        assert_eq!(refusal(&jwk), UnusableKey::Malformed, "{algorithm:?} {member} {value}");
    }
    for jwk in [json!(null), json!([]), json!("key"), json!(["RSA", "a"]), json!({})] {
        assert_eq!(refusal(&jwk), UnusableKey::Malformed, "{jwk}");
    }
}

/// O-09. The moduli have no owner: the policy looks at their size alone.
#[test]
fn a_weak_rsa_key_is_left_out() {
    let modulus = |bits: usize| {
        let mut bytes = vec![0xa5; bits.div_ceil(8)];
        bytes[0] = if bits.is_multiple_of(8) { 0x80 } else { 1 << (bits % 8 - 1) };
        json!(base64url(bytes))
    };
    for bits in [512, 1024, 2047, 8193, 16384] {
        assert_eq!(refusal(&changed(A::Rs256, "n", modulus(bits))), UnusableKey::Weak, "{bits}");
    }
    for bits in [2048, 3072, 4096, 8192] {
        assert!(SigningKey::read(&changed(A::Rs256, "n", modulus(bits))).is_ok(), "{bits}");
    }
    for exponent in [&[1][..], &[3], &[17], &[1, 0, 0], &[0, 1, 0, 1], &[1, 0, 0, 0, 1], &[]] {
        assert_eq!(refusal(&changed(A::Ps256, "e", json!(base64url(exponent)))), UnusableKey::Weak, "{exponent:?}");
    }
}

/// Some providers write the modulus as Java does, with a sign.
#[test]
fn a_modulus_may_begin_with_a_zero_byte() {
    let key = TestKey::new(A::Rs256);
    let jwk = key.jwk();
    let modulus = BASE64URL.decode(jwk["n"].as_str().unwrap()).unwrap();
    let with_zeros = |zeros: usize| {
        let mut jwk = jwk.clone();
        jwk["n"] = json!(base64url([vec![0; zeros], modulus.clone()].concat()));
        jwk
    };
    let read = SigningKey::read(&with_zeros(1)).unwrap();
    assert!(read.verify(A::Rs256, b"message", &key.sign(b"message")));
    assert_eq!(refusal(&with_zeros(2)), UnusableKey::Weak);
}

/// Some providers write out all members that they know.
#[test]
fn a_member_that_is_null_is_absent() {
    for member in ["use", "key_ops", "alg", "kid", "d", "x5c"] {
        for algorithm in [A::Rs256, A::Es256, A::EdDsa] {
            assert!(SigningKey::read(&changed(algorithm, member, json!(null))).is_ok(), "{algorithm:?} {member}");
        }
    }
}

/// What the operator is told.
#[test]
fn a_key_that_is_there_and_refused_is_not_called_unknown() {
    let mut weak = changed(A::Rs256, "n", json!(base64url([0xa5; 128])));
    weak["kid"] = json!("weak");
    let [one, two, other] = [A::EdDsa, A::EdDsa, A::Es256].map(|algorithm| TestKey::new(algorithm).jwk());
    let mut encrypting = changed(A::Es384, "use", json!("enc"));
    encrypting["kid"] = json!("enc");
    let set = set(&[weak, one, two, other, encrypting]);
    for (kid, algorithm, expected) in [
        (Some("weak"), A::Rs256, NoKey::Unfit(UnusableKey::Weak)),
        (Some("enc"), A::Es384, NoKey::Unfit(UnusableKey::Use)),
        (Some("EdDSA"), A::EdDsa, NoKey::Unfit(UnusableKey::SameName)),
        (Some("ES256"), A::Es384, NoKey::OtherAlgorithm),
        (Some("another"), A::Es256, NoKey::Unknown),
    ] {
        assert_eq!(set.find(kid, algorithm).err(), Some(expected), "{kid:?}");
    }
    assert_eq!(self::set(&[]).find(None, A::Es256).err(), Some(NoKey::Unnamed));
}

/// RFC 7517, section 5: what isn't understood is left out, and the rest stays.
#[test]
fn the_fit_keys_of_a_mixed_set_are_taken() {
    let mut encrypting = changed(A::Rs256, "use", json!("enc"));
    encrypting["kid"] = json!("ES256");
    let oct = json!({"kty": "oct", "kid": "EdDSA", "k": base64url([7; 32])});
    let mut keys = vec![json!(null), json!({"kty": "AKP", "alg": "ML-DSA-44", "kid": "new"}), encrypting, oct];
    keys.extend(A::ALL.map(|algorithm| TestKey::new(algorithm).jwk()));
    let set = set(&keys);
    for algorithm in A::ALL {
        assert!(set.find(Some(algorithm.as_str()), algorithm).is_ok(), "{algorithm:?}");
    }
    assert!(set.find(Some("new"), A::EdDsa).is_err());
}

/// O-09: a name of two keys is the name of none.
#[test]
fn two_keys_of_one_name_are_both_left_out() {
    let [one, two, three] = [A::EdDsa, A::EdDsa, A::Es256].map(TestKey::new);
    let mut other = TestKey::new(A::Es384).jwk();
    other["kid"] = json!("ES256");
    for pair in [[one.jwk(), two.jwk()], [two.jwk(), one.jwk()], [one.jwk(), one.jwk()]] {
        let set = set(&[pair.as_slice(), &[three.jwk()]].concat());
        assert!(set.find(Some("EdDSA"), A::EdDsa).is_err());
        assert!(set.find(Some("ES256"), A::Es256).is_ok());
    }
    let set = set(&[three.jwk(), other, one.jwk()]);
    assert!(set.find(Some("ES256"), A::Es256).is_err() && set.find(Some("ES256"), A::Es384).is_err());
    assert!(set.find(Some("EdDSA"), A::EdDsa).is_ok());
}

#[test]
fn a_key_is_found_by_its_exact_name_and_algorithm() {
    let (ec, ed) = (TestKey::new(A::Es256).jwk(), TestKey::new(A::EdDsa).jwk());
    let several = set(&[ec.clone(), ed.clone()]);
    assert!(several.find(Some("ES256"), A::Es256).is_ok());
    for (kid, algorithm) in
        [(Some("es256"), A::Es256), (Some(""), A::Es256), (Some("ES256"), A::EdDsa), (Some("ES256"), A::Rs256)]
    {
        assert!(several.find(kid, algorithm).is_err(), "{kid:?}");
    }
    // Core, section 10.1: where there are several keys, the token names one.
    assert!(several.find(None, A::Es256).is_err());
    assert!(set(&[ec]).find(None, A::Es256).is_ok());
    assert!(set(std::slice::from_ref(&ed)).find(None, A::Es256).is_err());
    let unnamed = set(&[without(A::EdDsa, "kid")]);
    assert!(unnamed.find(None, A::EdDsa).is_ok());
    assert!(unnamed.find(Some("EdDSA"), A::EdDsa).is_err());
    assert!(set(&[]).find(None, A::EdDsa).is_err());
}

#[test]
fn a_set_of_another_form_or_with_too_many_keys_is_refused() {
    for value in [json!(null), json!([]), json!({}), json!({"keys": {}}), json!({"keys": null}), json!([[]])] {
        assert_eq!(JwkSet::read(&value).err(), Some(InvalidJwkSet::Malformed), "{value}");
    }
    let keys = |count| json!({"keys": vec![json!({}); count]});
    assert!(JwkSet::read(&keys(JwkSet::MAX_KEYS)).is_ok());
    assert_eq!(JwkSet::read(&keys(JwkSet::MAX_KEYS + 1)).err(), Some(InvalidJwkSet::TooMany));
}
