//! One-time tokens: random, mailed or handed out once, stored as a keyed hash.
//!
//! ```text
//! text     = "ot_" ‖ base64url(256 random bits), without padding: 3 + 43 characters
//! hash     = HMAC-SHA256(hash key, length of purpose (8, big endian) ‖ purpose ‖ the 32 bytes)
//! hash key = HKDF-SHA256(data key, info "one-time token")
//! ```
//!
//! HKDF's salt is `gatehouse data key`. The purpose is part of the hash: a token looked up for another purpose than its
//! own is simply not there, whatever the query says.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use zeroize::Zeroizing;

use crate::random::Random;
use crate::secret::DataKey;
use crate::secret_text::secret_text;

const PREFIX: &str = "ot_";
const TOKEN_LEN: usize = 32;

/// What a one-time token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenPurpose {
    /// Proves that a new account's address is its owner's.
    VerifyEmail,
    /// Sets a new password.
    ResetPassword,
    /// Confirms a change of address at the new one.
    ChangeEmail,
    /// Takes a change of address back from the old one.
    UndoEmailChange,
    /// Locks a thief out: ends all sessions and the password.
    SecureAccount,
    /// Sets the first password of an account that an administrator made.
    Activate,
    /// Finds a flow at a provider again when the browser comes back: the `state` (RFC 6749, section 10.12).
    OauthState,
    /// Shows that it is the browser that began the flow.
    OauthBinding,
    /// Picks up the tokens after a sign-in by redirect.
    OauthExchange,
    /// Recognises a device that signed in before.
    Device,
    /// Goes on with a sign-in that is half done.
    Challenge,
}

impl TokenPurpose {
    /// Every purpose there is.
    pub const ALL: [Self; 11] = [
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::ChangeEmail,
        Self::UndoEmailChange,
        Self::SecureAccount,
        Self::Activate,
        Self::OauthState,
        Self::OauthBinding,
        Self::OauthExchange,
        Self::Device,
        Self::Challenge,
    ];

    /// The name that the database stores and the hash contains.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::ChangeEmail => "change_email",
            Self::UndoEmailChange => "undo_email_change",
            Self::SecureAccount => "secure_account",
            Self::Activate => "activate",
            Self::OauthState => "oauth_state",
            Self::OauthBinding => "oauth_binding",
            Self::OauthExchange => "oauth_exchange",
            Self::Device => "device",
            Self::Challenge => "challenge",
        }
    }
}

impl fmt::Display for TokenPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TokenPurpose {
    type Err = UnknownTokenPurpose;

    fn from_str(text: &str) -> Result<Self, UnknownTokenPurpose> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text).ok_or(UnknownTokenPurpose)
    }
}

/// The text names no purpose of a one-time token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a purpose of a one-time token")]
pub struct UnknownTokenPurpose;

secret_text!(
    /// A one-time token's text.
    OneTimeToken
);

/// A one-time token's keyed hash: what the database stores and is searched by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be stored or looked up.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// Makes one-time tokens, and hashes those that come back.
pub struct OneTimeTokens(hmac::Key);

impl OneTimeTokens {
    /// Tokens hashed under `key`, the data key of purpose `token_hash`.
    pub fn new(key: &DataKey) -> Self {
        Self(key.mac_key("one-time token"))
    }

    /// A new token for `purpose`, and the hash to store.
    pub fn issue(&self, purpose: TokenPurpose, random: &dyn Random) -> (OneTimeToken, TokenHash) {
        let bytes = Zeroizing::new(random.bytes::<TOKEN_LEN>());
        let mut text = String::with_capacity(PREFIX.len() + TOKEN_LEN.div_ceil(3) * 4);
        text.push_str(PREFIX);
        BASE64URL.encode_string(&bytes, &mut text);
        (OneTimeToken(Zeroizing::new(text)), self.hash_bytes(purpose, &bytes))
    }

    /// The hash to look up when `text` is presented for `purpose`; none if it can't be a token.
    pub fn hash(&self, purpose: TokenPurpose, text: &str) -> Option<TokenHash> {
        let encoded = text.strip_prefix(PREFIX).filter(|encoded| encoded.len() == (TOKEN_LEN * 4).div_ceil(3))?;
        let mut bytes = Zeroizing::new([0; TOKEN_LEN]);
        let written = BASE64URL.decode_slice(encoded, bytes.as_mut_slice()).ok()?;
        (written == TOKEN_LEN).then(|| self.hash_bytes(purpose, &bytes))
    }

    fn hash_bytes(&self, purpose: TokenPurpose, token: &[u8; TOKEN_LEN]) -> TokenHash {
        let purpose = purpose.as_str().as_bytes();
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&(purpose.len() as u64).to_be_bytes());
        context.update(purpose);
        context.update(token);
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        TokenHash(hash)
    }
}

impl fmt::Debug for OneTimeTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeTokens(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::{OsRandom, SeededRandom};

    fn tokens() -> OneTimeTokens {
        OneTimeTokens::new(&DataKey::from_bytes([3; 32]))
    }

    #[test]
    fn a_token_comes_back_to_its_hash() {
        let (token, hash) = tokens().issue(TokenPurpose::VerifyEmail, &OsRandom);
        assert_eq!(tokens().hash(TokenPurpose::VerifyEmail, token.expose()), Some(hash));
        assert_eq!(token.expose().len(), 46);
    }

    /// T-06: every purpose against every other.
    #[test]
    fn a_token_for_one_purpose_is_unknown_for_every_other() {
        for purpose in TokenPurpose::ALL {
            let (token, hash) = tokens().issue(purpose, &OsRandom);
            for other in TokenPurpose::ALL {
                let found = tokens().hash(other, token.expose()).unwrap() == hash;
                assert_eq!(found, purpose == other, "{purpose} as {other}");
            }
        }
    }

    #[test]
    fn another_key_gives_another_hash() {
        let (token, hash) = tokens().issue(TokenPurpose::Device, &OsRandom);
        let other = OneTimeTokens::new(&DataKey::from_bytes([4; 32]));
        assert_ne!(other.hash(TokenPurpose::Device, token.expose()), Some(hash));
    }

    /// T-13 for these tokens: one token has one text.
    #[test]
    fn another_spelling_is_no_token() {
        let (token, _) = tokens().issue(TokenPurpose::ResetPassword, &SeededRandom::new(1));
        let text = token.expose();
        let (start, last) = text.split_at(text.len() - 1);
        // 43 characters hold two bits more than 32 bytes: zero in the last of A to Z stepping by four.
        let unused = char::from(last.as_bytes()[0] + 1).to_string();
        for other in [
            String::new(),
            "ot_".to_owned(),
            text[3..].to_owned(),
            format!("rt_{}", &text[3..]),
            format!("OT_{}", &text[3..]),
            format!("{text}="),
            format!("{text}A"),
            format!(" {text}"),
            format!("{text}\n"),
            start.to_owned(),
            format!("{start}{unused}"),
            format!("{start}+"),
            format!("ot_{}", "ä".repeat(22)),
        ] {
            assert_eq!(tokens().hash(TokenPurpose::ResetPassword, &other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(ot_)?.{0,60}") {
            tokens().hash(TokenPurpose::Device, &text);
        }
    }

    /// The construction that the module's documentation lays down, computed by other means.
    #[test]
    fn the_hash_is_the_documented_one() {
        let (token, hash) = tokens().issue(TokenPurpose::Device, &OsRandom);
        let bytes = BASE64URL.decode(&token.expose()[3..]).unwrap();
        let input = [&[0, 0, 0, 0, 0, 0, 0, 6], b"device".as_slice(), &bytes].concat();
        let key = DataKey::from_bytes([3; 32]).subkey("one-time token");
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_slice());
        assert_eq!(hmac::sign(&key, &input).as_ref(), hash.as_bytes());
    }

    #[test]
    fn neither_token_nor_hash_is_printed() {
        let printed = format!("{:?} {:?}", tokens().issue(TokenPurpose::Device, &OsRandom), tokens());
        assert_eq!(printed, "(OneTimeToken(…), TokenHash(…)) OneTimeTokens(…)");
    }

    #[test]
    fn purposes_are_written_and_read() {
        for purpose in TokenPurpose::ALL {
            assert_eq!(purpose.to_string().parse(), Ok(purpose));
        }
        assert!("VerifyEmail".parse::<TokenPurpose>().is_err());
    }
}
