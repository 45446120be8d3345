//! Key derivation: HKDF with SHA-256 (RFC 5869).

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// `N` bytes (at most 8160) that follow from `key_material`, and tell nothing about what another `salt` or `info` gives.
pub(super) fn derive<const N: usize>(key_material: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= MAX_LENGTH) };
    let mut derived = Zeroizing::new([0; N]);
    fill(derived.as_mut_slice(), key_material, salt, info);
    derived
}

/// 255 blocks of the hash (RFC 5869, section 2.3).
const MAX_LENGTH: usize = 255 * 32;

#[expect(
    clippy::expect_used,
    reason = "HKDF fails only for lengths above the greatest, and callers have checked theirs"
)]
fn fill(output: &mut [u8], key_material: &[u8], salt: &[u8], info: &[u8]) {
    Salt::new(HKDF_SHA256, salt)
        .extract(key_material)
        .expand(&[info], Length(output.len()))
        .and_then(|material| material.fill(output))
        .expect("HKDF gives this many bytes");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{hex, wycheproof};

    #[test]
    fn the_published_vectors_of_hkdf_with_sha_256_hold() {
        let mut valid = 0;
        for (_, test) in wycheproof("hkdf_sha256_test") {
            if test["result"] != "valid" {
                continue; // Lengths above the greatest, which the compiler refuses here.
            }
            let mut output = vec![0; usize::try_from(test["size"].as_u64().unwrap()).unwrap()];
            fill(&mut output, &hex(&test["ikm"]), &hex(&test["salt"]), &hex(&test["info"]));
            assert_eq!(output, hex(&test["okm"]), "{}", test["tcId"]);
            valid += 1;
        }
        assert!(valid > 70, "{valid} vectors ran");
    }
}
