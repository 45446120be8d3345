//! One-time codes by time (TOTP, RFC 6238), as authenticator apps show them.
//!
//! ```text
//! step = whole seconds since 1970 / 30                    (RFC 6238, section 4.2)
//! code = HOTP(secret, step), HMAC-SHA-1 cut to 6 digits   (RFC 4226, sections 5.2 and 5.3)
//! ```
//!
//! SHA-1, 6 digits and 30 seconds are what every app knows; several read a URI that asks for something else and use
//! these all the same. HMAC doesn't need what SHA-1 has lost (RFC 4226, appendix B.2).
//!
//! - **Window.** The code of this step passes, and those of the one before and the one after: what the network's delay
//!   and a clock that is off by up to 30 s need. RFC 6238, section 5.2, allows one step back; section 6 allows for
//!   clocks that drift either way.
//! - **A code works once** (RFC 6238, section 5.2; NIST SP 800-63B-4, section 3.1.4.2).
//!   [`TotpSecret::matching_step`] tells which step a code belongs to. Whoever accepts the code stores that step in the
//!   same statement that compares it with the last accepted one, and accepts nothing at or below that.
//! - **Guesses.** Of a million codes three pass at any time. This module counts nothing: the caller does (section
//!   3.2.2 of the same).

mod base32;
mod code;
#[cfg(test)]
mod hotp;
mod qr;
mod secret;
mod step;
mod uri;

pub use code::TotpCode;
pub use qr::QrSvg;
pub use secret::{InvalidTotpSecret, TotpSecret, TotpSecretText};
pub use step::TotpStep;
pub use uri::OtpauthUri;
