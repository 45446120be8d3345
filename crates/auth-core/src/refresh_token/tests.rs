//! Making and reading refresh tokens: every bit counts.

use proptest::prelude::*;

use super::*;
use crate::random::{OsRandom, SeededRandom};
use crate::time::Timestamp;

fn tokens() -> RefreshTokens {
    RefreshTokens::new(&[(1, DataKey::from_bytes([1; 32]))]).unwrap()
}

fn session() -> SessionId {
    SessionId::new(Timestamp::from_seconds(1), &OsRandom)
}

fn salt() -> SessionSalt {
    SessionSalt::generate(&OsRandom)
}

proptest! {
    /// REQ-11.
    #[test]
    fn a_minted_token_names_its_session_and_generation(id: [u8; 16], generation: u32, salt: [u8; 32], version: u8) {
        let tokens = RefreshTokens::new(&[(version, DataKey::from_bytes([1; 32]))]).unwrap();
        let (session, salt) = (SessionId::from_uuid(Uuid::from_bytes(id)), SessionSalt::from_bytes(salt));
        let token = tokens.mint(session, generation, &salt);
        let again = tokens.mint(session, generation, &salt);
        prop_assert_eq!(token.expose().len(), 95);
        let presented = tokens.parse(token.expose()).unwrap();
        prop_assert_eq!((presented.session(), presented.generation()), (session, generation));
        prop_assert_eq!(presented.key_version(), version);
        prop_assert!(presented.is_bound_to(&salt));
        prop_assert_eq!(again.expose(), token.expose());
    }

    #[test]
    fn a_token_with_one_bit_changed_is_refused(place: prop::sample::Index, bit in 0..8) {
        let token = tokens().mint(session(), 5, &salt());
        let mut bytes = BASE64URL.decode(&token.expose()[3..]).unwrap();
        let index = place.index(bytes.len());
        bytes[index] ^= 1_u8 << bit;
        let changed = format!("rt_{}", BASE64URL.encode(bytes));
        prop_assert_eq!(tokens().parse(&changed).unwrap_err(), InvalidRefreshToken);
    }

    #[test]
    fn a_token_with_one_character_changed_is_refused(place: prop::sample::Index, other in "[A-Za-z0-9._=+/ -]") {
        let mut text = tokens().mint(session(), 5, &salt()).expose().to_owned();
        let index = place.index(text.len());
        prop_assume!(text[index..=index] != other);
        text.replace_range(index..=index, &other);
        prop_assert_eq!(tokens().parse(&text).unwrap_err(), InvalidRefreshToken);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(rt_)?.{0,120}") {
        prop_assert!(tokens().parse(&text).is_err());
    }
}

/// Every one of the 552 bits, once.
#[test]
fn no_bit_of_a_token_can_be_flipped() {
    let token = tokens().mint(session(), 5, &salt());
    let bytes = BASE64URL.decode(&token.expose()[3..]).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(tokens().parse(&format!("rt_{}", BASE64URL.encode(changed))).is_err(), "{bit}");
    }
}

#[test]
fn another_text_is_no_token() {
    let token = tokens().mint(session(), 5, &salt());
    let text = token.expose();
    for other in [
        String::new(),
        "rt_".to_owned(),
        text[3..].to_owned(),
        format!("ot_{}", &text[3..]),
        format!("RT_{}", &text[3..]),
        format!("{text}="),
        format!("{text}A"),
        format!("{text}AAAA"),
        format!(" {text}"),
        format!("{text}\n"),
        text[..94].to_owned(),
        text[..91].to_owned(),
        format!("rt_{}", "A".repeat(92)),
        format!("rt_{}", "ä".repeat(46)),
    ] {
        assert!(tokens().parse(&other).is_err(), "{other}");
    }
}

#[test]
fn a_token_is_bound_to_its_sessions_salt() {
    let token = tokens().mint(session(), 5, &salt());
    assert!(!tokens().parse(token.expose()).unwrap().is_bound_to(&salt()));
}

/// The keys without the database: the tags can be made, but not for a salt that the thief doesn't know.
#[test]
fn stolen_keys_alone_make_no_good_token() {
    let (session, salt) = (session(), salt());
    let forged = tokens().mint(session, 5, &SessionSalt::from_bytes([0; 32]));
    let presented = tokens().parse(forged.expose()).unwrap();
    assert_eq!(presented.session(), session);
    assert!(!presented.is_bound_to(&salt));
}

/// The database without the keys: the salt is known, but no tag holds.
#[test]
fn a_stolen_salt_alone_makes_no_good_token() {
    let thief = RefreshTokens::new(&[(1, DataKey::from_bytes([2; 32]))]).unwrap();
    let forged = thief.mint(session(), 5, &salt());
    assert_eq!(tokens().parse(forged.expose()).unwrap_err(), InvalidRefreshToken);
}

#[test]
fn tokens_of_an_older_key_are_read_until_it_goes() {
    let (old, new) = ((1, DataKey::from_bytes([1; 32])), (2, DataKey::from_bytes([2; 32])));
    let salt = salt();
    let token = tokens().mint(session(), 5, &salt);
    let both = RefreshTokens::new(&[new.clone(), old]).unwrap();
    assert!(both.parse(token.expose()).unwrap().is_bound_to(&salt));
    let minted = both.mint(session(), 5, &salt);
    assert_eq!(both.parse(minted.expose()).unwrap().key_version(), 2);
    assert!(tokens().parse(minted.expose()).is_err());
    assert!(RefreshTokens::new(&[new]).unwrap().parse(token.expose()).is_err());
}

/// The version is authenticated: one key under two names gives two tokens.
#[test]
fn a_tokens_version_can_not_be_changed() {
    let key = DataKey::from_bytes([1; 32]);
    let tokens = RefreshTokens::new(&[(1, key.clone()), (2, key)]).unwrap();
    let mut bytes = BASE64URL.decode(&tokens.mint(session(), 5, &salt()).expose()[3..]).unwrap();
    bytes[0] = 1;
    assert!(tokens.parse(&format!("rt_{}", BASE64URL.encode(bytes))).is_err());
}

#[test]
fn keys_have_versions_of_their_own() {
    assert_eq!(RefreshTokens::new(&[]).unwrap_err(), InvalidRefreshKeys::None);
    let key = DataKey::from_bytes([1; 32]);
    let twice = RefreshTokens::new(&[(1, key.clone()), (1, key)]);
    assert_eq!(twice.unwrap_err(), InvalidRefreshKeys::DuplicateVersion);
}

/// The construction that the module's documentation lays down, written out.
#[test]
fn a_token_is_the_documented_one() {
    let (session, salt) = (session(), salt());
    let key = DataKey::from_bytes([1; 32]);
    let tag = |label: &str, parts: &[&[u8]]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.subkey(label).as_slice());
        hmac::sign(&key, &parts.concat()).as_ref().to_vec()
    };
    let claim = [&[1], session.as_uuid().as_bytes().as_slice(), &[0, 0, 1, 2]].concat();
    let binding = tag("refresh token binding", &[salt.as_bytes(), &claim]);
    let forgery = tag("refresh token forgery", &[&claim, &binding]);
    let bytes = [claim.as_slice(), &binding, &forgery[..16]].concat();
    assert_eq!(tokens().mint(session, 0x0102, &salt).expose(), format!("rt_{}", BASE64URL.encode(bytes)));
}

#[test]
fn no_secret_is_printed() {
    let (tokens, salt) = (tokens(), SessionSalt::generate(&SeededRandom::new(1)));
    let token = tokens.mint(session(), 5, &salt);
    let printed = format!("{token:?} {salt:?} {tokens:?} {:?}", tokens.parse(token.expose()).unwrap());
    let key = "VersionedKey(1, …)";
    assert!(
        printed.starts_with(&format!("RefreshToken(…) SessionSalt(…) RefreshTokens {{ minting: {key}, others: [] }}"))
    );
    assert!(!printed.contains(&token.expose()[40..60]));
}
