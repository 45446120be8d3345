//! Sealing: authenticated encryption of what lies in the database, bound to the place where it lies.
//!
//! A sealed value is `format (1 byte, 0x01) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`: AES-256-GCM-SIV (RFC 8452) with a
//! random nonce. Should two nonces ever be equal, GCM-SIV gives away no more than that two plaintexts are the same.
//! The associated data is the format byte and then table, column and row, each preceded by its length (8 bytes, big
//! endian): a value that was copied to another row, column or table doesn't open.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, Tag, UnboundKey};
use zeroize::Zeroizing;

use super::data_key::DataKey;
use crate::random::Random;

const FORMAT: u8 = 1;
const TAG_LEN: usize = 16;

/// Where a sealed value lies: it opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealContext<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The column's name.
    pub column: &'a str,
    /// What identifies the row, for instance the bytes of its id.
    pub row: &'a [u8],
}

impl SealContext<'_> {
    fn associated_data(&self) -> Vec<u8> {
        let mut data = vec![FORMAT];
        for part in [self.table.as_bytes(), self.column.as_bytes(), self.row] {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

/// Seals and opens values under one key.
pub struct Sealer(LessSafeKey);

impl Sealer {
    /// A sealer under a subkey of `key`.
    pub fn new(key: &DataKey) -> Self {
        Self::under(&key.subkey("sealing"))
    }

    #[expect(clippy::expect_used, reason = "a key of AES-256 has 32 bytes, and so has every array that comes here")]
    pub(super) fn under(key: &[u8; 32]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key).expect("32 bytes are a key of AES-256")))
    }

    /// Seals `plaintext` for the place `context`.
    ///
    /// # Panics
    ///
    /// When the plaintext has 64 GiB or more, which no column holds.
    pub fn seal(&self, context: SealContext<'_>, plaintext: &[u8], random: &dyn Random) -> Vec<u8> {
        let nonce = random.bytes::<NONCE_LEN>();
        // All at once: growing later would leave a copy of the plaintext behind in freed memory.
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + plaintext.len() + TAG_LEN);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let tag = self.encrypt(nonce, &context.associated_data(), &mut sealed[1 + NONCE_LEN..]);
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Opens a value that was sealed under this key for the place `context`.
    ///
    /// # Errors
    ///
    /// When the value was made under another key or for another place, or was changed: which of them is not told.
    pub fn open(&self, context: SealContext<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let body = sealed.strip_prefix(&[FORMAT]).ok_or(CannotOpen)?;
        let (nonce, ciphertext) = body.split_first_chunk::<NONCE_LEN>().ok_or(CannotOpen)?;
        self.decrypt(*nonce, &context.associated_data(), ciphertext)
    }

    #[expect(clippy::expect_used, reason = "sealing fails only for lengths beyond any column")]
    fn encrypt(&self, nonce: [u8; NONCE_LEN], associated: &[u8], text: &mut [u8]) -> Tag {
        self.0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), text)
            .expect("the plaintext fits the cipher")
    }

    fn decrypt(
        &self,
        nonce: [u8; NONCE_LEN],
        associated: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let mut plaintext = Zeroizing::new(ciphertext.to_vec());
        let length = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(associated), plaintext.as_mut_slice())
            .map_err(|_| CannotOpen)?
            .len();
        plaintext.truncate(length);
        Ok(plaintext)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

/// The sealed value is broken, belongs to another place, or another key made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed value can't be opened")]
pub struct CannotOpen;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::OsRandom;
    use crate::vectors::{hex, wycheproof};

    const PLACE: SealContext<'static> = SealContext { table: "totp_credentials", column: "secret_sealed", row: b"row" };

    fn sealer() -> Sealer {
        Sealer::new(&DataKey::generate(&OsRandom))
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_in_its_place(plaintext: Vec<u8>, table: String, column: String, row: Vec<u8>) {
            let (sealer, place) = (sealer(), SealContext { table: &table, column: &column, row: &row });
            let value = sealer.seal(place, &plaintext, &OsRandom);
            prop_assert_eq!(&*sealer.open(place, &value).unwrap(), &plaintext);
            prop_assert_eq!(value.len(), 1 + 12 + plaintext.len() + 16);
        }

        #[test]
        fn a_changed_value_does_not_open(plaintext: Vec<u8>, place: prop::sample::Index, bit in 0..8) {
            let sealer = sealer();
            let mut value = sealer.seal(PLACE, &plaintext, &OsRandom);
            let index = place.index(value.len());
            value[index] ^= 1_u8 << bit;
            prop_assert_eq!(sealer.open(PLACE, &value), Err(CannotOpen));
        }
    }

    /// Each part is told from its neighbours: no place is spelled like another.
    #[test]
    fn a_value_opens_in_no_other_place() {
        let sealer = sealer();
        let place = SealContext { table: "ab", column: "c", row: b"d" };
        let value = sealer.seal(place, b"secret", &OsRandom);
        for other in [
            SealContext { table: "a", column: "bc", row: b"d" },
            SealContext { table: "ab", column: "cd", row: b"" },
            SealContext { table: "ab", column: "", row: b"cd" },
            SealContext { table: "ab", column: "c", row: b"e" },
            SealContext { table: "ab", column: "x", row: b"d" },
            SealContext { table: "xb", column: "c", row: b"d" },
        ] {
            assert_eq!(sealer.open(other, &value), Err(CannotOpen), "{other:?}");
        }
        assert!(sealer.open(place, &value).is_ok());
    }

    #[test]
    fn a_value_opens_under_no_other_key() {
        assert_eq!(sealer().open(PLACE, &sealer().seal(PLACE, b"secret", &OsRandom)), Err(CannotOpen));
    }

    #[test]
    fn a_value_that_is_too_short_does_not_open() {
        let sealer = sealer();
        let value = sealer.seal(PLACE, b"", &OsRandom);
        for length in 0..value.len() {
            assert_eq!(sealer.open(PLACE, &value[..length]), Err(CannotOpen), "{length}");
        }
    }

    #[test]
    fn one_plaintext_is_never_sealed_the_same_way_twice() {
        let sealer = sealer();
        assert_ne!(sealer.seal(PLACE, b"secret", &OsRandom), sealer.seal(PLACE, b"secret", &OsRandom));
    }

    #[test]
    fn the_published_vectors_of_aes_256_gcm_siv_hold() {
        let mut ran = [0, 0];
        for (group, test) in wycheproof("aes_gcm_siv_test").into_iter().filter(|(group, _)| group["keySize"] == 256) {
            assert_eq!(group["ivSize"], 96);
            let sealer = Sealer::under(&hex(&test["key"]).try_into().unwrap());
            let (nonce, associated) = (hex(&test["iv"]).try_into().unwrap(), hex(&test["aad"]));
            let (mut text, ciphertext, tag) = (hex(&test["msg"]), hex(&test["ct"]), hex(&test["tag"]));
            let opened = sealer.decrypt(nonce, &associated, &[ciphertext.clone(), tag.clone()].concat());
            let valid = test["result"] == "valid";
            ran[usize::from(valid)] += 1;
            assert_eq!(opened.as_deref(), if valid { Ok(&text) } else { Err(&CannotOpen) }, "{}", test["tcId"]);
            if valid {
                assert_eq!(sealer.encrypt(nonce, &associated, &mut text).as_ref(), tag, "{}", test["tcId"]);
                assert_eq!(text, ciphertext, "{}", test["tcId"]);
            }
        }
        assert!(ran[0] > 20 && ran[1] > 40, "{ran:?} vectors ran");
    }
}
