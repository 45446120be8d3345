//! A stored password hash.

use std::fmt;

use super::argon2::{Argon2Hash, Argon2Params, Variant};
use super::foreign::{BcryptHash, Pbkdf2Digest, Pbkdf2Hash, ScryptHash};

/// A password's hash, as it lies in the database.
///
/// Whoever holds one can verify a password against it at a bounded cost: a text that asks for more is refused when
/// it is read. It can't be printed. Understood are:
///
/// | function | spellings | bound |
/// |---|---|---|
/// | Argon2id, Argon2i, Argon2d, versions 19 and 16 | PHC, Django | [`Argon2Params`](super::Argon2Params) |
/// | bcrypt (2a, 2b, 2y), also over SHA-256 | `$2b$…`, Django, Passlib | cost 4 to 14 |
/// | scrypt | PHC, Passlib, crypt (`$7$…`), Django, better-auth | 256 MiB of memory, 512 MiB times p |
/// | PBKDF2-HMAC-SHA256, -SHA512 | PHC, Passlib, Django | 2 000 000 iterations, of all blocks together |
///
/// The bounds are such that no hash keeps a core busy for much more than 2 s. Salts have at least 8 bytes, tags 10.
#[derive(Clone)]
pub struct PasswordHash {
    text: String,
    scheme: Scheme,
}

/// How the hash was made: one variant for each family of formats, each of which has its reader.
#[derive(Clone)]
pub(super) enum Scheme {
    Argon2(Argon2Hash),
    Bcrypt(BcryptHash),
    Scrypt(ScryptHash),
    Pbkdf2(Pbkdf2Hash),
}

impl Scheme {
    fn parse(text: &str) -> Result<Self, InvalidPasswordHash> {
        // Django writes its own name of the function before a `$`, and what follows as it likes.
        let Some((name, rest)) = text.split_once('$') else {
            let (salt, tag) = text.split_once(':').ok_or(InvalidPasswordHash::Malformed)?;
            return Ok(Self::Scrypt(ScryptHash::parse_better_auth(salt, tag)?));
        };
        Ok(match name {
            "" => return Self::parse_modular(text),
            "argon2" => Self::parse_argon2(&text[name.len()..])?,
            "bcrypt" => Self::Bcrypt(BcryptHash::parse(rest)?),
            "bcrypt_sha256" => Self::Bcrypt(BcryptHash::parse_django_sha256(rest)?),
            "scrypt" => Self::Scrypt(ScryptHash::parse_django(rest)?),
            "pbkdf2_sha256" => Self::Pbkdf2(Pbkdf2Hash::parse_django(Pbkdf2Digest::Sha256, rest)?),
            "pbkdf2_sha512" => Self::Pbkdf2(Pbkdf2Hash::parse_django(Pbkdf2Digest::Sha512, rest)?),
            _ => return Err(InvalidPasswordHash::UnknownScheme),
        })
    }

    /// Reads `$identifier$…`: PHC strings, and those of crypt and Passlib.
    fn parse_modular(text: &str) -> Result<Self, InvalidPasswordHash> {
        let mut parts = text.splitn(3, '$').skip(1);
        let [identifier, rest] = [(); 2].map(|()| parts.next().unwrap_or_default());
        Ok(match identifier {
            "2a" | "2b" | "2y" => Self::Bcrypt(BcryptHash::parse(text)?),
            "bcrypt-sha256" => Self::Bcrypt(BcryptHash::parse_passlib_sha256(rest)?),
            "scrypt" => Self::Scrypt(ScryptHash::parse(rest)?),
            "7" => Self::Scrypt(ScryptHash::parse_crypt(rest)?),
            "pbkdf2-sha256" => Self::Pbkdf2(Pbkdf2Hash::parse(Pbkdf2Digest::Sha256, rest)?),
            "pbkdf2-sha512" => Self::Pbkdf2(Pbkdf2Hash::parse(Pbkdf2Digest::Sha512, rest)?),
            _ => Self::parse_argon2(text)?,
        })
    }

    fn parse_argon2(text: &str) -> Result<Self, InvalidPasswordHash> {
        let variant = match text.split('$').nth(1) {
            Some("argon2id") => Variant::Id,
            Some("argon2i") => Variant::I,
            Some("argon2d") => Variant::D,
            _ => return Err(InvalidPasswordHash::UnknownScheme),
        };
        Ok(Self::Argon2(Argon2Hash::parse(variant, text)?))
    }
}

impl PasswordHash {
    /// The longest text that can be a hash, in bytes.
    pub const MAX_BYTES: usize = 512;

    /// Reads a stored hash.
    ///
    /// # Errors
    ///
    /// Why it can't be verified.
    pub fn parse(text: String) -> Result<Self, InvalidPasswordHash> {
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidPasswordHash::Malformed);
        }
        let scheme = Scheme::parse(&text)?;
        Ok(Self { text, scheme })
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What Argon2 computes it with; `None` for another function.
    pub const fn argon2_params(&self) -> Option<Argon2Params> {
        match &self.scheme {
            Scheme::Argon2(hash) => Some(hash.recipe.params),
            _ => None,
        }
    }

    pub(super) const fn scheme(&self) -> &Scheme {
        &self.scheme
    }
}

impl From<Argon2Hash> for PasswordHash {
    fn from(hash: Argon2Hash) -> Self {
        Self { text: hash.to_string(), scheme: Scheme::Argon2(hash) }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Why a stored text is no hash that can be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPasswordHash {
    /// Not of the form that its identifier asks for.
    #[error("the password hash is malformed")]
    Malformed,
    /// A function, version or parameter that isn't known here.
    #[error("the password hash is of an unknown scheme")]
    UnknownScheme,
    /// Verifying it would cost more than the bounds of [`PasswordHash`] allow.
    #[error("the password hash is too costly to verify")]
    TooCostly,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SALT: &str = "c29tZXNhbHQ";
    const TAG: &str = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    fn error(text: &str) -> Option<InvalidPasswordHash> {
        PasswordHash::parse(text.to_owned()).err()
    }

    #[test]
    fn accepted_texts_are_kept_as_they_are() {
        for start in [
            "$argon2id$v=19$m=8,t=1,p=1",
            "$argon2i$m=8,t=1,p=1",
            "$argon2d$v=16$t=1,p=1,m=8",
            "argon2$argon2id$v=19$m=8,t=1,p=1",
        ] {
            let text = format!("{start}${SALT}${TAG}");
            assert_eq!(PasswordHash::parse(text.clone()).unwrap().as_str(), text);
        }
    }

    #[test]
    fn refused_texts_with_their_reason() {
        use InvalidPasswordHash::*;
        let cases = [
            ("", Malformed),
            ("hunter2", Malformed),
            ("$", UnknownScheme),
            ("$argon2id", Malformed),
            ("$argon2id$v=19$m=8,t=1,p=1", Malformed),
            ("$argon2id$v=19$m=8,t=1,p=1$SALT", Malformed),
            ("$argon2id$v=19$$SALT$TAG", Malformed),
            ("$argon2id$v=19$m=8,t=1$SALT$TAG", Malformed),
            ("$argon2id$v=19$m=8,t=1,p=1$SALT$TAG$", Malformed),
            (" $argon2id$v=19$m=8,t=1,p=1$SALT$TAG", UnknownScheme),
            ("$argon2id$v=19$m=8,t=1,p=1$SALT$TAG\n", Malformed),
            ("$argon2id$v=19$m=8,m=8,t=1,p=1$SALT$TAG", Malformed),
            ("$argon2id$v=19$m=x,t=1,p=1$SALT$TAG", Malformed),
            ("$argon2id$v=19$m=-8,t=1,p=1$SALT$TAG", Malformed),
            ("$argon2id$v=19$m=7,t=1,p=1$SALT$TAG", Malformed),
            ("$argon2id$v=19$m=8,t=0,p=1$SALT$TAG", Malformed),
            ("$argon2id$v=19$m=8,t=1,p=0$SALT$TAG", Malformed),
            ("$argon2id$v=19$m=8,t=1,p=1$c2hvcnQ$TAG", Malformed),
            ("$argon2id$v=19$m=8,t=1,p=1$SALT$c2hvcnQ", Malformed),
            ("$argon2id$v=19$m=8,t=1,p=1$SALT$TAG=", Malformed),
            ("$argon2id$v=18$m=8,t=1,p=1$SALT$TAG", UnknownScheme),
            ("$argon2id$v=19$m=8,t=1,p=1,data=AAAA$SALT$TAG", UnknownScheme),
            ("$argon2$v=19$m=8,t=1,p=1$SALT$TAG", UnknownScheme),
            ("$ARGON2ID$v=19$m=8,t=1,p=1$SALT$TAG", UnknownScheme),
            ("argon2", Malformed),
            ("argon2$", UnknownScheme),
            ("argon2$argon2id", Malformed),
            ("argon2$argon2x$v=19$m=8,t=1,p=1$SALT$TAG", UnknownScheme),
            ("argon2$argon2$argon2id$v=19$m=8,t=1,p=1$SALT$TAG", UnknownScheme),
            ("argon2id$v=19$m=8,t=1,p=1$SALT$TAG", UnknownScheme),
            ("$1$salt$qJH7.N4xYta3aEG/dfqo/0", UnknownScheme),
            ("$6$saltsalt$hash", UnknownScheme),
            ("$y$j9T$salt$hash", UnknownScheme),
            ("pbkdf2_sha1$1000$saltsalt$TAG", UnknownScheme),
            ("md5$saltsalt$5f4dcc3b5aa765d61d8327deb882cf99", UnknownScheme),
            ("!unusable", Malformed),
            ("$argon2id$v=19$m=4294967295,t=1,p=1$SALT$TAG", TooCostly),
            ("$argon2id$v=19$m=8,t=4294967295,p=1$SALT$TAG", TooCostly),
            ("$argon2id$v=19$m=1048576,t=5,p=1$SALT$TAG", TooCostly),
            ("$argon2id$v=19$m=99999999999,t=1,p=1$SALT$TAG", Malformed),
        ];
        for (pattern, reason) in cases {
            let text = pattern.replace("SALT", SALT).replace("TAG", TAG);
            assert_eq!(error(&text), Some(reason), "{text:?}");
        }
        assert_eq!(error(&format!("$argon2id${}", "a".repeat(500_000))), Some(Malformed));
    }

    #[test]
    fn a_hash_is_not_printed() {
        let hash = PasswordHash::parse(format!("$argon2id$v=19$m=8,t=1,p=1${SALT}${TAG}")).unwrap();
        assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(
            start in "\\$?(argon2id?\\$)?(v=1[69]\\$)?(m=[0-9]{1,11},t=[0-9]{1,3},p=[0-9])?",
            end in "(\\$[A-Za-z0-9+/=]{0,60}){0,3}\\PC{0,3}",
        ) {
            let text = start + &end;
            if let Ok(hash) = PasswordHash::parse(text.clone()) {
                prop_assert_eq!(hash.as_str(), text);
            }
        }

        #[test]
        fn what_is_written_is_read_back(
            salt in prop::collection::vec(any::<u8>(), 8..49),
            tag in prop::collection::vec(any::<u8>(), 10..65),
        ) {
            let argon2 = |text| match PasswordHash::parse(text).unwrap().scheme {
                Scheme::Argon2(hash) => hash,
                _ => panic!("Argon2 is read as something else"),
            };
            let mut hash = argon2(format!("$argon2id$v=19$m=8,t=1,p=1${SALT}${TAG}"));
            (hash.salt, hash.tag) = (salt.clone(), tag.clone());
            let read = argon2(PasswordHash::from(hash).text);
            prop_assert_eq!((read.salt, read.tag), (salt, tag));
        }
    }
}
