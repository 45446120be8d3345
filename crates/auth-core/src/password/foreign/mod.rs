//! Hashes that other systems made: read and verified, never made.
//!
//! | spelling | function |
//! |---|---|
//! | `$2a$`, `$2b$`, `$2y$` | bcrypt |
//! | `bcrypt$$2b$…`, `bcrypt_sha256$$2b$…` (Django), `$bcrypt-sha256$…` (Passlib) | bcrypt, of the password or its SHA-256 |
//! | `$scrypt$ln=…,r=…,p=…$` (PHC, Passlib), `$7$…` (crypt), `scrypt$n$salt$r$p$…` (Django), `salt:tag` (better-auth) | scrypt |
//! | `$pbkdf2-sha256$i=…$` (PHC), `$pbkdf2-sha256$29000$…` (Passlib), `pbkdf2_sha256$…` (Django); `sha512` likewise | PBKDF2 |
//! | `argon2$argon2id$…` (Django) | Argon2, read as without its first word |
//!
//! PBKDF2 and scrypt take a password as an HMAC key (RFC 2104), to which NULs at the end of a short one make no
//! difference: such a password verifies as well, as it did where the hash is from.

mod bcrypt;
mod encoding;
mod pbkdf2;
mod scrypt;

pub(super) use self::bcrypt::BcryptHash;
pub(super) use self::pbkdf2::{Pbkdf2Digest, Pbkdf2Hash};
pub(super) use self::scrypt::ScryptHash;

#[cfg(test)]
mod tests;
