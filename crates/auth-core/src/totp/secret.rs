//! The secret that an authenticator app and the server share, and the codes that follow from it.

use std::fmt;
use std::ops::RangeInclusive;

use subtle::{Choice, ConditionallySelectable as _};
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

use super::base32;
use super::code::TotpCode;
use super::step::TotpStep;
use crate::random::Random;
use crate::secret_text::secret_text;
use crate::time::Timestamp;

secret_text!(
    /// A TOTP secret as 32 letters and digits, to be typed into an app that can't read the QR code.
    TotpSecretText
);

/// A TOTP secret. It is at rest sealed under the data key of purpose `totp_sealing`.
///
/// One that is made here has 160 random bits (RFC 4226, section 4, R6). One that another system made may have
/// [others](TotpSecret::KNOWN_BYTES), so that its users keep their apps.
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
pub struct TotpSecret(Zeroizing<Box<[u8]>>);

impl TotpSecret {
    /// How many bytes a new secret has.
    pub const BYTES: usize = 20;

    /// How many bytes a secret may have: the 80 bits of old apps, too few by RFC 4226 and yet more than six digits can be
    /// guessed by, to 320. HMAC-SHA-1 takes them all as they are (RFC 2104, section 2).
    pub const KNOWN_BYTES: RangeInclusive<usize> = 10..=40;

    /// A new secret.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new(Box::<[u8]>::from([0; Self::BYTES]));
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// The secret with these bytes, for instance those that a sealed value held.
    ///
    /// # Errors
    ///
    /// [`InvalidTotpSecret`] unless there are [as many](TotpSecret::KNOWN_BYTES) as a secret may have.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidTotpSecret> {
        if !Self::KNOWN_BYTES.contains(&bytes.len()) {
            return Err(InvalidTotpSecret);
        }
        Ok(Self(Zeroizing::new(bytes.into())))
    }

    /// Reads a secret in base 32 (RFC 4648, section 6), as apps and other systems show it: in letters of either case, with
    /// or without padding.
    ///
    /// # Errors
    ///
    /// [`InvalidTotpSecret`] for anything else, bits that stand for no byte among it, and for a secret of another length.
    pub fn from_base32(text: &str) -> Result<Self, InvalidTotpSecret> {
        base32::read(text).and_then(|bytes| Self::from_bytes(&bytes))
    }

    /// The bytes, to be sealed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret in base 32 without padding (RFC 4648, section 6), as apps read it.
    pub fn to_base32(&self) -> TotpSecretText {
        TotpSecretText(base32::write(&self.0))
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
            .with_secret(Secret::new(Box::from(&**self.0)))
            .build_noncompliant()
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

/// Not a TOTP secret: of another length, or no base 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a TOTP secret has {} to {} bytes, in base 32", TotpSecret::KNOWN_BYTES.start(), TotpSecret::KNOWN_BYTES.end())]
pub struct InvalidTotpSecret;

#[cfg(test)]
mod tests;
