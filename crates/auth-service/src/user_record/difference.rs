//! Whether a line and a stored user are the same: then the line was imported before.

use auth_core::Timestamp;

use super::stored::StoredUser;
use super::{LinkedRecord, UserRecord};

impl StoredUser {
    /// The fields by which it is another user than `record`, or was changed since. What the line leaves to be filled in is no
    /// difference, and neither is what a sign-in alone changes.
    pub(crate) fn differences(&self, record: &UserRecord) -> Vec<&'static str> {
        let user = &self.user;
        let text = |stored: &Option<String>, said: Option<&str>| stored.as_deref() == said;
        let since_then = |stored: Option<Timestamp>, said: Option<Timestamp>| said.is_none() || stored >= said;
        let hash = |hash: &auth_persistence::Hidden<String>| hash.expose().clone();
        let fields = [
            ("id", record.id.is_none_or(|id| id == user.id)),
            ("email", text(&user.email, record.email.as_ref().map(auth_core::Email::as_str))),
            ("email_verified_at", record.email_verified.is(user.email_verified_at)),
            ("email_changed_at", record.email_changed_at == user.email_changed_at),
            ("email_vouched_at", record.email_vouched_at == user.email_vouched_at),
            ("username", text(&user.username, record.username.as_ref().map(auth_core::Username::as_str))),
            (
                "display_name",
                text(&user.display_name, record.display_name.as_ref().map(auth_core::DisplayName::as_str)),
            ),
            ("avatar_url", text(&user.avatar_url, record.avatar_url.as_deref())),
            ("password_hash", user.password_hash.as_ref().map(hash) == record.password_hash.as_ref().map(hash)),
            ("password_must_change", user.password_must_change == record.password_must_change),
            ("totp_secret", self.has_secret_of(record)),
            ("mfa_enabled_at", record.mfa_enabled_at.is_none() || user.mfa_enabled_at == record.mfa_enabled_at),
            ("linked_accounts", self.has_accounts_of(record)),
            ("role", user.role == record.role),
            ("disabled_at", record.disabled.is(user.disabled_at)),
            ("premium_until", user.premium_until == record.premium_until),
            ("created_at", record.created_at.is_none_or(|at| at == user.created_at)),
            ("updated_at", since_then(Some(user.updated_at), record.updated_at)),
            ("last_login_at", since_then(user.last_login_at, record.last_login_at)),
        ];
        fields.into_iter().filter(|(_, is_same)| !is_same).map(|(field, _)| field).collect()
    }

    fn has_secret_of(&self, record: &UserRecord) -> bool {
        let stored = self.totp_secret.as_ref().map(auth_core::TotpSecret::as_bytes);
        stored == record.totp_secret.as_ref().map(auth_core::TotpSecret::as_bytes)
    }

    /// What a provider says of an account is read again at each sign-in.
    fn has_accounts_of(&self, record: &UserRecord) -> bool {
        let is_there = |said: &LinkedRecord| {
            self.linked_accounts.iter().any(|stored| {
                stored.provider == said.provider
                    && Some(&stored.issuer) == said.issuer.as_ref()
                    && *stored.subject.expose() == said.subject
            })
        };
        self.linked_accounts.len() == record.linked_accounts.len() && record.linked_accounts.iter().all(is_there)
    }
}
