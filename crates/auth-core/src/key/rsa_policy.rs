//! Which RSA public keys are strong enough.

/// The key breaks the policy of [`check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WeakRsaKey;

/// A modulus of 2048 to 8192 bits without the weakness of Infineon's generator, and an odd exponent of 65537 or more
/// that fits into 32 bits; both big-endian.
pub(super) fn check(n: &[u8], e: &[u8]) -> Result<(), WeakRsaKey> {
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    let strong_modulus = n.first() != Some(&0) && (2048..=8192).contains(&bits) && !has_roca_fingerprint(n);
    let exponent = e.iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
    let good_exponent = e.len() <= 4 && e.first() != Some(&0) && exponent >= 65537 && exponent % 2 == 1;
    if strong_modulus && good_exponent { Ok(()) } else { Err(WeakRsaKey) }
}

/// The primes up to 167: their product is the constant that the flawed generator built its primes around.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether the modulus comes from the generator of CVE-2017-15361 (ROCA), whose moduli are powers of 65537 modulo
/// every small prime; among other moduli not one in a hundred million is.
fn has_roca_fingerprint(n: &[u8]) -> bool {
    PRIMES.iter().all(|&prime| {
        let residue = n.iter().fold(0, |value, byte| (value * 256 + u32::from(*byte)) % prime);
        let mut power = 1;
        (0..prime).any(|_| {
            power = power * (65537 % prime) % prime;
            power == residue
        })
    })
}
