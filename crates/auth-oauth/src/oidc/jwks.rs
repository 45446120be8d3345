//! A provider's key set (RFC 7517, section 5), read with a policy.

use serde::Deserialize;
use serde_json::Value;

use super::algorithm::IdTokenAlgorithm;
use super::json;
use super::jwk::SigningKey;

/// The keys of a set that may verify ID tokens.
///
/// A key that isn't fit is left out and the rest stays (RFC 7517, section 5): providers publish keys for encryption
/// and of newer types beside those for signatures. Of two fit keys with one name neither is taken: which of them a
/// token means could only be guessed.
pub(super) struct JwkSet(Vec<SigningKey>);

impl JwkSet {
    /// The most keys of a set, fit or not.
    pub(super) const MAX_KEYS: usize = 100;

    /// Reads a set. One without any fit key is empty, which is no error: a provider may withdraw its keys.
    pub(super) fn read(set: &Value) -> Result<Self, InvalidJwkSet> {
        let document: Document = json::read(set).ok_or(InvalidJwkSet::Malformed)?;
        if document.keys.len() > Self::MAX_KEYS {
            return Err(InvalidJwkSet::TooMany);
        }
        let mut keys: Vec<_> = document.keys.iter().filter_map(|jwk| SigningKey::read(jwk).ok()).collect();
        let names: Vec<_> = keys.iter().filter_map(|key| key.kid().map(str::to_owned)).collect();
        keys.retain(|key| names.iter().filter(|name| key.kid() == Some(name)).count() <= 1);
        Ok(Self(keys))
    }

    /// The key that a token's header means, if it is one of the header's algorithm. A header without a name means the
    /// only key of the set; where there are several, it has to name one (OpenID Connect Core, section 10.1).
    pub(super) fn find(&self, kid: Option<&str>, algorithm: IdTokenAlgorithm) -> Option<&SigningKey> {
        let key = match (kid, self.0.as_slice()) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid() == Some(kid)),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        key.filter(|key| key.is_for(algorithm))
    }
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
