//! Spellings, entropy, and the construction that the module's documentation lays down.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::random::{OsRandom, SeededRandom};
use crate::time::Timestamp;

const CODE: &str = "01AB-CDEF-GHJKM";

fn user() -> UserId {
    UserId::new(Timestamp::from_seconds(1), &OsRandom)
}

fn hasher() -> BackupCodeHasher {
    BackupCodeHasher::new(&DataKey::from_bytes([3; 32]))
}

fn parse(text: &str) -> BackupCode {
    BackupCode::parse(text).unwrap()
}

/// Whole sets until there are at least `count` codes.
fn codes(count: usize, random: &dyn Random) -> Vec<String> {
    let sets = (0..count.div_ceil(BackupCode::SET_SIZE)).map(|_| BackupCode::generate_set(random));
    sets.flatten().map(|code| code.expose().to_owned()).collect()
}

/// REQ-22.
#[test]
fn a_set_is_ten_codes_in_groups_that_come_back_as_they_are() {
    let set = BackupCode::generate_set(&OsRandom);
    assert_eq!(set.len(), 10);
    for code in set {
        let groups: Vec<usize> = code.expose().split('-').map(str::len).collect();
        assert_eq!(groups, [4, 4, 5]);
        assert_eq!(parse(code.expose()).expose(), code.expose());
    }
}

/// REQ-22: 13 places × log2(32) bits, and each place takes every one of 32 values about as often as every other.
#[test]
fn every_symbol_of_a_code_is_one_of_32_that_are_equally_likely() {
    let alphabet: BTreeSet<char> = "0123456789ABCDEFGHJKMNPQRSTVWXYZ".chars().collect();
    assert_eq!(alphabet.len(), 32);
    let codes = codes(32_000, &SeededRandom::new(7));
    let mut counts = vec![std::collections::BTreeMap::<char, u32>::new(); 13];
    for code in &codes {
        let symbols = code.chars().filter(|symbol| *symbol != '-');
        symbols.zip(&mut counts).for_each(|(symbol, place)| *place.entry(symbol).or_default() += 1);
    }
    for place in counts {
        assert_eq!(place.keys().copied().collect::<BTreeSet<_>>(), alphabet);
        // 1000 each, with a standard deviation of 31.
        assert!(place.values().all(|count| (830..=1170).contains(count)), "{place:?}");
    }
}

#[test]
fn a_symbol_depends_on_its_own_byte_alone() {
    struct Ones(usize);
    impl Random for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
            bytes[self.0] = 0xff;
        }
    }
    let one = |place| BackupCode::generate_set(&Ones(place))[0].expose().replace('-', "");
    for place in 0..13 {
        let expected: String = (0..13).map(|at| if at == place { 'Z' } else { '0' }).collect();
        assert_eq!(one(place), expected);
    }
}

#[test]
fn no_two_codes_are_the_same() {
    let codes = codes(10_000, &OsRandom);
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
}

/// M-13.
#[test]
fn case_hyphens_spaces_and_look_alikes_do_not_matter() {
    for text in [
        "01ABCDEFGHJKM",
        "01abcdefghjkm",
        "01ab-cdef-ghjkm",
        " 01AB CDEF GHJKM ",
        "0-1-A-B-C-D-E-F-G-H-J-K-M",
        "OIAB-CDEF-GHJKM",
        "olab-cdef-ghjkm",
        "oiab--cdef ghjkm-",
        "0LAB-CDEFGHJKM",
    ] {
        assert_eq!(parse(text).expose(), CODE, "{text}");
    }
}

#[test]
fn what_can_t_be_a_code_is_refused() {
    for text in [
        "",
        "-",
        "123456",
        "01AB-CDEF-GHJK",
        "01AB-CDEF-GHJKMN",
        "01AB-CDEF-GHJKU",
        "01AB_CDEF_GHJKM",
        "01AB\tCDEF\tGHJKM",
        "01AB–CDEF–GHJKM",
        "01AB-CDEF-GHJK\u{212a}",
        "０１AB-CDEF-GHJKM",
        "01AB-CDEF-GHJKM\n",
        "01AB-CDEF-GHJKM\0",
        "ſ1AB-CDEF-GHJKM",
    ] {
        assert!(BackupCode::parse(text).is_none(), "{text:?}");
    }
    assert!(BackupCode::parse(&"0".repeat(1_000_000)).is_none());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text: String, near in "[0-9A-Za-zſK -]{10,18}") {
        BackupCode::parse(&text);
        if let Some(code) = BackupCode::parse(&near) {
            let again = parse(code.expose());
            prop_assert_eq!(again.expose(), code.expose());
        }
    }
}

/// The construction that the module's documentation lays down, computed by other means.
#[test]
fn the_hash_is_the_documented_one() {
    let user = user();
    let input = [user.as_uuid().as_bytes().as_slice(), b"01ABCDEFGHJKM"].concat();
    let key = DataKey::from_bytes([3; 32]).subkey("backup code");
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_slice());
    assert_eq!(hmac::sign(&key, &input).as_ref(), hasher().hash(user, &parse(CODE)).as_bytes());
}

#[test]
fn every_spelling_has_one_hash() {
    let user = user();
    let hash = hasher().hash(user, &parse(CODE));
    assert_eq!(hasher().hash(user, &parse("olab cdef ghjkm")), hash);
    assert_eq!(BackupCodeHash::from_bytes(*hash.as_bytes()), hash);
}

/// M-13: a code of another user is unknown, and so is one from before the key was replaced.
#[test]
fn another_user_another_code_and_another_key_give_another_hash() {
    let (user, code) = (user(), parse(CODE));
    let hash = hasher().hash(user, &code);
    assert_ne!(hasher().hash(self::user(), &code), hash);
    assert_ne!(hasher().hash(user, &parse("01AB-CDEF-GHJKN")), hash);
    assert_ne!(BackupCodeHasher::new(&DataKey::from_bytes([4; 32])).hash(user, &code), hash);
}

/// REQ-22.
#[test]
fn a_hash_is_found_at_every_place_and_nowhere_else() {
    let user = user();
    let stored = BackupCode::generate_set(&OsRandom).map(|code| hasher().hash(user, &code));
    for (place, hash) in stored.iter().enumerate() {
        assert_eq!(hash.position_in(&stored), Some(place));
    }
    let other = hasher().hash(user, &parse(CODE));
    assert_eq!(other.position_in(&stored), None);
    assert_eq!(other.position_in(&[]), None);
}

#[test]
fn neither_code_nor_hash_is_printed() {
    let printed = format!("{:?} {:?} {:?}", parse(CODE), hasher().hash(user(), &parse(CODE)), hasher());
    assert_eq!(printed, "BackupCode(…) BackupCodeHash(…) BackupCodeHasher(…)");
}
