//! Passwords: what may be one, how they are kept, and the threads that hash them.
//!
//! A [`Password`] is text in NFC that can't be printed and is wiped when it goes. A [`PasswordPolicy`] says whether
//! it may be set. A [`PasswordHasher`] turns it into a [`PasswordHash`] (Argon2id, RFC 9106, written as a PHC
//! string) and checks a password against one, whichever Argon2 variant and version made it.
//!
//! # Hashes of other systems
//!
//! bcrypt, scrypt and PBKDF2 are verified in the spellings that [`PasswordHash`] lists, so that accounts can be taken
//! over with their passwords. [`Verified::needs_rehash`] is true for all of them: whoever has the password at hand
//! replaces the hash. Other systems hashed the bytes they were sent, and a [`Password`] is in NFC: one that was set
//! in another normal form, as some keyboards type accents, doesn't verify and has to be reset. bcrypt sees the first
//! 72 bytes of a password alone, so whatever begins with these matches, and the new hash is of what was typed.
//!
//! # Two implementations, one result
//!
//! The portable implementation is the `argon2` crate. With the feature `simd-argon2` there is a second one that is
//! about twice as fast; it is younger, so [`PasswordHasher::new`] has both compute a set of small hashes and takes
//! the fast one only if every tag is the same. Which one it was says [`PasswordHasher::backend_in_use`]. Hashes
//! don't tell which implementation made them, and each verifies those of the other.
//!
//! # Why hashing has threads of its own
//!
//! One hash fills 19 MiB and keeps a core busy for 7 to 15 ms. If every request that signs in did that where it
//! runs, a hundred of them would take 2 GiB and every other request would wait behind them. A [`HashPool`] has as
//! many threads as the machine has cores. Each keeps one block of memory, so memory is bounded by the threads and
//! not by the clients, and runs at the lowest priority, so that whatever else the process does goes first. Work
//! waits in a queue that is bounded in length and in time: what finds it full is answered
//! [`HashJobError::Overloaded`] at once, and so is what waited for too long, instead of being hashed. Work whose
//! [`HashJob`] is dropped, because its client has gone, leaves the queue and is never hashed.
//!
//! Signing in with an unknown name must take as long as with a known one: [`HashPool::verify_absent`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use auth_core::SystemClock;
//! use auth_core::password::{
//!     Argon2Backend, Argon2Params, HashPool, HashPoolConfig, Password, PasswordContext, PasswordHasher, PasswordPolicy,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let params = Argon2Params::new(64, 1, 1)?; // tiny, for the example: take Argon2Params::default()
//! let hasher = PasswordHasher::new(params, Argon2Backend::Auto);
//! let pool = HashPool::start(HashPoolConfig::default(), hasher, Arc::new(SystemClock))?;
//!
//! let password = Password::new("correct horse battery staple")?;
//! PasswordPolicy::default().check(&password, &PasswordContext::default())?;
//! let stored = pool.hash(password).wait()?; // or `.await`, on any runtime
//! assert!(stored.as_str().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
//!
//! let verified = pool.verify(Password::new("correct horse battery stable")?, stored).wait()?;
//! assert!(!verified.matches);
//! # Ok(())
//! # }
//! ```

mod argon2;
mod foreign;
mod hash;
mod hasher;
mod policy;
mod pool;
mod secret;

pub use self::argon2::{Argon2Params, InvalidArgon2Params, Workspace};
pub use self::hash::{InvalidPasswordHash, PasswordHash};
pub use self::hasher::{Argon2Backend, HashError, PasswordHasher};
pub use self::policy::{
    CharacterClass, InvalidPasswordPolicy, PasswordContext, PasswordPolicy, PasswordWeakness, UnknownCharacterClass,
};
pub use self::pool::{HashJob, HashJobError, HashPool, HashPoolConfig, Verified};
pub use self::secret::{Password, PasswordTooLong};
