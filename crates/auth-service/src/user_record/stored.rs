//! A user with everything that is exported, from and to the tables.

use std::collections::HashMap;

use auth_core::{DisplayName, Email, Random, Timestamp, TotpSecret, UserId};
use auth_persistence::oauth_account::{self, NewOAuthAccount, OAuthAccount};
use auth_persistence::user::{self, User};
use auth_persistence::{DbConnection, DbError, Hidden, totp_credential};

use super::{LinkedRecord, UserRecord};
use crate::service::Inner;

/// A user's row, the secret of the second factor and the linked accounts.
pub(crate) struct StoredUser {
    pub(crate) user: User,
    /// Of a second factor that is asked for.
    pub(super) totp_secret: Option<TotpSecret>,
    /// In the order of their providers' names.
    pub(super) linked_accounts: Vec<OAuthAccount>,
}

impl StoredUser {
    /// The rest of these users, who are at most a few thousand.
    pub(crate) fn load(inner: &Inner, conn: &mut DbConnection, users: Vec<User>) -> Result<Vec<Self>, DbError> {
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut credentials: HashMap<UserId, _> =
            totp_credential::list_confirmed(conn, &ids)?.into_iter().map(|row| (row.user_id, row)).collect();
        let mut accounts: HashMap<UserId, Vec<OAuthAccount>> = HashMap::new();
        for account in oauth_account::list_of(conn, &ids)? {
            accounts.entry(account.user_id).or_default().push(account);
        }
        let whole = |user: User| {
            let mut secret = || {
                let sealed = credentials.remove(&user.id)?.secret_sealed;
                inner.open_totp(user.id, sealed.expose())
            };
            // Never a user without the second factor that is asked for.
            let totp_secret = user.mfa_enabled_at.map(|_| secret().ok_or_else(unreadable)).transpose()?;
            let mut linked_accounts = accounts.remove(&user.id).unwrap_or_default();
            linked_accounts.sort_unstable_by(|a, b| a.provider.cmp(&b.provider));
            Ok(Self { user, totp_secret, linked_accounts })
        };
        users.into_iter().map(whole).collect()
    }

    /// The user whom `record` tells of. Without an id, the user gets one of the time of making.
    pub(crate) fn of(record: &UserRecord, now: Timestamp, random: &dyn Random) -> Self {
        let made_at = record.created_at.unwrap_or(now);
        let id = record.id.unwrap_or_else(|| UserId::new(made_at, random));
        let mut linked_accounts: Vec<_> =
            record.linked_accounts.iter().map(|account| linked_account(account, id, made_at)).collect();
        linked_accounts.sort_unstable_by(|a, b| a.provider.cmp(&b.provider));
        let secret = record.totp_secret.as_ref();
        let user = User {
            id,
            email: record.email.as_ref().map(|email| email.as_str().to_owned()),
            email_normalized: record.email.as_ref().map(|email| email.canonical().to_owned()),
            email_verified_at: record.email_verified.or(made_at),
            username: record.username.as_ref().map(|name| name.as_str().to_owned()),
            username_normalized: record.username.as_ref().map(|name| name.canonical().to_owned()),
            password_hash: record.password_hash.clone(),
            display_name: record.display_name.as_ref().map(|name| name.as_str().to_owned()),
            avatar_url: record.avatar_url.clone(),
            role: record.role,
            disabled_at: record.disabled.or(now),
            password_must_change: record.password_must_change,
            premium_until: record.premium_until,
            last_login_at: record.last_login_at,
            token_epoch: 0,
            security_epoch: 0,
            premium_epoch: 0,
            mfa_enabled_at: secret.map(|_| record.mfa_enabled_at.unwrap_or(made_at)),
            email_changed_at: record.email_changed_at,
            email_vouched_at: record.email_vouched_at,
            created_at: made_at,
            updated_at: record.updated_at.unwrap_or(made_at),
        };
        let totp_secret = secret.and_then(|secret| TotpSecret::from_bytes(secret.as_bytes()).ok());
        Self { user, totp_secret, linked_accounts }
    }

    /// What the linked accounts are told apart by: issuer and subject.
    pub(crate) fn identities(&self) -> impl Iterator<Item = (String, String)> {
        self.linked_accounts.iter().map(|account| (account.issuer.clone(), account.subject.expose().clone()))
    }

    /// Stores it. The address must not be kept for somebody else.
    pub(crate) fn insert(&self, inner: &Inner, conn: &mut DbConnection) -> Result<(), DbError> {
        let id = self.user.id;
        user::insert_stored(conn, &self.user)?;
        let email = self.user.email.as_deref().and_then(|email| Email::parse(email).ok());
        inner.refuse_reserved(conn, email.as_ref(), id)?;
        if let (Some(secret), Some(since)) = (&self.totp_secret, self.user.mfa_enabled_at) {
            totp_credential::insert_confirmed(conn, id, &inner.seal_totp(id, secret), since)?;
        }
        self.linked_accounts.iter().try_for_each(|account| oauth_account::insert(conn, &new_account(account)))
    }
}

fn linked_account(account: &LinkedRecord, user_id: UserId, made_at: Timestamp) -> OAuthAccount {
    OAuthAccount {
        user_id,
        provider: account.provider.clone(),
        issuer: account.issuer.clone().unwrap_or_default(),
        subject: Hidden::new(account.subject.clone()),
        email: account.email.as_ref().map(|email| Hidden::new(email.as_str().to_owned())),
        display_name: account.display_name.as_ref().map(|name| Hidden::new(name.as_str().to_owned())),
        avatar_url: account.avatar_url.clone().map(Hidden::new),
        linked_at: account.linked_at.unwrap_or(made_at),
    }
}

fn new_account(account: &OAuthAccount) -> NewOAuthAccount {
    NewOAuthAccount {
        user_id: account.user_id,
        provider: account.provider.clone(),
        issuer: account.issuer.clone(),
        subject: account.subject.expose().clone(),
        // What was stored was read by the same rules before.
        email: account.email.as_ref().and_then(|email| Email::parse(email.expose()).ok()),
        display_name: account.display_name.as_ref().and_then(|name| DisplayName::parse(name.expose()).ok()),
        avatar_url: account.avatar_url.as_ref().map(|url| url.expose().clone()),
        linked_at: account.linked_at,
    }
}

fn unreadable() -> DbError {
    DbError::InconsistentRow { table: "totp_credentials", column: "secret_sealed".to_owned() }
}
