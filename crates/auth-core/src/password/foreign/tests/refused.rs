//! Texts that are no hash, or cost too much.

use proptest::prelude::*;

use super::*;

const BCRYPT_REST: &str = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
const BCRYPT_SALT: &str = "CCCCCCCCCCCCCCCCCCCCC.";
const BCRYPT_TAG: &str = "E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
const SALT: &str = "c29tZXNhbHQ";
const TAG: &str = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
const CRYPT_TAG: &str = "J6D4MW5X42WrRU4Gk/lq1XJ.QIzVb/8SEesPuC3tyPA";

fn error(pattern: &str) -> Option<InvalidPasswordHash> {
    let text = pattern
        .replace("HEX16", &"0f".repeat(16))
        .replace("HEX64", &"e9".repeat(64))
        .replace("UPPER64", &"E9".repeat(64))
        .replace("BREST", BCRYPT_REST)
        .replace("BSALT", BCRYPT_SALT)
        .replace("BTAG", BCRYPT_TAG)
        .replace("CTAG", CRYPT_TAG)
        .replace("SALT", SALT)
        .replace("TAG", TAG);
    parse(&text).err()
}

/// What is refused, and beside it something like it that isn't.
#[test]
fn refused_texts_with_their_reason() {
    use InvalidPasswordHash::*;
    let cases: &[(&str, Option<InvalidPasswordHash>)] = &[
        ("$2b$12$BREST", None),
        ("$2x$12$BREST", Some(UnknownScheme)),
        ("$2$12$BREST", Some(UnknownScheme)),
        ("$2b$4$BREST", Some(Malformed)),
        ("$2b$004$BREST", Some(Malformed)),
        ("$2b$+4$BREST", Some(Malformed)),
        ("$2b$1x$BREST", Some(Malformed)),
        ("$2b$$BREST", Some(Malformed)),
        ("$2b$12$", Some(Malformed)),
        ("$2b$12", Some(Malformed)),
        ("$2b$12$BREST$", Some(Malformed)),
        ("$2b$12$BRESTx", Some(Malformed)),
        ("$2b$12$BREST\n", Some(Malformed)),
        ("$2b$12$BSALT", Some(Malformed)),
        ("$2b$12$BSALT+5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", Some(Malformed)),
        ("$2b$12$CCCCCCCCCCCCCCCCCCCCéE5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", Some(Malformed)),
        ("bcrypt$$2b$12$BREST", None),
        ("bcrypt$2b$12$BREST", Some(Malformed)),
        ("bcrypt$$$2b$12$BREST", Some(Malformed)),
        ("bcrypt$bcrypt$$2b$12$BREST", Some(Malformed)),
        ("bcrypt$", Some(Malformed)),
        ("bcrypt", Some(Malformed)),
        ("bcrypt_sha256$$2b$12$BREST", None),
        ("bcrypt_sha512$$2b$12$BREST", Some(UnknownScheme)),
        ("bcrypt_sha256$$argon2id$v=19$m=8,t=1,p=1$SALT$TAG", Some(Malformed)),
        ("$bcrypt-sha256$v=2,t=2b,r=12$BSALT$BTAG", None),
        ("$bcrypt-sha256$2b,12$BSALT$BTAG", None),
        ("$bcrypt-sha256$v=3,t=2b,r=12$BSALT$BTAG", Some(UnknownScheme)),
        ("$bcrypt-sha256$v=2,t=2b,r=012$BSALT$BTAG", Some(Malformed)),
        ("$bcrypt-sha256$v=2,t=2b,r=12$BREST", Some(Malformed)),
        ("$bcrypt-sha256$v=2,t=2b,r=12$BTAG$BSALT", Some(Malformed)),
        ("$bcrypt-sha256$v=2,t=2b,r=12$BSALT$", Some(Malformed)),
        ("$scrypt$ln=4,r=8,p=1$SALT$TAG", None),
        ("$scrypt$p=1,ln=4,r=8$SALT$TAG", None),
        ("$scrypt$ln=4,r=8$SALT$TAG", Some(Malformed)),
        ("$scrypt$ln=4,r=8,p=1,p=1$SALT$TAG", Some(Malformed)),
        ("$scrypt$ln=4,r=8,p=1,x=1$SALT$TAG", Some(UnknownScheme)),
        ("$scrypt$ln=4,r=8,p$SALT$TAG", Some(Malformed)),
        ("$scrypt$ln=4,r=8,p=$SALT$TAG", Some(Malformed)),
        ("$scrypt$ln=04,r=8,p=1$SALT$TAG", Some(Malformed)),
        ("$scrypt$ln=+4,r=8,p=1$SALT$TAG", Some(Malformed)),
        ("$scrypt$ln=0,r=8,p=1$SALT$TAG", Some(Malformed)),
        ("$scrypt$ln=4,r=0,p=1$SALT$TAG", Some(Malformed)),
        ("$scrypt$ln=4,r=8,p=0$SALT$TAG", Some(Malformed)),
        ("$scrypt$ln=4,r=8,p=1$c2hvcnQ$TAG", Some(Malformed)),
        ("$scrypt$ln=4,r=8,p=1$SALT$c2hvcnQ", Some(Malformed)),
        ("$scrypt$ln=4,r=8,p=1$SALT$TA*", Some(Malformed)),
        ("$scrypt$ln=4,r=8,p=1$SALT", Some(Malformed)),
        ("$scrypt$ln=4,r=8,p=1$SALT$TAG$", Some(Malformed)),
        ("$scrypt$", Some(Malformed)),
        ("$scrypt", Some(Malformed)),
        ("scrypt$16$seasalts$8$1$TAG", None),
        ("scrypt$seasalts$16$8$1$TAG", Some(Malformed)),
        ("scrypt$15$seasalts$8$1$TAG", Some(Malformed)),
        ("scrypt$1$seasalts$8$1$TAG", Some(Malformed)),
        ("scrypt$0$seasalts$8$1$TAG", Some(Malformed)),
        ("scrypt$16$seasalt$8$1$TAG", Some(Malformed)),
        ("HEX16:HEX64", None),
        ("HEX16:HEX64 ", Some(Malformed)),
        ("HEX16:HEX16", Some(Malformed)),
        ("HEX64:HEX64", Some(Malformed)),
        ("HEX16:HEX64:HEX64", Some(Malformed)),
        ("HEX16:HEX64f", Some(Malformed)),
        ("HEX16:UPPER64", Some(Malformed)),
        ("HEX16$HEX64", Some(UnknownScheme)),
        (":", Some(Malformed)),
        ("$7$76..../....SodiumChloride0$CTAG", None),
        ("$7$76..../....SodiumChloride0$CTAG.", Some(Malformed)),
        ("$7$76..../....Sodium$CTAG", Some(Malformed)),
        ("$7$76..../....$CTAG", Some(Malformed)),
        ("$7$76..../...", Some(Malformed)),
        ("$7$7é..../....SodiumChloride0$CTAG", Some(Malformed)),
        ("$7$76..../....SodiumChloride0$J6D4MW5X42WrRU4Gk/lq1XJ.QIzVb/8SEesPuC3tyPz", Some(Malformed)),
        ("$pbkdf2-sha256$i=1000,l=32$SALT$TAG", None),
        ("$pbkdf2-sha256$i=1000$SALT$TAG", None),
        ("$pbkdf2-sha256$1000$SALT$TAG", None),
        ("$pbkdf2-sha512$i=1000,l=32$SALT$TAG", None),
        ("$pbkdf2-sha256$i=1000,l=33$SALT$TAG", Some(Malformed)),
        ("$pbkdf2-sha256$l=32$SALT$TAG", Some(Malformed)),
        ("$pbkdf2-sha256$0$SALT$TAG", Some(Malformed)),
        ("$pbkdf2-sha256$-1$SALT$TAG", Some(Malformed)),
        ("$pbkdf2-sha256$01000$SALT$TAG", Some(Malformed)),
        ("$pbkdf2-sha256$$SALT$TAG", Some(Malformed)),
        ("$pbkdf2-sha256$1000$c2hvcnQ$TAG", Some(Malformed)),
        ("$pbkdf2-sha256$1000$SALT$c2hvcnQ", Some(Malformed)),
        ("$pbkdf2-sha1$1000$SALT$TAG", Some(UnknownScheme)),
        ("$pbkdf2$1000$SALT$TAG", Some(UnknownScheme)),
        ("pbkdf2_sha256$1000$seasalts$TAG=", None),
        ("pbkdf2_sha512$1000$seasalts$TAG=", None),
        ("pbkdf2_sha256$1000$seasalt$TAG=", Some(Malformed)),
        ("pbkdf2_sha256$seasalts$1000$TAG=", Some(Malformed)),
        ("pbkdf2_sha256$i=1000$seasalts$TAG=", Some(Malformed)),
        ("pbkdf2_sha256$1000$seasalts$TAG==", Some(Malformed)),
        ("pbkdf2_sha1$1000$seasalts$TAG=", Some(UnknownScheme)),
    ];
    for (pattern, reason) in cases {
        assert_eq!(error(pattern), *reason, "{pattern:?}");
    }
}

/// REQ-01: a hash costs at most about two seconds to verify; each bound, and the first step past it.
#[test]
fn costs_at_their_bounds() {
    use InvalidPasswordHash::*;
    let cases: &[(&str, Option<InvalidPasswordHash>)] = &[
        ("$2b$03$BREST", Some(Malformed)),
        ("$2b$04$BREST", None),
        ("$2b$14$BREST", None),
        ("$2b$15$BREST", Some(TooCostly)),
        ("$2b$31$BREST", Some(TooCostly)),
        ("$2b$32$BREST", Some(Malformed)),
        ("bcrypt_sha256$$2b$15$BREST", Some(TooCostly)),
        ("$bcrypt-sha256$v=2,t=2b,r=15$BSALT$BTAG", Some(TooCostly)),
        ("$bcrypt-sha256$2b,31$BSALT$BTAG", Some(TooCostly)),
        // 128 · r · N bytes are 256 MiB; twice that, with p, is the most work.
        ("$scrypt$ln=18,r=8,p=2$SALT$TAG", None),
        ("$scrypt$ln=18,r=8,p=3$SALT$TAG", Some(TooCostly)),
        ("$scrypt$ln=18,r=9,p=1$SALT$TAG", Some(TooCostly)),
        ("$scrypt$ln=19,r=8,p=1$SALT$TAG", Some(TooCostly)),
        ("$scrypt$ln=21,r=1,p=1$SALT$TAG", None),
        ("$scrypt$ln=22,r=1,p=1$SALT$TAG", Some(TooCostly)),
        ("$scrypt$ln=63,r=8,p=1$SALT$TAG", Some(TooCostly)),
        ("$scrypt$ln=64,r=8,p=1$SALT$TAG", Some(TooCostly)),
        ("$scrypt$ln=4294967295,r=4294967295,p=4294967295$SALT$TAG", Some(TooCostly)),
        ("$scrypt$ln=1,r=32,p=32$SALT$TAG", None),
        ("$scrypt$ln=1,r=33,p=32$SALT$TAG", Some(TooCostly)),
        ("$scrypt$ln=1,r=1,p=4294967295$SALT$TAG", Some(TooCostly)),
        ("$scrypt$ln=1,r=65536,p=65536$SALT$TAG", Some(TooCostly)),
        ("scrypt$262144$seasalts$8$2$TAG", None),
        ("scrypt$524288$seasalts$8$1$TAG", Some(TooCostly)),
        ("scrypt$2147483648$seasalts$8$1$TAG", Some(TooCostly)),
        ("scrypt$4294967296$seasalts$8$1$TAG", Some(Malformed)),
        ("$7$G6..../....SodiumChloride0$CTAG", None),
        ("$7$H6..../....SodiumChloride0$CTAG", Some(TooCostly)),
        ("$7$zzzzzzzzzzzSodiumChloride0$CTAG", Some(TooCostly)),
        ("$pbkdf2-sha256$2000000$SALT$TAG", None),
        ("$pbkdf2-sha256$2000001$SALT$TAG", Some(TooCostly)),
        ("$pbkdf2-sha512$i=2000001$SALT$TAG", Some(TooCostly)),
        ("$pbkdf2-sha256$4294967295$SALT$TAG", Some(TooCostly)),
        ("$pbkdf2-sha256$4294967296$SALT$TAG", Some(Malformed)),
        ("pbkdf2_sha256$2000000$seasalts$TAG=", None),
        ("pbkdf2_sha256$2000001$seasalts$TAG=", Some(TooCostly)),
    ];
    for (pattern, reason) in cases {
        assert_eq!(error(pattern), *reason, "{pattern:?}");
    }
    // A tag of two blocks takes twice the work.
    let two_blocks = |iterations| error(&format!("$pbkdf2-sha256${iterations}$SALT${}", "A".repeat(64)));
    assert_eq!([two_blocks(1_000_000), two_blocks(1_000_001)], [None, Some(TooCostly)]);
}

fn hashes() -> impl Strategy<Value = String> {
    prop::sample::select(foreign_hashes().into_iter().map(|[.., hash]| hash).collect::<Vec<_>>())
}

/// A hash with a few of its characters replaced, left out or added.
fn mangled() -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0_usize..3, "[$=,./+0-9A-Za-z]{0,2}|\\PC");
    (hashes(), prop::collection::vec(edit, 1..4)).prop_map(|(mut hash, edits)| {
        for (at, removed, inserted) in edits {
            let start = at.index(hash.len() + 1);
            let end = hash.len().min(start + removed);
            if hash.is_char_boundary(start) && hash.is_char_boundary(end) {
                hash.replace_range(start..end, &inserted);
            }
        }
        hash
    })
}

/// A spelling with fields of any kind.
fn assembled() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec![
        "$2a$",
        "$2b$",
        "$7$",
        "$scrypt$",
        "$pbkdf2-sha256$",
        "$pbkdf2-sha512$",
        "$bcrypt-sha256$",
        "bcrypt$",
        "bcrypt_sha256$",
        "scrypt$",
        "pbkdf2_sha256$",
        "pbkdf2_sha512$",
        "argon2$",
        "0123456789abcdef0123456789abcdef:",
        "$",
    ]);
    let field = "[0-9]{0,11}|(ln|r|p|i|l|v|t)=[0-9]{0,11}(,(r|p|l)=[0-9]{0,11}){0,3}|[./0-9A-Za-z+=]{0,70}|\\PC{0,4}";
    (start, prop::collection::vec(field, 0..6)).prop_map(|(start, fields)| start.to_owned() + &fields.join("$"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![mangled(), assembled(), "\\PC{0,600}"]) {
        if let Ok(hash) = parse(&text) {
            prop_assert_eq!(hash.as_str(), text);
        }
    }
}
