//! Data keys: random, stored sealed under the operator's secret, one for each kind of use.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::derivation::derive;
use crate::random::Random;

/// What a data key is for: part of what its sealed form is bound to, so that no key can be stored in another's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataKeyPurpose {
    /// Refresh tokens' tags.
    RefreshMac,
    /// Hashes of one-time tokens.
    TokenHash,
    /// Hashes of backup codes.
    BackupCodeHash,
    /// TOTP secrets at rest.
    TotpSealing,
    /// The chain of tags over the audit trail.
    AuditChain,
    /// Private signing keys at rest.
    SigningKeySealing,
    /// Tokens in mails that wait to be sent.
    OutboxSealing,
    /// News that instances tell each other.
    NewsSealing,
}

impl DataKeyPurpose {
    /// Every purpose there is.
    pub const ALL: [Self; 8] = [
        Self::RefreshMac,
        Self::TokenHash,
        Self::BackupCodeHash,
        Self::TotpSealing,
        Self::AuditChain,
        Self::SigningKeySealing,
        Self::OutboxSealing,
        Self::NewsSealing,
    ];

    /// The name that the database stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RefreshMac => "refresh_mac",
            Self::TokenHash => "token_hash",
            Self::BackupCodeHash => "backup_code_hash",
            Self::TotpSealing => "totp_sealing",
            Self::AuditChain => "audit_chain",
            Self::SigningKeySealing => "signing_key_sealing",
            Self::OutboxSealing => "outbox_sealing",
            Self::NewsSealing => "news_sealing",
        }
    }
}

impl fmt::Display for DataKeyPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DataKeyPurpose {
    type Err = UnknownDataKeyPurpose;

    fn from_str(text: &str) -> Result<Self, UnknownDataKeyPurpose> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text).ok_or(UnknownDataKeyPurpose)
    }
}

/// The text names no purpose of a data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a purpose of a data key")]
pub struct UnknownDataKeyPurpose;

/// A key of 256 random bits. It is never used itself: each use derives a subkey of its own from it.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// A new key.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The key with these bytes, which must be random.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The subkey for the one use that `label` names (HKDF-SHA256, RFC 5869, the label as `info`).
    pub(crate) fn subkey(&self, label: &str) -> Zeroizing<[u8; 32]> {
        derive(self.0.as_slice(), b"gatehouse data key", label.as_bytes())
    }

    /// The subkey for `label`, ready to make HMAC-SHA256 tags.
    pub(crate) fn mac_key(&self, label: &str) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.subkey(label).as_slice())
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    #[test]
    fn subkeys_differ_by_label_and_by_key() {
        let key = DataKey::generate(&OsRandom);
        assert_eq!(key.subkey("one"), key.subkey("one"));
        assert_ne!(key.subkey("one"), key.subkey("two"));
        assert_ne!(key.subkey("one"), DataKey::generate(&OsRandom).subkey("one"));
        assert_ne!(key.subkey("one").as_slice(), key.expose());
    }

    #[test]
    fn purposes_are_written_and_read() {
        for purpose in DataKeyPurpose::ALL {
            assert_eq!(purpose.to_string().parse(), Ok(purpose));
        }
        assert_eq!("RefreshMac".parse::<DataKeyPurpose>(), Err(UnknownDataKeyPurpose));
    }

    #[test]
    fn a_data_key_is_not_printed() {
        assert_eq!(format!("{:?}", DataKey::from_bytes([7; 32])), "DataKey(…)");
    }
}
