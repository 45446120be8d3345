//! Published vectors, and hashes that other programs made.

use std::num::NonZeroU32;

use super::super::scrypt::Input;
use super::super::{BcryptHash, Pbkdf2Digest, Pbkdf2Hash, ScryptHash};
use super::*;
use crate::vectors;

/// Those of `crypt_blowfish` (`wrapper.c`) and of `jBCrypt` (`TestBCrypt.java`).
const BCRYPT: [(&str, &str); 17] = [
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
    (
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
        "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
    ),
    ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
    ("", "$2a$08$HqWuK6/Ng6sg9gQzbLrgb.Tl.ZHfXLhvt/SgVyWhQqgqcZ7ZuUtye"),
    ("", "$2a$10$k1wbIrmNyFAPwPVPSVa/zecw2BCEnBwVS2GbrmgzxFUOqW9dk4TCW"),
    ("", "$2a$12$k42ZFHFWqBp3vWli.nIn8uYyIkbvYRvodzbfbK18SSsY.CsIQPlxO"),
    ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
    ("a", "$2a$08$cfcvVd2aQ8CMvoMpP2EBfeodLEkkFJ9umNEfPD18.hUF62qqlC/V."),
    ("abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
    ("abc", "$2a$08$Ro0CUfOqk6cXEKf3dyaM7OhSCvnwM9s4wIX9JeLapehKK5YdLxKcm"),
    ("abcdefghijklmnopqrstuvwxyz", "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC"),
    ("abcdefghijklmnopqrstuvwxyz", "$2a$08$aTsUwsyowQuzRrDqFflhgekJ8d9/7Z3GV3UcgvzQW3J5zMyrTvlz."),
    ("~!@#$%^&*()      ~!@#$%^&*()PNBFRD", "$2a$06$fPIsBO8qRqkjj273rfaOI.HtSV9jLDpTbZn782DC6/t7qT67P6FfO"),
    ("~!@#$%^&*()      ~!@#$%^&*()PNBFRD", "$2a$08$Eq2r4G/76Wv39MzSX262huzPz612MZiYHVUJe/OcOql2jo4.9UxTW"),
];

/// RFC 7914, section 12, but for the last one, which fills 1 GiB: password, salt, log₂ N, r, p, tag.
const SCRYPT: [(&str, &str, u8, u32, u32, &str); 3] = [
    (
        "",
        "",
        4,
        1,
        1,
        "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442\
         fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906",
    ),
    (
        "password",
        "NaCl",
        10,
        8,
        16,
        "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162\
         2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
    ),
    (
        "pleaseletmein",
        "SodiumChloride",
        14,
        8,
        1,
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2\
         d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
    ),
];

/// REQ-01.
#[test]
fn hashes_of_other_systems_verify_and_are_to_be_replaced() {
    let hashes = foreign_hashes();
    assert_eq!(hashes.len(), 95);
    for [made_by, password, hash] in &hashes {
        assert!(verifies(password, hash), "{made_by}: {hash}");
        assert!(hasher().needs_rehash(&parse(hash).unwrap()), "{made_by}: {hash}");
    }
}

#[test]
fn hashes_of_other_systems_do_not_verify_another_password() {
    for [made_by, password, hash] in cheap_hashes() {
        for wrong in [format!("{password} "), format!(" {password}"), password.to_uppercase(), String::new()] {
            let begins_alike = password.len() >= 72 && wrong.starts_with(&password);
            let is_plain_bcrypt = hash.starts_with("$2") || hash.starts_with("bcrypt$");
            assert_eq!(verifies(&wrong, &hash), begins_alike && is_plain_bcrypt, "{made_by}: {wrong:?} {hash}");
        }
    }
}

#[test]
fn a_tag_with_one_other_character_does_not_match() {
    for [made_by, password, hash] in cheap_hashes().into_iter().take(20) {
        let tag = if hash.contains("$2") { hash.len() - 31 } else { hash.rfind('$').unwrap() + 1 };
        // The last characters of base64 have bits that stand for nothing.
        for at in (tag..hash.trim_end_matches('=').len() - 1).step_by(3) {
            let mut other = hash.clone();
            other.replace_range(at..=at, if hash[at..].starts_with('0') { "1" } else { "0" });
            assert!(!verifies(&password, &other), "{made_by}: {other}");
        }
    }
}

#[test]
fn the_published_vectors_of_bcrypt_verify_under_each_of_its_versions() {
    for (password, hash) in BCRYPT {
        assert!(verifies(password, hash), "{password:?} {hash}");
        assert!(verifies(password, &hash.replace("$2a$", "bcrypt$$2b$")), "{password:?} {hash}");
        if !hash.contains("$12$") {
            assert!(verifies(password, &hash.replace("$2a$", "$2y$")), "{password:?} {hash}");
            assert!(!verifies(&format!("!{password}"), hash), "{password:?} {hash}");
        }
    }
}

/// Vectors of `crypt_blowfish`, which once took bytes above 127 for negative: the last is what that made.
#[test]
fn bcrypt_takes_bytes_for_what_they_are() {
    for (password, hash, is_right) in [
        (&b"\xa3"[..], "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq", true),
        (b"\xff\xff\xa3", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", true),
        (b"\xa3", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", false),
    ] {
        assert_eq!(BcryptHash::parse(hash).unwrap().matches(password), is_right, "{password:?} {hash}");
    }
}

/// REQ-01: other systems hashed the first 72 bytes, in the middle of a character too.
#[test]
fn bcrypt_sees_72_bytes() {
    // bcrypt of 72 times "x", by libxcrypt.
    let hash = "$2b$06$/OK.fbVrR/bpIqNJ5ianF.wG2KIPyPq3M8CpFDdsc/JaJ5zkF/DB6";
    for (password, matches) in [
        ("x".repeat(71), false),
        ("x".repeat(72), true),
        ("x".repeat(73), true),
        (format!("{}é", "x".repeat(72)), true),
        (format!("{}é", "x".repeat(71)), false),
        (format!("{}\0", "x".repeat(72)), true),
        ("x".repeat(Password::MAX_BYTES), true),
    ] {
        assert_eq!(verifies(&password, hash), matches, "{} bytes", password.len());
    }
}

/// bcrypt repeats a password and its final NUL until it has 72 bytes, so `abc`, `abc\0abc` and so on are the same to
/// it; to implementations in C, whatever follows `abc\0` is.
#[test]
fn bcrypt_matches_no_password_with_a_nul() {
    let hash = "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
    assert!(verifies("abc", hash));
    for password in ["abc\0", "abc\0abc", "abc\0abc\0abc", "abc\0def"] {
        assert!(!verifies(password, hash), "{password:?}");
    }
    assert!(!verifies("\0", BCRYPT[5].1));
}

/// Old implementations left the unused bits of the salt as they were in what they were given.
#[test]
fn unused_bits_of_a_bcrypt_salt_make_no_difference() {
    let hash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    for last in ["/", "A", "L"] {
        assert!(verifies("U*U", &hash.replace("CC.E5", &format!("CC{last}E5"))), "{last}");
    }
    assert!(!verifies("U*U", &hash.replace("CC.E5", "CCOE5")));
}

/// REQ-01: the vectors of Wycheproof, which has RFC 7914's of PBKDF2.
#[test]
fn wycheproofs_vectors_of_pbkdf2_verify() {
    for (name, digest, count) in
        [("pbkdf2_hmacsha256_test", Pbkdf2Digest::Sha256, 60), ("pbkdf2_hmacsha512_test", Pbkdf2Digest::Sha512, 58)]
    {
        let tests = vectors::wycheproof(name);
        assert_eq!(tests.len(), count);
        for (_, test) in tests {
            assert_eq!(test["result"], "valid");
            let iterations = u32::try_from(test["iterationCount"].as_u64().unwrap()).unwrap();
            let [password, salt, tag] = ["password", "salt", "dk"].map(|field| vectors::hex(&test[field]));
            let mut hash = Pbkdf2Hash { digest, iterations: NonZeroU32::new(iterations).unwrap(), salt, tag };
            assert!(hash.matches(&password), "{test}");
            hash.tag[0] ^= 1;
            assert!(!hash.matches(&password), "{test}");
        }
    }
}

#[test]
fn the_vectors_of_rfc_7914_verify() {
    for (password, salt, log_n, r, p, tag) in SCRYPT {
        let params = ::scrypt::Params::new(log_n, r, p).unwrap();
        let mut hash = ScryptHash { params, salt: salt.into(), tag: vectors::hex(&tag.into()), input: Input::Plain };
        assert_eq!(hash.tag.len(), 64);
        assert_eq!(hash.matches(password.as_bytes()), Ok(true), "{password:?}");
        hash.tag[63] ^= 0x80;
        assert_eq!(hash.matches(password.as_bytes()), Ok(false), "{password:?}");
    }
}

#[test]
fn the_workspace_of_argon2_holds_nothing_of_another_function() {
    let hasher = hasher();
    let mut workspace = Workspace::new();
    for [_, password, hash] in cheap_hashes().into_iter().filter(|[.., hash]| !hash.contains("argon2")) {
        hasher.verify(&Password::new(&password).unwrap(), &parse(&hash).unwrap(), &mut workspace).unwrap();
        assert_eq!(workspace.held_kib(), 0, "{hash}");
    }
}
