//! The secret that an authenticator app and the server share, and the codes that follow from it.

use std::fmt;

use subtle::{Choice, ConditionallySelectable as _};
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

use super::code::TotpCode;
use super::step::TotpStep;
use crate::random::Random;
use crate::secret_text::secret_text;
use crate::time::Timestamp;

/// RFC 4648, section 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

secret_text!(
    /// A TOTP secret as 32 letters and digits, to be typed into an app that can't read the QR code.
    TotpSecretText
);

/// A TOTP secret: 160 random bits (RFC 4226, section 4, R6). It is at rest sealed under the data key of purpose
/// `totp_sealing`.
///
/// ```
/// use auth_core::{Clock, OsRandom, SystemClock, TotpCode, TotpSecret};
///
/// let secret = TotpSecret::generate(&OsRandom);
/// let uri = secret.otpauth_uri("Gatehouse", "ada@example.org");
/// assert!(uri.expose().starts_with("otpauth://totp/Gatehouse:ada%40example.org?secret="));
/// assert!(uri.qr_svg().expose().starts_with("<svg "));
///
/// if let Some(code) = TotpCode::parse("123456") {
///     if let Some(step) = secret.matching_step(&code, SystemClock.now()) {
///         println!("accept it if step {} is above the last accepted one", step.as_i64());
///     }
/// }
/// ```
pub struct TotpSecret(Zeroizing<[u8; Self::BYTES]>);

impl TotpSecret {
    /// How many bytes a secret has.
    pub const BYTES: usize = 20;

    /// A new secret.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        random.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The secret with these bytes, for instance those that a sealed value held.
    ///
    /// # Errors
    ///
    /// [`InvalidTotpSecret`] unless there are [`TotpSecret::BYTES`] of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidTotpSecret> {
        let mut secret = Zeroizing::new([0; Self::BYTES]);
        if bytes.len() != Self::BYTES {
            return Err(InvalidTotpSecret);
        }
        secret.copy_from_slice(bytes);
        Ok(Self(secret))
    }

    /// The bytes, to be sealed.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The secret in base 32 without padding (RFC 4648, section 6), as apps read it.
    pub fn to_base32(&self) -> TotpSecretText {
        // All at once: growing later would leave a copy of the secret behind in freed memory.
        let mut text = Zeroizing::new(String::with_capacity(Self::BYTES * 8 / 5));
        for block in self.0.chunks(5) {
            let bits = block.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
            text.extend((0..8).rev().map(|at| char::from(BASE32[(bits >> (5 * at) & 31) as usize])));
        }
        TotpSecretText(text)
    }

    /// The step whose code `code` is, if that is the step at `now` or one of its two neighbours.
    ///
    /// Always compares with the codes of all three steps, each in constant time. Should two of them have the same
    /// code, the later step is told: a caller who accepts no step at or below the last accepted one then never accepts
    /// the code for the other step either.
    ///
    /// `Some` alone doesn't make the code good: a code works once (RFC 6238, section 5.2). Whoever accepts it stores the
    /// step in the same statement that compares it with the last accepted one, and counts the code as wrong if that
    /// one is the same or later.
    pub fn matching_step(&self, code: &TotpCode, now: Timestamp) -> Option<TotpStep> {
        let totp = self.totp(TotpCode::DIGITS);
        let (mut found, mut last) = (Choice::from(0), 0);
        for step in TotpStep::at(now).window() {
            // With no tolerance of its own, `check` compares one code; its wider search stops at the first match.
            let same = Choice::from(u8::from(totp.check(code.expose(), step.start()).is_some()));
            last.conditional_assign(&step.as_i64(), same);
            found |= same;
        }
        bool::from(found).then_some(TotpStep::from_i64(last))
    }

    /// The code of `step`, as the user's app shows it.
    #[cfg(any(test, feature = "testing"))]
    pub fn code(&self, step: TotpStep) -> TotpCode {
        TotpCode::of(&self.totp(TotpCode::DIGITS).generate(step.start()))
    }

    /// RFC 6238's parameters are fixed here; `digits` is one of them so that its eight-digit vectors can be run.
    fn totp(&self, digits: u8) -> Totp {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(digits)
            .with_skew(0)
            .with_step_duration(30)
            .with_secret(Secret::new_stack(*self.0))
            .build_noncompliant()
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

/// The bytes are not as many as a TOTP secret has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a TOTP secret has {} bytes", TotpSecret::BYTES)]
pub struct InvalidTotpSecret;

#[cfg(test)]
mod tests;
