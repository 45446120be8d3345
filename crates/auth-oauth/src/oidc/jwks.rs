//! A provider's key set (RFC 7517, section 5), read with a policy.

use serde::Deserialize;
use serde_json::Value;

use super::algorithm::IdTokenAlgorithm;
use super::json;
use super::jwk::{SigningKey, UnusableKey};

/// The keys of a set that may verify ID tokens.
///
/// A key that isn't fit is left out and the rest stays (RFC 7517, section 5): providers publish keys for encryption
/// and of newer types beside those for signatures. Of two fit keys with one name neither is taken: which of them a
/// token means could only be guessed.
pub(super) struct JwkSet {
    keys: Vec<SigningKey>,
    /// Those that aren't taken, by their names: to tell the operator why.
    left_out: Vec<(String, UnusableKey)>,
}

impl JwkSet {
    /// The most keys of a set, fit or not.
    pub(super) const MAX_KEYS: usize = 100;

    /// Reads a set. One without any fit key is empty, which is no error: a provider may withdraw its keys.
    pub(super) fn read(set: &Value) -> Result<Self, InvalidJwkSet> {
        let document: Document = json::read(set).ok_or(InvalidJwkSet::Malformed)?;
        if document.keys.len() > Self::MAX_KEYS {
            return Err(InvalidJwkSet::TooMany);
        }
        let (mut keys, mut left_out) = (Vec::new(), Vec::new());
        for jwk in &document.keys {
            match SigningKey::read(jwk) {
                Ok(key) => keys.push(key),
                Err(reason) => left_out.extend(jwk["kid"].as_str().map(|kid| (kid.to_owned(), reason))),
            }
        }
        let names: Vec<_> = keys.iter().filter_map(|key| key.kid().map(str::to_owned)).collect();
        keys.retain(|key| names.iter().filter(|name| key.kid() == Some(name)).count() <= 1);
        let is_taken = |name: &String| keys.iter().any(|key| key.kid() == Some(name));
        left_out.extend(names.into_iter().filter(|name| !is_taken(name)).map(|name| (name, UnusableKey::SameName)));
        Ok(Self { keys, left_out })
    }

    /// The key that a token's header means, if it is one of the header's algorithm. A header without a name means the
    /// only key of the set; where there are several, it has to name one (OpenID Connect Core, section 10.1).
    pub(super) fn find(&self, kid: Option<&str>, algorithm: IdTokenAlgorithm) -> Result<&SigningKey, NoKey> {
        let key = match (kid, self.keys.as_slice()) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid() == Some(kid)).ok_or_else(|| self.no_key(kid))?,
            (None, [only]) => only,
            (None, _) => return Err(NoKey::Unnamed),
        };
        if key.is_for(algorithm) { Ok(key) } else { Err(NoKey::OtherAlgorithm) }
    }

    fn no_key(&self, kid: &str) -> NoKey {
        let left_out = self.left_out.iter().find(|(name, _)| name == kid);
        left_out.map_or(NoKey::Unknown, |(_, reason)| NoKey::Unfit(*reason))
    }
}

/// Why there is no key for a token. No text holds anything of the token or the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoKey {
    /// No key has the name.
    #[error("the id_token's key isn't known: the key set has none of its `kid`")]
    Unknown,
    /// The token names none.
    #[error("the id_token's key isn't known: it has no `kid`, and the key set has not just one fit key")]
    Unnamed,
    /// The key is for another algorithm.
    #[error("the id_token's key is for another algorithm than the id_token's `alg`")]
    OtherAlgorithm,
    /// The key is there, and not taken.
    #[error("the id_token's key is in the key set and refused: it {0}")]
    Unfit(UnusableKey),
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// Why a key set can't be used at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidJwkSet {
    /// Not an object with an array of `keys`.
    #[error("the key set is malformed")]
    Malformed,
    /// More than [`JwkSet::MAX_KEYS`].
    #[error("the key set has too many keys")]
    TooMany,
}

#[cfg(test)]
mod tests;
