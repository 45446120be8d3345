//! The line of a stored user: its fields in one order, without those that are empty.

use auth_core::{Role, Timestamp, UserId};
use auth_persistence::oauth_account::OAuthAccount;
use serde::Serialize;
use zeroize::Zeroizing;

use super::stored::StoredUser;

#[derive(Serialize)]
struct Line<'a> {
    id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_changed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_vouched_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_must_change: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    totp_secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_enabled_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    linked_accounts: Vec<Account<'a>>,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    premium_until: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_login_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Account<'a> {
    provider: &'a str,
    issuer: &'a str,
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<&'a str>,
    linked_at: Timestamp,
}

impl StoredUser {
    /// Appends the line, with its end.
    pub(crate) fn write(&self, text: &mut Zeroizing<Vec<u8>>) -> Result<(), serde_json::Error> {
        let user = &self.user;
        let secret = self.totp_secret.as_ref().map(auth_core::TotpSecret::to_base32);
        let line = Line {
            id: user.id,
            email: user.email.as_deref(),
            email_verified_at: user.email_verified_at,
            email_changed_at: user.email_changed_at,
            email_vouched_at: user.email_vouched_at,
            username: user.username.as_deref(),
            display_name: user.display_name.as_deref(),
            avatar_url: user.avatar_url.as_deref(),
            password_hash: user.password_hash.as_ref().map(|hash| hash.expose().as_str()),
            password_must_change: user.password_must_change.then_some(true),
            totp_secret: secret.as_ref().map(auth_core::TotpSecretText::expose),
            mfa_enabled_at: user.mfa_enabled_at.filter(|_| secret.is_some()),
            linked_accounts: self.linked_accounts.iter().map(linked).collect(),
            role: user.role,
            disabled_at: user.disabled_at,
            premium_until: user.premium_until,
            created_at: user.created_at,
            updated_at: user.updated_at,
            last_login_at: user.last_login_at,
        };
        serde_json::to_writer(&mut **text, &line)?;
        text.push(b'\n');
        Ok(())
    }
}

fn linked(account: &OAuthAccount) -> Account<'_> {
    Account {
        provider: &account.provider,
        issuer: &account.issuer,
        subject: account.subject.expose(),
        email: account.email.as_ref().map(|text| text.expose().as_str()),
        display_name: account.display_name.as_ref().map(|text| text.expose().as_str()),
        avatar_url: account.avatar_url.as_ref().map(|text| text.expose().as_str()),
        linked_at: account.linked_at,
    }
}
