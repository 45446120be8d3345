//! The URI by which an authenticator app takes a secret over.
//!
//! There is no standard; apps follow Google Authenticator's "Key Uri Format":
//!
//! ```text
//! otpauth://totp/ISSUER:ACCOUNT?secret=BASE32&issuer=ISSUER&algorithm=SHA1&digits=6&period=30
//! ```
//!
//! The issuer stands in the label for old apps and in the parameter for others, which compare the two. The last three
//! parameters are every app's defaults, given for those that let their user change the defaults.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::qr::QrSvg;
use super::secret::TotpSecret;
use crate::secret_text::secret_text;
use crate::text;

/// The most bytes that a name may have once it is percent-encoded. Together they keep the URI short enough for the
/// QR code that [`QrSvg`] draws at most.
const MAX_ISSUER: usize = 192;
const MAX_ACCOUNT: usize = 384;
/// Characters of the longest secret.
const MAX_SECRET: usize = (*TotpSecret::KNOWN_BYTES.end() * 8).div_ceil(5);
/// All of a URI that is neither a name nor the secret.
const FIXED: usize = 66;

secret_text!(
    /// An `otpauth:` URI. It holds the secret: it is shown once, to the user whose it is.
    OtpauthUri
);

impl TotpSecret {
    /// The URI that brings this secret to an authenticator app, which shows it under `issuer` (the product) and
    /// `account` (the user's address or name). Neither may be empty.
    ///
    /// A name can hold any character: what isn't an unreserved one of RFC 3986, section 2.3, is percent-encoded. A
    /// colon, which would move the border between the two names, and what can't be printed become `-`. Names are cut
    /// at the end when they take more than 192 (issuer) or 384 bytes (account) once encoded, that is 21 or 42
    /// characters of Chinese, and no address in ASCII of up to 254 bytes unless it is full of signs.
    pub fn otpauth_uri(&self, issuer: &str, account: &str) -> OtpauthUri {
        let (issuer, account) = (encode(issuer, MAX_ISSUER), encode(account, MAX_ACCOUNT));
        let secret = self.to_base32();
        // All at once: growing later would leave a copy of the secret behind in freed memory.
        let length = FIXED + secret.expose().len() + 2 * issuer.len() + account.len();
        let mut uri = Zeroizing::new(String::with_capacity(length));
        uri.extend(["otpauth://totp/", &issuer, ":", &account, "?secret=", secret.expose(), "&issuer=", &issuer]);
        uri.push_str("&algorithm=SHA1&digits=6&period=30");
        OtpauthUri(uri)
    }
}

impl OtpauthUri {
    /// The longest URI, in bytes.
    pub const MAX_BYTES: usize = FIXED + MAX_SECRET + 2 * MAX_ISSUER + MAX_ACCOUNT;

    /// The URI as a QR code.
    pub fn qr_svg(&self) -> QrSvg {
        QrSvg::of(self)
    }
}

/// `name`, percent-encoded, in at most `limit` bytes and without white space at its ends, cut off or not.
fn encode(name: &str, limit: usize) -> String {
    let (mut encoded, mut end) = (String::with_capacity(limit), 0);
    for character in name.trim().chars() {
        let character = if character == ':' || text::is_unprintable(character) { '-' } else { character };
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                // Writing to a string doesn't fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        if encoded.len() > limit {
            break;
        }
        if !character.is_whitespace() {
            end = encoded.len();
        }
    }
    encoded.truncate(end);
    encoded
}

#[cfg(test)]
mod tests;
