//! Texts that are no compact JWS (RFC 7515, section 7.1), or not the one spelling of one.

use proptest::prelude::*;

use super::*;
use crate::one_time_token::{OneTimeTokens, TokenPurpose};
use crate::refresh_token::{RefreshTokens, SessionSalt};
use crate::secret::DataKey;

/// T-13.
#[test]
fn a_text_of_another_structure_is_refused() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let token = desk.issue();
    let parts: Vec<_> = token.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let json = json!({"protected": header, "payload": payload, "signature": signature}).to_string();
    for text in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        header.to_owned(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!(".{payload}.{signature}"),
        format!("{header}..{signature}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{header}.{payload}.{payload}.{signature}"),
        format!("{header}.{payload}.{payload}.{payload}.{signature}"),
        json,
        format!("Bearer {token}"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}\0"),
        token.replacen('.', " .", 1),
        token.replacen('.', ".\n", 1),
        format!("{token}="),
        format!("{token}=="),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}==.{signature}"),
        "ä.ö.ü".to_owned(),
        "\u{1f600}".repeat(100),
    ] {
        desk.refuses(&text, &text);
    }
    assert!(desk.verify(&token).is_ok());
}

/// T-06: our three kinds of token, each read as each other.
#[test]
fn a_token_of_another_kind_is_refused() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let key = DataKey::generate(&OsRandom);
    let refresh_tokens = RefreshTokens::new(&[(1, key.clone())]).unwrap();
    let one_time_tokens = OneTimeTokens::new(&key);
    let access = desk.issue();
    let refresh = refresh_tokens.mint(desk.session_id, 1, &SessionSalt::generate(&OsRandom));
    let (one_time, _) = one_time_tokens.issue(TokenPurpose::ResetPassword, &OsRandom);
    for text in [refresh.expose(), one_time.expose(), desk.session_id.to_string().as_str()] {
        desk.refuses(text, text);
    }
    for text in [access.as_str(), one_time.expose()] {
        assert!(refresh_tokens.parse(text).is_err(), "{text}");
    }
    for text in [access.as_str(), refresh.expose()] {
        assert_eq!(one_time_tokens.hash(TokenPurpose::ResetPassword, text), None, "{text}");
    }
}

/// T-13: the alphabet of plain base64.
#[test]
fn another_alphabet_is_refused() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    // Of 40 tokens with 86 characters of signature, far from all are without `-` and `_`.
    let tokens: Vec<_> = (0..40).map(|_| desk.issue()).filter(|token| token.contains(['-', '_'])).collect();
    assert!(!tokens.is_empty());
    for token in tokens {
        desk.refuses(&token.replace('-', "+").replace('_', "/"), &token);
    }
}

/// T-13: a signature of 64 bytes leaves four unused bits in its last character.
#[test]
fn the_last_characters_unused_bits_are_zero() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let token = desk.issue();
    let (start, last) = token.split_at(token.len() - 1);
    let value = ALPHABET.iter().position(|character| *character == last.as_bytes()[0]).unwrap();
    assert_eq!(value % 16, 0);
    for unused in 1..16 {
        desk.refuses(&format!("{start}{}", char::from(ALPHABET[value + unused])), &unused.to_string());
    }
}

/// T-17.
#[test]
fn a_token_above_the_greatest_length_is_refused_unread() {
    let desk = Desk::new(SigningAlgorithm::EdDsa);
    let padded = |length: usize| {
        let claims = desk.claims_with("padding", Some(json!("x".repeat(length))));
        desk.forge(&desk.header(), &claims)
    };
    let base = padded(0).len();
    let nearly = (MAX_ACCESS_TOKEN_LENGTH - base) * 3 / 4 - 8;
    let longest = (nearly..nearly + 16).map(padded).find(|token| token.len() >= MAX_ACCESS_TOKEN_LENGTH - 1).unwrap();
    assert!(longest.len() <= MAX_ACCESS_TOKEN_LENGTH);
    assert!(desk.verify(&longest).is_ok());
    desk.seen.drain();
    for length in [3 * 1024, 8 * 1024, 64 * 1024, 1024 * 1024] {
        let token = padded(length);
        assert!(token.len() > MAX_ACCESS_TOKEN_LENGTH);
        desk.refuses(&token, "too long");
    }
    desk.refuses(&"a".repeat(4097), "too long");
    desk.refuses(&".".repeat(1024 * 1024), "too long");
}

proptest! {
    /// T-13: not one character can be another.
    #[test]
    fn a_token_with_one_character_changed_is_refused(place: prop::sample::Index, other in "[A-Za-z0-9._=+/ -]") {
        let desk = Desk::new(SigningAlgorithm::Hs256);
        let mut token = desk.issue();
        let index = place.index(token.len());
        prop_assume!(token[index..=index] != other);
        token.replace_range(index..=index, &other);
        prop_assert_eq!(desk.verify(&token), Err(AccessTokenError::Invalid));
    }

    /// T-13: one flipped bit in the bytes of each part.
    #[test]
    fn a_token_with_one_bit_changed_is_refused(part in 0_usize..3, place: prop::sample::Index, bit in 0..8) {
        let desk = Desk::new(SigningAlgorithm::EdDsa);
        let token = desk.issue();
        let mut parts: Vec<_> = token.split('.').map(|part| BASE64URL.decode(part).unwrap()).collect();
        let index = place.index(parts[part].len());
        parts[part][index] ^= 1_u8 << bit;
        let changed: Vec<_> = parts.iter().map(|part| BASE64URL.encode(part)).collect();
        prop_assert_eq!(desk.verify(&changed.join(".")), Err(AccessTokenError::Invalid));
    }

    #[test]
    fn no_text_makes_the_verifier_panic(text in ".{0,200}") {
        prop_assert_eq!(Desk::new(SigningAlgorithm::Hs256).verify(&text), Err(AccessTokenError::Invalid));
    }

    /// REQ-10.
    #[test]
    fn what_is_granted_is_what_is_read(generation: u32, epoch: i64, admin: bool, amr: Vec<String>, micros in 1_i64..4_000_000_000_000_000) {
        let desk = Desk::new(SigningAlgorithm::Hs256);
        desk.clock.set(Timestamp::from_micros(micros));
        let role = if admin { Role::Admin } else { Role::User };
        let issued = desk.tokens.issue(&AccessGrant { generation, epoch, role, amr: &amr, ..desk.grant() }, &OsRandom).unwrap();
        match desk.verify(issued.token.expose()) {
            Ok(claims) => {
                prop_assert_eq!((claims.generation, claims.epoch, claims.role), (generation, epoch, role));
                prop_assert_eq!(&claims.amr, &amr);
            }
            // Nobody signs in by so many methods.
            Err(error) => prop_assert!(issued.token.expose().len() > MAX_ACCESS_TOKEN_LENGTH, "{error}"),
        }
    }
}
