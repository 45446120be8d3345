//! Refresh tokens: computed, not stored.
//!
//! # Construction
//!
//! ```text
//! text        = "rt_" ‖ base64url(bytes), without padding: 3 + 92 characters
//! bytes       = version (1) ‖ session id (16) ‖ generation (4) ‖ binding tag (32) ‖ forgery tag (16), 69 in all
//! binding tag = HMAC-SHA256(binding key, salt (32) ‖ version ‖ session id ‖ generation)
//! forgery tag = the first 16 bytes of HMAC-SHA256(forgery key, version ‖ session id ‖ generation ‖ binding tag)
//! binding key = HKDF-SHA256(data key, info "refresh token binding")
//! forgery key = HKDF-SHA256(data key, info "refresh token forgery")
//! ```
//!
//! HKDF's salt is `gatehouse data key`. The generation is big-endian; every field has a fixed length, so no two inputs
//! of a MAC are spelled alike. `version` names the data key of purpose `refresh_mac`; `salt` is the session's own, 256
//! random bits in its row.
//!
//! # What each part is for
//!
//! - The **forgery tag** is checked before anything else is done: a token that we never made costs no query.
//! - The **binding tag** needs the salt as well: whoever steals the keys can make tags but no token without the
//!   database, and whoever steals the database can't without the keys.
//! - Text, session, generation and key determine each other: handing out the current token again needs no stored copy.
//!
//! What is done with a presented token is decided elsewhere, by the session's row.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::id::SessionId;
use crate::random::Random;
use crate::secret::DataKey;
use crate::secret_text::secret_text;

const PREFIX: &str = "rt_";
const CLAIM_LEN: usize = 1 + 16 + 4;
const BINDING_LEN: usize = 32;
const FORGERY_LEN: usize = 16;
const TOKEN_LEN: usize = CLAIM_LEN + BINDING_LEN + FORGERY_LEN;

secret_text!(
    /// A refresh token's text.
    RefreshToken
);

/// A session's own share of its refresh tokens: 256 random bits that lie in its row.
#[derive(Clone)]
pub struct SessionSalt(Zeroizing<[u8; 32]>);

impl SessionSalt {
    /// A new salt.
    pub fn generate(random: &dyn Random) -> Self {
        Self(Zeroizing::new(random.bytes()))
    }

    /// The salt with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, to be stored in the session's row.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SessionSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSalt(…)")
    }
}

/// Makes and reads refresh tokens.
#[derive(Debug)]
pub struct RefreshTokens {
    minting: Arc<VersionedKey>,
    others: Vec<Arc<VersionedKey>>,
}

impl RefreshTokens {
    /// Mints under the key of the highest version, and reads the tokens of all `keys`.
    ///
    /// # Errors
    ///
    /// When there is no key, or two have the same version.
    pub fn new(keys: &[(u8, DataKey)]) -> Result<Self, InvalidRefreshKeys> {
        let mut keys: Vec<_> = keys.iter().map(|(version, key)| Arc::new(VersionedKey::new(*version, key))).collect();
        keys.sort_by_key(|key| key.version);
        if keys.windows(2).any(|pair| pair[0].version == pair[1].version) {
            return Err(InvalidRefreshKeys::DuplicateVersion);
        }
        let minting = keys.pop().ok_or(InvalidRefreshKeys::None)?;
        Ok(Self { minting, others: keys })
    }

    /// The refresh token of this session and generation.
    pub fn mint(&self, session: SessionId, generation: u32, salt: &SessionSalt) -> RefreshToken {
        let mut bytes = Zeroizing::new(Vec::with_capacity(TOKEN_LEN));
        bytes.push(self.minting.version);
        bytes.extend_from_slice(session.as_uuid().as_bytes());
        bytes.extend_from_slice(&generation.to_be_bytes());
        let binding = self.minting.binding_tag(&bytes, salt);
        bytes.extend_from_slice(binding.as_ref());
        let forgery = self.minting.forgery_tag(&bytes);
        bytes.extend_from_slice(&forgery);
        let mut text = String::with_capacity(PREFIX.len() + TOKEN_LEN.div_ceil(3) * 4);
        text.push_str(PREFIX);
        BASE64URL.encode_string(&bytes, &mut text);
        RefreshToken(Zeroizing::new(text))
    }

    /// Reads a token that we made. Whether it belongs to its session's row is told by
    /// [`PresentedRefreshToken::is_bound_to`], which must be asked before anything is believed.
    ///
    /// # Errors
    ///
    /// When the text is not a token of ours, or its key is gone.
    pub fn parse(&self, text: &str) -> Result<PresentedRefreshToken, InvalidRefreshToken> {
        let bytes = decode(text).ok_or(InvalidRefreshToken)?;
        let key = self.key(bytes[0]).ok_or(InvalidRefreshToken)?;
        let (authenticated, forgery_tag) = bytes.split_at(CLAIM_LEN + BINDING_LEN);
        if !bool::from(key.forgery_tag(authenticated).ct_eq(forgery_tag)) {
            return Err(InvalidRefreshToken);
        }
        Ok(PresentedRefreshToken { key: Arc::clone(key), bytes })
    }

    fn key(&self, version: u8) -> Option<&Arc<VersionedKey>> {
        std::iter::once(&self.minting).chain(&self.others).find(|key| key.version == version)
    }
}

/// The bytes of a text of the right prefix, length and spelling.
fn decode(text: &str) -> Option<Zeroizing<[u8; TOKEN_LEN]>> {
    let encoded = text.strip_prefix(PREFIX)?;
    let mut bytes = Zeroizing::new([0; TOKEN_LEN]);
    // The length first: base64url has 4 characters for 3 bytes, and 69 bytes leave none over.
    if encoded.len() != TOKEN_LEN / 3 * 4 {
        return None;
    }
    let written = BASE64URL.decode_slice(encoded, bytes.as_mut_slice()).ok()?;
    (written == TOKEN_LEN).then_some(bytes)
}

/// The subkeys of one data key.
struct VersionedKey {
    version: u8,
    binding: hmac::Key,
    forgery: hmac::Key,
}

impl VersionedKey {
    fn new(version: u8, key: &DataKey) -> Self {
        Self { version, binding: key.mac_key("refresh token binding"), forgery: key.mac_key("refresh token forgery") }
    }

    fn binding_tag(&self, claim: &[u8], salt: &SessionSalt) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.binding);
        context.update(salt.as_bytes());
        context.update(claim);
        context.sign()
    }

    fn forgery_tag(&self, authenticated: &[u8]) -> [u8; FORGERY_LEN] {
        let mut tag = [0; FORGERY_LEN];
        tag.copy_from_slice(&hmac::sign(&self.forgery, authenticated).as_ref()[..FORGERY_LEN]);
        tag
    }
}

impl fmt::Debug for VersionedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VersionedKey({}, …)", self.version)
    }
}

/// A refresh token that somebody presented and that we made, for a session that may or may not exist.
pub struct PresentedRefreshToken {
    key: Arc<VersionedKey>,
    bytes: Zeroizing<[u8; TOKEN_LEN]>,
}

impl PresentedRefreshToken {
    /// The session that it names.
    pub fn session(&self) -> SessionId {
        let mut id = [0; 16];
        id.copy_from_slice(&self.bytes[1..17]);
        SessionId::from_uuid(Uuid::from_bytes(id))
    }

    /// The generation that it names.
    pub fn generation(&self) -> u32 {
        let mut generation = [0; 4];
        generation.copy_from_slice(&self.bytes[17..CLAIM_LEN]);
        u32::from_be_bytes(generation)
    }

    /// The version of the data key that it was made under.
    pub fn key_version(&self) -> u8 {
        self.key.version
    }

    /// Whether it was made with the salt of the session that it names; in constant time.
    pub fn is_bound_to(&self, salt: &SessionSalt) -> bool {
        let (claim, rest) = self.bytes.split_at(CLAIM_LEN);
        self.key.binding_tag(claim, salt).as_ref().ct_eq(&rest[..BINDING_LEN]).into()
    }
}

impl fmt::Debug for PresentedRefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedRefreshToken")
            .field("session", &self.session())
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}

/// The text is not a refresh token of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token")]
pub struct InvalidRefreshToken;

/// Why refresh tokens can't be made with some keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRefreshKeys {
    /// There is no key.
    #[error("no key for refresh tokens")]
    None,
    /// Two keys have the same version.
    #[error("two keys for refresh tokens have the same version")]
    DuplicateVersion,
}

#[cfg(test)]
mod tests;
