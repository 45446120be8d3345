//! What the spellings of hashes are made of: numbers, lists of parameters, and bytes as text.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::password::InvalidPasswordHash;

/// Bytes that a salt may have. RFC 8018, section 4.1, and the PHC string format ask for 8 or more.
const SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=64;
/// Bytes that a tag may have: those of the PHC string format.
const TAG_BYTES: std::ops::RangeInclusive<usize> = 10..=64;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Standard base64, padded as Django writes it or not; Passlib writes `.` for `+`.
fn base64(text: &str) -> Result<Vec<u8>, InvalidPasswordHash> {
    BASE64.decode(text.replace('.', "+")).map_err(|_| InvalidPasswordHash::Malformed)
}

/// A salt in base64.
pub(super) fn salt(text: &str) -> Result<Vec<u8>, InvalidPasswordHash> {
    bounded(base64(text)?, SALT_BYTES)
}

/// A salt that is its text, as Django's and crypt's are.
pub(super) fn text_salt(text: &str) -> Result<Vec<u8>, InvalidPasswordHash> {
    bounded(text.as_bytes().to_vec(), SALT_BYTES)
}

/// A tag in base64.
pub(super) fn tag(text: &str) -> Result<Vec<u8>, InvalidPasswordHash> {
    bounded(base64(text)?, TAG_BYTES)
}

fn bounded(bytes: Vec<u8>, bounds: std::ops::RangeInclusive<usize>) -> Result<Vec<u8>, InvalidPasswordHash> {
    if bounds.contains(&bytes.len()) { Ok(bytes) } else { Err(InvalidPasswordHash::Malformed) }
}

/// Bytes in hexadecimal, in lower case.
pub(super) fn hexadecimal(text: &str) -> Result<Vec<u8>, InvalidPasswordHash> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(InvalidPasswordHash::Malformed),
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(InvalidPasswordHash::Malformed);
    }
    pairs.iter().map(|[high, low]| Ok(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// A decimal number, without sign and leading zeros.
pub(super) fn decimal(text: &str) -> Result<u32, InvalidPasswordHash> {
    let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_canonical).ok_or(InvalidPasswordHash::Malformed)
}

/// The values of a list like `ln=16,r=8,p=1`, for each of `names`, in any order.
pub(super) fn parameters<const N: usize>(
    text: &str,
    names: [&str; N],
) -> Result<[Option<u32>; N], InvalidPasswordHash> {
    let mut values = [None; N];
    for parameter in text.split(',') {
        let (name, value) = parameter.split_once('=').ok_or(InvalidPasswordHash::Malformed)?;
        let at = names.iter().position(|known| *known == name).ok_or(InvalidPasswordHash::UnknownScheme)?;
        if values[at].replace(decimal(value)?).is_some() {
            return Err(InvalidPasswordHash::Malformed);
        }
    }
    Ok(values)
}

/// The `N` fields of a text between `$`s.
pub(super) fn fields<const N: usize>(text: &str) -> Result<[&str; N], InvalidPasswordHash> {
    let fields: Vec<&str> = text.split('$').collect();
    fields.try_into().map_err(|_| InvalidPasswordHash::Malformed)
}

/// The alphabet of crypt: each character stands for six bits.
fn crypt_digit(character: u8) -> Result<u32, InvalidPasswordHash> {
    let value = match character {
        b'.' => 0,
        b'/' => 1,
        b'0'..=b'9' => character - b'0' + 2,
        b'A'..=b'Z' => character - b'A' + 12,
        b'a'..=b'z' => character - b'a' + 38,
        _ => return Err(InvalidPasswordHash::Malformed),
    };
    Ok(value.into())
}

/// A number of up to 30 bits in crypt's alphabet, the lowest bits first.
pub(super) fn crypt_number(text: &[u8]) -> Result<u32, InvalidPasswordHash> {
    text.iter().rev().try_fold(0, |number, character| Ok(number << 6 | crypt_digit(*character)?))
}

/// 32 bytes in crypt's alphabet: four characters for three bytes, the lowest bits first.
pub(super) fn crypt_bytes(text: &[u8]) -> Result<Vec<u8>, InvalidPasswordHash> {
    const CHARACTERS: usize = 43;
    if text.len() != CHARACTERS {
        return Err(InvalidPasswordHash::Malformed);
    }
    let mut bytes = Vec::with_capacity(33);
    for group in text.chunks(4) {
        bytes.extend_from_slice(&crypt_number(group)?.to_le_bytes()[..3]);
    }
    // The last three characters stand for two bytes, and two bits that aren't used.
    if bytes.pop() == Some(0) { Ok(bytes) } else { Err(InvalidPasswordHash::Malformed) }
}
