//! What authenticator apps read out of the URI.

use proptest::prelude::*;

use super::*;
use crate::random::SeededRandom;

fn secret() -> TotpSecret {
    TotpSecret::generate(&SeededRandom::new(1))
}

fn uri(issuer: &str, account: &str) -> String {
    secret().otpauth_uri(issuer, account).expose().to_owned()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&more[..2]).unwrap(), 16).unwrap());
            rest = &more[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Issuer and account, as an app takes them from a URI whose every other part it expects to be as it is.
fn names(uri: &str) -> (String, String) {
    let (label, parameters) = uri.strip_prefix("otpauth://totp/").unwrap().split_once('?').unwrap();
    let parameters: Vec<_> = parameters.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
    let [secret, issuer, fixed @ ..] = parameters.as_slice() else { panic!("{uri}") };
    assert_eq!(*secret, ("secret", self::secret().to_base32().expose()));
    assert_eq!(fixed, [("algorithm", "SHA1"), ("digits", "6"), ("period", "30")]);
    // Some apps decode the label first and look for the colon then.
    let label = decode(label);
    let (prefix, account) = label.split_once(':').unwrap();
    assert_eq!(*issuer, ("issuer", &*encode(prefix, MAX_ISSUER)));
    assert!(!account.contains(':') && !account.starts_with(' '), "{uri}");
    (prefix.to_owned(), account.to_owned())
}

/// REQ-20.
#[test]
fn the_uri_is_the_one_that_apps_expect() {
    let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
    assert_eq!(
        secret.otpauth_uri("ACME Co", "john.doe@email.com").expose(),
        "otpauth://totp/ACME%20Co:john.doe%40email.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ACME%20Co\
         &algorithm=SHA1&digits=6&period=30"
    );
}

#[test]
fn names_may_hold_what_has_a_meaning_in_a_uri() {
    for name in
        ["a+b", "a%20b", "a&secret=x", "a?b#c", "a/../b", "100 %", "Bücher & Co.", "東京", "\"<a>'", "a=b;c", "😀"]
    {
        assert_eq!(names(&uri(name, name)), (name.to_owned(), name.to_owned()));
    }
}

#[test]
fn a_name_can_t_move_the_border_between_the_two() {
    let (issuer, account) = names(&uri(" Shop: Berlin ", "\u{202e}ada:\nx@example.org "));
    assert_eq!((&*issuer, &*account), ("Shop- Berlin", "-ada--x@example.org"));
}

#[test]
fn long_names_are_cut_between_characters() {
    let (issuer, account) = names(&uri(&"東".repeat(64), &"ü".repeat(254)));
    assert_eq!((issuer, account), ("東".repeat(21), "ü".repeat(64)));
    let before_a_space = "x".repeat(189);
    assert_eq!(names(&uri(&format!("{before_a_space} y"), "ada")).0, before_a_space);
    let address = format!("{}@{}.example", "x".repeat(64), "y".repeat(180));
    assert_eq!(names(&uri("Gatehouse", &address)).1, address);
}

#[test]
fn the_longest_uri_is_as_long_as_the_bound() {
    let longest = TotpSecret::from_bytes(&[0xff; 40]).unwrap();
    assert_eq!(longest.otpauth_uri(&"x".repeat(500), &"x".repeat(500)).expose().len(), OtpauthUri::MAX_BYTES);
}

proptest! {
    #[test]
    fn any_names_make_a_uri_of_plain_characters(issuer in "\\PC{1,80}", account: String) {
        let uri = uri(&issuer, &account);
        prop_assert!(uri.len() <= OtpauthUri::MAX_BYTES);
        prop_assert!(uri.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%:/?=&".contains(&byte)), "{}", uri);
        names(&uri);
    }
}

#[test]
fn a_uri_is_not_printed() {
    assert_eq!(format!("{:?}", secret().otpauth_uri("Gatehouse", "ada")), "OtpauthUri(…)");
}
