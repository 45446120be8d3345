//! Published vectors, the window, an implementation of our own and one that isn't.

mod interop;

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY as SHA1, HMAC_SHA256, HMAC_SHA512};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::random::{OsRandom, SeededRandom};
use crate::totp::hotp::hotp;
use crate::vectors::read;

fn secret(text: &Value) -> TotpSecret {
    TotpSecret::from_bytes(text.as_str().unwrap().as_bytes()).unwrap()
}

/// The secret of the published vectors.
fn published() -> TotpSecret {
    TotpSecret::from_bytes(b"12345678901234567890").unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn parse(text: &str) -> TotpCode {
    TotpCode::parse(text).unwrap()
}

/// REQ-20: RFC 6238, appendix B. Codes by SHA-256 and SHA-512 are not made here; they prove the yardstick.
#[test]
fn the_published_codes_of_rfc_6238_hold() {
    let file = read("rfc/rfc6238_totp.json");
    let mut ran = [0, 0];
    for vector in file["vectors"].as_array().unwrap() {
        let (time, step) = (vector["time"].as_i64().unwrap(), TotpStep::at(at(vector["time"].as_i64().unwrap())));
        assert_eq!((&vector["period"], &vector["digits"]), (&30.into(), &8.into()));
        let algorithm = match vector["algorithm"].as_str().unwrap() {
            "SHA1" => SHA1,
            "SHA256" => HMAC_SHA256,
            "SHA512" => HMAC_SHA512,
            other => panic!("{other}"),
        };
        let key = vector["secret_ascii"].as_str().unwrap().as_bytes();
        let [eight, six] = [8, 6].map(|digits| hotp(algorithm, key, step.start() / 30, digits));
        assert_eq!((&vector["code"], &vector["code6"]), (&eight.into(), &six.into()), "{vector}");
        ran[0] += 1;
        if algorithm == SHA1 {
            let secret = secret(&vector["secret_ascii"]);
            assert_eq!(secret.to_base32().expose(), vector["secret_base32"]);
            assert_eq!(secret.totp(8).generate(step.start()).to_string(), vector["code"]);
            assert_eq!(secret.code(step).expose(), vector["code6"]);
            let code = parse(vector["code6"].as_str().unwrap());
            assert_eq!(secret.matching_step(&code, at(time)), Some(step), "{vector}");
            ran[1] += 1;
        }
    }
    assert_eq!(ran, [18, 6]);
}

/// RFC 4226, appendix D: the steps are its counters.
#[test]
fn the_published_codes_of_rfc_4226_hold() {
    let file = read("rfc/rfc4226_hotp.json");
    let secret = secret(&file["secret_ascii"]);
    assert_eq!(secret.to_base32().expose(), file["secret_base32"]);
    let vectors = file["vectors"].as_array().unwrap();
    for vector in vectors {
        let counter = vector["counter"].as_i64().unwrap();
        assert_eq!(vector["digits"], 6);
        assert_eq!(secret.code(TotpStep::from_i64(counter)).expose(), vector["code"]);
        let code = parse(vector["code"].as_str().unwrap());
        assert_eq!(secret.matching_step(&code, at(counter * 30)), Some(TotpStep::from_i64(counter)));
    }
    assert_eq!(vectors.len(), 10);
}

/// REQ-20, M-02: a server whose clock stands still.
#[test]
fn codes_of_this_step_and_its_neighbours_pass_and_no_others() {
    let file = read("rfc/totp_window_own.json");
    let secret = published();
    assert_eq!(secret.to_base32().expose(), file["secret_base32"]);
    let mut passed = Vec::new();
    for vector in file["vectors"].as_array().unwrap() {
        let now = at(vector["server_time"].as_i64().unwrap());
        let offset = vector["step_offset"].as_i64().unwrap();
        let step = TotpStep::from_i64(TotpStep::at(now).as_i64() + offset);
        assert_eq!(secret.code(step).expose(), vector["code"]);
        if let Some(found) = secret.matching_step(&parse(vector["code"].as_str().unwrap()), now) {
            assert_eq!(found, step);
            passed.push(offset);
        }
    }
    assert_eq!(passed, [-1, 0, 1]);
}

proptest! {
    /// REQ-20. The steps are taken from the yardstick, so that two steps with one code don't fail this by chance.
    #[test]
    fn a_code_passes_exactly_from_one_step_before_its_own_to_one_after(
        bytes: [u8; 20], seconds in 0_i64..40_000_000_000, distance in -5_i64..=5,
    ) {
        let secret = TotpSecret::from_bytes(&bytes).unwrap();
        let now = seconds / 30;
        let own = (now + distance).max(0);
        let code = hotp(SHA1, &bytes, own.cast_unsigned(), 6);
        let shown = secret.code(TotpStep::from_i64(own));
        prop_assert_eq!(shown.expose(), &code);
        let expected = ((now - 1).max(0)..=now + 1).filter(|step| hotp(SHA1, &bytes, step.cast_unsigned(), 6) == code);
        let found = secret.matching_step(&parse(&code), at(seconds)).map(TotpStep::as_i64);
        prop_assert_eq!(found, expected.max());
        prop_assert!(found.is_some() || (own - now).abs() > 1);
    }

    #[test]
    fn any_code_at_any_time_is_answered(bytes: [u8; 20], code in "[0-9]{6}", micros: i64) {
        TotpSecret::from_bytes(&bytes).unwrap().matching_step(&parse(&code), Timestamp::from_micros(micros));
    }

    #[test]
    fn base_32_is_that_of_rfc_4648(bytes: [u8; 20]) {
        let text = TotpSecret::from_bytes(&bytes).unwrap().to_base32();
        let bits = bytes.map(|byte| format!("{byte:08b}")).concat();
        let alphabet: Vec<char> = ('A'..='Z').chain('2'..='7').collect();
        let symbols = (0..bits.len()).step_by(5).map(|at| usize::from_str_radix(&bits[at..at + 5], 2).unwrap());
        prop_assert_eq!(text.expose(), symbols.map(|symbol| alphabet[symbol]).collect::<String>());
    }
}

/// REQ-21: or else the code that was spent for one step would be good once more for the other. That two neighbours have
/// the same code happens once in a million steps; these were searched for.
#[test]
fn of_two_steps_with_one_code_the_later_is_told() {
    let secret = published();
    let (first, second) = (TotpStep::from_i64(59_061_240), TotpStep::from_i64(59_061_241));
    let code = secret.code(first);
    assert_eq!(secret.code(second).expose(), code.expose());
    for step in [first, second] {
        assert_eq!(secret.matching_step(&code, at(step.as_i64() * 30)), Some(second));
    }
}

#[test]
fn a_new_secret_has_160_bits_of_the_source() {
    let secret = TotpSecret::generate(&SeededRandom::new(1));
    assert_eq!(secret.as_bytes(), &<dyn Random>::bytes::<20>(&SeededRandom::new(1)));
    assert_eq!(secret.to_base32().expose().len(), 32);
    assert_ne!(TotpSecret::generate(&OsRandom).as_bytes(), TotpSecret::generate(&OsRandom).as_bytes());
}

/// Those of other systems, whose users keep their apps: 80 bits and more.
#[test]
fn a_secret_of_another_system_is_one_within_bounds() {
    for length in [0, 9, 41, 64] {
        assert_eq!(TotpSecret::from_bytes(&vec![1; length]).unwrap_err(), InvalidTotpSecret, "{length}");
    }
    for length in TotpSecret::KNOWN_BYTES {
        let bytes = vec![7; length];
        let secret = TotpSecret::from_bytes(&bytes).unwrap();
        assert_eq!(secret.as_bytes(), bytes);
        assert_eq!(TotpSecret::from_base32(secret.to_base32().expose()).unwrap().as_bytes(), bytes);
        assert_eq!(secret.code(TotpStep::from_i64(7)).expose(), hotp(SHA1, &bytes, 7, 6));
    }
    assert!(TotpSecret::from_base32("JBSWY3DPEHPK3PXP").is_ok());
    for text in ["", "JBSWY3DP", "JBSWY3DPEHPK3PX1", "JBSW Y3DP EHPK 3PXP"] {
        assert_eq!(TotpSecret::from_base32(text).unwrap_err(), InvalidTotpSecret, "{text}");
    }
}

#[test]
fn neither_secret_nor_text_is_printed() {
    let secret = published();
    assert_eq!(format!("{secret:?} {:?}", secret.to_base32()), "TotpSecret(…) TotpSecretText(…)");
}
