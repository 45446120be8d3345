//! HOTP, written from RFC 4226 on another HMAC: what the tests compare with.

use aws_lc_rs::hmac::{self, Algorithm};

/// Section 5.3, with the dynamic truncation of section 5.4.
pub(super) fn hotp(algorithm: Algorithm, secret: &[u8], counter: u64, digits: usize) -> String {
    let mac = hmac::sign(&hmac::Key::new(algorithm, secret), &counter.to_be_bytes());
    let mac = mac.as_ref();
    let offset = usize::from(mac[mac.len() - 1] & 0x0f);
    let cut = u32::from_be_bytes(mac[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    let all = format!("{cut:010}");
    all[all.len() - digits..].to_owned()
}
