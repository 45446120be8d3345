//! Base 32 (RFC 4648, section 6), without copies of what is read and written left in memory.

use zeroize::Zeroizing;

use super::secret::InvalidTotpSecret;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Bits of a character.
const BITS: usize = 5;

/// Without padding.
pub(super) fn write(bytes: &[u8]) -> Zeroizing<String> {
    // All at once: growing later would leave a copy of the secret behind in freed memory.
    let mut text = Zeroizing::new(String::with_capacity((bytes.len() * 8).div_ceil(BITS)));
    for block in bytes.chunks(BITS) {
        let bits = (0..BITS).fold(0, |bits, at| bits << 8 | u64::from(block.get(at).copied().unwrap_or(0)));
        let characters = (block.len() * 8).div_ceil(BITS);
        text.extend((0..8).rev().take(characters).map(|at| char::from(ALPHABET[(bits >> (BITS * at) & 31) as usize])));
    }
    text
}

/// In letters of either case, padded to a multiple of eight characters or not at all.
pub(super) fn read(text: &str) -> Result<Zeroizing<Vec<u8>>, InvalidTotpSecret> {
    let characters = text.trim_end_matches('=');
    let is_padded = characters.len() < text.len();
    if is_padded && (!text.len().is_multiple_of(8) || text.len() - characters.len() >= 8) {
        return Err(InvalidTotpSecret);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(characters.len() * BITS / 8));
    for block in characters.as_bytes().chunks(8) {
        let bits = block.iter().try_fold(0_u64, |bits, character| Some(bits << BITS | value(*character)?));
        let bits = bits.ok_or(InvalidTotpSecret)?;
        let (whole, left) = (block.len() * BITS / 8, block.len() * BITS % 8);
        // One spelling for each secret: what is left over is no whole character, and zero.
        if left >= BITS || bits & ((1 << left) - 1) != 0 {
            return Err(InvalidTotpSecret);
        }
        bytes.extend_from_slice(&(bits >> left << (8 * (8 - whole))).to_be_bytes()[..whole]);
    }
    Ok(bytes)
}

fn value(character: u8) -> Option<u64> {
    let upper = character.to_ascii_uppercase();
    ALPHABET.iter().position(|known| *known == upper).map(|at| at as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 4648, section 10.
    #[test]
    fn the_published_vectors_hold() {
        let vectors =
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB")];
        for (plain, text) in vectors.into_iter().chain([("foobar", "MZXW6YTBOI")]) {
            assert_eq!(*write(plain.as_bytes()), text);
            assert_eq!(*read(text).unwrap(), plain.as_bytes());
            assert_eq!(*read(&text.to_lowercase()).unwrap(), plain.as_bytes());
            let padded = format!("{text}{}", "=".repeat((8 - text.len() % 8) % 8));
            assert_eq!(*read(&padded).unwrap(), plain.as_bytes(), "{padded}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "A",
            "AAA",
            "AAAAAA",
            "MZ",
            "MZXW6YTBO",
            "MY=",
            "MY=====",
            "MY=======",
            "========",
            "MZXW6YTB========",
            "MY ",
            "M Y",
            "M1",
            "M0",
            "M8",
            "MÄ",
            "=MY",
            "MY-",
            "MY\n",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes in prop::collection::vec(any::<u8>(), 0..50)) {
            prop_assert_eq!(&*read(&write(&bytes)).unwrap(), &bytes);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,40}", base in "[A-Z2-7=]{0,40}") {
            let _ = read(&text);
            if let Ok(bytes) = read(&base) {
                let written = write(&bytes);
                prop_assert_eq!(&*written, base.trim_end_matches('='));
            }
        }
    }
}
