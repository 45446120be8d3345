//! The published vectors, and both back ends side by side.

use serde_json::Value;

use super::*;
use crate::random::SeededRandom;

const BACKENDS: [Argon2Backend; 2] = [Argon2Backend::Auto, Argon2Backend::Portable];
const TAG: &str = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

fn password(text: &str) -> Password {
    Password::new(text).unwrap()
}

fn parse(text: &str) -> PasswordHash {
    PasswordHash::parse(text.to_owned()).unwrap()
}

fn hasher(backend: Argon2Backend) -> PasswordHasher {
    let params = Argon2Params::new(32, 1, 1).unwrap();
    PasswordHasher::new(params, backend).with_random(Arc::new(SeededRandom::new(1)))
}

#[test]
fn the_fast_implementation_is_used_where_it_is_built_in() {
    let fastest = if cfg!(feature = "simd-argon2") { "simd" } else { "portable" };
    assert_eq!(hasher(Argon2Backend::Auto).backend_in_use(), fastest);
    assert_eq!(hasher(Argon2Backend::Portable).backend_in_use(), "portable");
}

/// REQ-01: Argon2id with 19456 KiB, two passes and one lane, unless it is set otherwise.
#[test]
fn a_new_hash_has_the_default_parameters_and_verifies() {
    for backend in BACKENDS {
        let hasher = PasswordHasher::new(Argon2Params::default(), backend);
        let mut workspace = Workspace::new();
        let hash = hasher.hash(&password("correct horse"), &mut workspace).unwrap();
        let fields: Vec<_> = hash.as_str().split('$').collect();
        assert_eq!(fields[..4], ["", "argon2id", "v=19", "m=19456,t=2,p=1"]);
        assert_eq!((fields[4].len(), fields[5].len()), (22, 43));
        let stored = parse(hash.as_str());
        assert!(hasher.verify(&password("correct horse"), &stored, &mut workspace).unwrap());
        assert!(!hasher.verify(&password("correct horsf"), &stored, &mut workspace).unwrap());
        assert!(!hasher.needs_rehash(&stored));
        assert_eq!(workspace.held_kib(), 19_456);
    }
}

#[test]
fn a_hash_has_a_salt_of_its_own_and_is_the_same_from_either_implementation() {
    let [by_auto, by_portable] = BACKENDS.map(|backend| {
        let hasher = hasher(backend);
        let mut workspace = Workspace::new();
        [(); 2].map(|()| hasher.hash(&password("correct horse"), &mut workspace).unwrap().as_str().to_owned())
    });
    assert_eq!(by_auto, by_portable);
    assert_ne!(by_auto[0], by_auto[1]);
}

/// REQ-01, ASVS 6.2.8: every byte of a password counts; only the spelling of one character doesn't.
#[test]
fn passwords_are_told_apart_by_each_byte() {
    let hasher = hasher(Argon2Backend::Auto);
    let mut workspace = Workspace::new();
    let long = "a".repeat(72);
    let pairs = [
        (format!("{long}b"), format!("{long}c")),
        (format!("{long}b"), long.clone()),
        ("correct horse".into(), "correct horse\0".into()),
        ("correct\0horse".into(), "correct".into()),
        ("correct horse".into(), "correct horse ".into()),
        ("correct horse".into(), " correct horse".into()),
        ("correct horse".into(), "Correct horse".into()),
        ("ﬁve ducklings".into(), "five ducklings".into()),
        ("caf\u{e9} caf\u{e9}".into(), "cafe cafe".into()),
    ];
    for (set, typed) in pairs {
        let hash = hasher.hash(&password(&set), &mut workspace).unwrap();
        assert!(hasher.verify(&password(&set), &hash, &mut workspace).unwrap(), "{set:?}");
        assert!(!hasher.verify(&password(&typed), &hash, &mut workspace).unwrap(), "{set:?} {typed:?}");
    }
    let hash = hasher.hash(&password("caf\u{e9} au lait"), &mut workspace).unwrap();
    assert!(hasher.verify(&password("cafe\u{301} au lait"), &hash, &mut workspace).unwrap());
}

/// REQ-01: the vectors of the reference implementation, except those that fill 1 GiB.
#[test]
fn hashes_of_the_reference_implementation_verify() {
    let text =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/argon2/phc_hashtest_vectors.json"));
    let file: Value = serde_json::from_str(text).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    let affordable: Vec<_> =
        vectors.iter().filter(|vector| vector["m_cost_kib"].as_u64().unwrap() <= 262_144).collect();
    assert_eq!((vectors.len(), affordable.len()), (26, 24));
    for backend in BACKENDS {
        let hasher = hasher(backend);
        let mut workspace = Workspace::new();
        for vector in &affordable {
            let [hash, right] = ["encoded", "password"].map(|field| vector[field].as_str().unwrap());
            let hash = parse(hash);
            assert!(hasher.verify(&password(right), &hash, &mut workspace).unwrap(), "{vector}");
            assert!(hasher.needs_rehash(&hash), "{vector}");
            if vector["m_cost_kib"].as_u64().unwrap() < 65_536 {
                assert!(!hasher.verify(&password("passwore"), &hash, &mut workspace).unwrap(), "{vector}");
            }
        }
    }
}

#[test]
fn a_tag_that_differs_in_one_bit_does_not_match() {
    let hasher = hasher(Argon2Backend::Auto);
    let mut workspace = Workspace::new();
    let hash = hasher.hash(&password("correct horse"), &mut workspace).unwrap();
    let Scheme::Argon2(stored) = hash.scheme() else { panic!("a new hash is Argon2's") };
    for bit in 0..TAG_BYTES * 8 {
        let mut other = stored.clone();
        other.tag[bit / 8] ^= 1 << (bit % 8);
        assert!(!hasher.verify(&password("correct horse"), &other.into(), &mut workspace).unwrap(), "bit {bit}");
    }
}

/// REQ-01: whatever isn't as a new hash would be is replaced.
#[test]
fn hashes_that_need_to_be_replaced() {
    let hasher = hasher(Argon2Backend::Portable);
    let salt = "c29tZXNhbHRzb21lc2FsdA";
    assert!(!hasher.needs_rehash(&parse(&format!("$argon2id$v=19$m=32,t=1,p=1${salt}${TAG}"))));
    for start in [
        "$argon2i$v=19$m=32,t=1,p=1",
        "$argon2d$v=19$m=32,t=1,p=1",
        "$argon2id$v=16$m=32,t=1,p=1",
        "$argon2id$m=32,t=1,p=1",
        "$argon2id$v=19$m=31,t=1,p=1",
        "$argon2id$v=19$m=64,t=1,p=1",
        "$argon2id$v=19$m=32,t=2,p=1",
        "$argon2id$v=19$m=32,t=1,p=2",
    ] {
        assert!(hasher.needs_rehash(&parse(&format!("{start}${salt}${TAG}"))), "{start}");
    }
    assert!(hasher.needs_rehash(&parse(&format!("$argon2id$v=19$m=32,t=1,p=1$c29tZXNhbHQ${TAG}"))), "short salt");
    assert!(hasher.needs_rehash(&parse(&format!("argon2$argon2id$v=19$m=32,t=1,p=1${salt}${TAG}"))), "Django's");
    let short_tag = &TAG[..40];
    assert!(hasher.needs_rehash(&parse(&format!("$argon2id$v=19$m=32,t=1,p=1${salt}${short_tag}"))), "short tag");
}

#[test]
fn the_hash_for_nobody_costs_the_same_and_matches_nothing() {
    let hasher = hasher(Argon2Backend::Auto);
    let mut workspace = Workspace::new();
    let [absent, real] = [hasher.absent_hash(), hasher.hash(&password("x"), &mut workspace).unwrap()];
    assert!(!hasher.needs_rehash(&absent));
    assert_eq!(absent.as_str().len(), real.as_str().len());
    assert_eq!(absent.as_str()[..28], real.as_str()[..28]);
    assert!(!hasher.verify(&password("x"), &absent, &mut workspace).unwrap());
}

#[test]
fn memory_is_kept_for_the_next_hash_and_not_beyond_what_that_needs() {
    for backend in BACKENDS {
        let hasher = hasher(backend);
        let mut workspace = Workspace::new();
        assert_eq!(workspace.held_kib(), 0);
        hasher.hash(&password("x"), &mut workspace).unwrap();
        assert_eq!(workspace.held_kib(), 32);
        hasher
            .verify(&password("x"), &parse(&format!("$argon2i$m=8,t=1,p=1$c29tZXNhbHQ${TAG}")), &mut workspace)
            .unwrap();
        assert_eq!(workspace.held_kib(), 32);
        hasher
            .verify(&password("x"), &parse(&format!("$argon2i$m=99,t=1,p=1$c29tZXNhbHQ${TAG}")), &mut workspace)
            .unwrap();
        assert_eq!(workspace.held_kib(), 0);
    }
}
