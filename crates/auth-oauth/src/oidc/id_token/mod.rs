//! ID tokens: OpenID Connect Core 1.0, section 3.1.3.7, as a client with the code flow has to check them.

mod claims;
#[cfg(test)]
mod tests;

use auth_core::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use self::claims::Claims;
use super::algorithm::{ACCEPTED, IdTokenAlgorithm};
use super::json;
use super::jwk::SigningKey;
use super::jwks::NoKey;
use super::profile::Profile;

/// The longest ID token in bytes; a longer one is refused unread.
pub(super) const MAX_ID_TOKEN_BYTES: usize = 16 * 1024;

/// What an ID token has to say.
#[derive(Clone, Copy)]
pub(super) struct Expected<'a> {
    /// `iss`, byte by byte.
    pub(super) issuer: &'a str,
    /// Who `aud` and `azp` have to name.
    pub(super) client_id: &'a str,
    /// `nonce`: the flow's.
    pub(super) nonce: &'a str,
    /// What came in the same answer, for `at_hash`.
    pub(super) access_token: &'a str,
    /// The time now.
    pub(super) now: Timestamp,
}

/// Who came back, as a token with a good signature says.
pub(super) struct VerifiedIdToken {
    /// `sub`.
    pub(super) subject: String,
    /// The claims about the person.
    pub(super) profile: Profile,
}

/// An ID token of which nothing is believed yet.
pub(super) struct IdToken<'a> {
    algorithm: IdTokenAlgorithm,
    kid: Option<String>,
    /// What the signature is over: header, dot, payload.
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> IdToken<'a> {
    /// Takes a token apart and reads its header: three segments of canonical base64url, an algorithm of ours, no
    /// `crit`, and no `typ` of another kind of token.
    pub(super) fn parse(token: &'a str) -> Result<Self, InvalidIdToken> {
        if token.len() > MAX_ID_TOKEN_BYTES {
            return Err(InvalidIdToken::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(InvalidIdToken::Structure)?;
        let (header, payload) = signed.split_once('.').ok_or(InvalidIdToken::Structure)?;
        let header = crate::json::parse(&decode(header)?).map_err(|_| InvalidIdToken::Header)?;
        let header: Header = json::read(&header).ok_or(InvalidIdToken::Header)?;
        if header.crit.is_some() {
            return Err(InvalidIdToken::Header);
        }
        if header.typ.is_some_and(|typ| is_of_another_kind(&typ)) {
            return Err(InvalidIdToken::Kind);
        }
        let algorithm = IdTokenAlgorithm::parse(&header.alg).ok_or(InvalidIdToken::Algorithm)?;
        let (payload, signature) = (decode(payload)?, decode(signature)?);
        Ok(Self { algorithm, kid: header.kid, signed, payload, signature })
    }

    /// What its header says that it is signed by.
    pub(super) const fn algorithm(&self) -> IdTokenAlgorithm {
        self.algorithm
    }

    /// The name of the key that its header says it is signed with.
    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether its signature is this key's.
    pub(super) fn is_signed_by(&self, key: &SigningKey) -> bool {
        key.verify(self.algorithm, self.signed.as_bytes(), &self.signature)
    }

    /// Checks the signature, then the claims.
    pub(super) fn verify(&self, key: &SigningKey, expected: &Expected<'_>) -> Result<VerifiedIdToken, InvalidIdToken> {
        if !self.is_signed_by(key) {
            return Err(InvalidIdToken::Signature);
        }
        let payload = crate::json::parse(&self.payload).map_err(|_| InvalidIdToken::Malformed)?;
        let claims: Claims = json::read(&payload).ok_or(InvalidIdToken::Malformed)?;
        let subject = claims.check(expected, self.algorithm)?;
        let Value::Object(members) = payload else { return Err(InvalidIdToken::Malformed) };
        Ok(VerifiedIdToken { subject, profile: Profile::read(&crate::claims::Claims::new(members)) })
    }
}

/// The members of the header that matter. Of the others, `jwk`, `jku`, `x5c` and `x5u` bring keys or tell where to get
/// them: they are never looked at, the provider's own key set has the keys.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default, deserialize_with = "json::present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    typ: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    crit: Option<IgnoredAny>,
}

/// Whether a `typ` names another kind of token than an ID token.
///
/// RFC 8725, section 3.11, keeps kinds apart by explicit types: `at+jwt`, `logout+jwt`, `secevent+jwt`, each with the `+` of
/// a structured syntax name. A token that has such a type says itself that it is no ID token. ID tokens are older than
/// that and have no type of their own (the section speaks of them): besides `JWT` and none, providers write what they
/// like there, and it says nothing. What makes a token one of this flow is its issuer, audience and nonce.
fn is_of_another_kind(typ: &str) -> bool {
    typ.contains('+')
}

/// Decodes a segment: no padding, nothing but the alphabet, and zero in the last character's unused bits.
fn decode(segment: &str) -> Result<Vec<u8>, InvalidIdToken> {
    let bytes = BASE64URL.decode(segment).ok().filter(|bytes| !bytes.is_empty());
    bytes.ok_or(InvalidIdToken::Structure)
}

/// Why an ID token is refused. No text holds anything of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidIdToken {
    /// More than [`MAX_ID_TOKEN_BYTES`].
    #[error("the id_token is too long")]
    TooLong,
    /// Not three segments of base64url: an encrypted token has five.
    #[error("the id_token is no signed JWT: the client has to be registered without encryption")]
    Structure,
    /// No header, or one with a `crit`.
    #[error("the id_token's header can't be used")]
    Header,
    /// A `typ` that names another kind of token.
    #[error("the id_token's `typ` is that of another kind of token")]
    Kind,
    /// An algorithm that isn't accepted.
    #[error("the id_token's algorithm isn't accepted: have the client's ID tokens signed with {ACCEPTED}")]
    Algorithm,
    /// An algorithm that isn't the provider's by its own metadata.
    #[error("the id_token's algorithm isn't in the metadata's `id_token_signing_alg_values_supported`")]
    UnlistedAlgorithm,
    /// There is no key for it.
    #[error(transparent)]
    Key(NoKey),
    /// Not that key's signature.
    #[error("the id_token's signature is wrong")]
    Signature,
    /// A claim is repeated or of another JSON type, or the payload is no object.
    #[error("the id_token's claims are malformed")]
    Malformed,
    /// `iss` is missing or another.
    #[error("the id_token is another issuer's: compare the configured issuer with its `iss`, byte by byte")]
    Issuer,
    /// `aud` is missing or doesn't name us, or names others without an `azp`.
    #[error("the id_token is for another audience: compare the configured client id with its `aud`")]
    Audience,
    /// `azp` is another.
    #[error("the id_token was issued to another client: compare the configured client id with its `azp`")]
    AuthorizedParty,
    /// `exp` is missing or past.
    #[error("the id_token has expired: compare the clocks here and there")]
    Expired,
    /// `iat` is missing, ahead, or long ago.
    #[error("the id_token wasn't issued just now: compare the clocks here and there")]
    IssuedAt,
    /// `nbf` is ahead.
    #[error("the id_token isn't valid yet: compare the clocks here and there")]
    NotBefore,
    /// `nonce` is missing or not the flow's.
    #[error("the id_token is of another flow")]
    Nonce,
    /// `at_hash` isn't the access token's.
    #[error("the id_token is of another access token")]
    AccessTokenHash,
    /// `sub` is missing or can't be one.
    #[error("the id_token names no subject")]
    Subject,
}
