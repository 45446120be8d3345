//! Whose account an identity is: the rules that keep somebody else's account out of reach.

use auth_core::{Email, Role, UserId};
use auth_email::Alert;
use auth_persistence::oauth_account::{self, OAuthAccount};
use auth_persistence::user::{self, NewUser, User};
use auth_persistence::{Conflict, DbConnection, DbError, pending_registration};
use serde_json::json;

use super::error::OAuthFlowError;
use super::federation::Identity;
use crate::audit::Event;
use crate::client::Client;
use crate::letter::Payload;
use crate::service::Inner;

/// What an identity led to.
pub(super) enum Identified {
    As(Box<User>),
    /// Found by the address; linked once the second factor was shown.
    Unlinked(Box<User>),
    /// Refused, which is on record.
    Refused(OAuthFlowError),
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotIdentified {
    /// Somebody else was faster: look again.
    #[error("something changed at the same time")]
    Raced(Conflict),
    /// The database gave up on one of two that waited for each other: try again.
    #[error("the database is busy")]
    Deadlocked,
    #[error(transparent)]
    Database(DbError),
}

impl From<DbError> for NotIdentified {
    fn from(error: DbError) -> Self {
        match error {
            DbError::UniqueViolation(
                conflict @ (Conflict::OAuthIdentity | Conflict::OAuthProvider | Conflict::UserEmail),
            ) => Self::Raced(conflict),
            DbError::Busy => Self::Deadlocked,
            error => Self::Database(error),
        }
    }
}

impl Inner {
    /// Which user `identity` is; `verified` is its address, if the provider has verified it. An address decides only
    /// where both sides have verified it.
    pub(super) fn identified(
        &self,
        conn: &mut DbConnection,
        identity: &Identity,
        verified: Option<&Email>,
        client: &Client,
    ) -> Result<Identified, NotIdentified> {
        if let Some(account) = oauth_account::find(conn, &identity.issuer, &identity.subject)? {
            return Self::known(conn, &account, identity);
        }
        let Some(email) = verified else { return self.make_federated(conn, None, identity, client) };
        match user::find_by_email(conn, email.canonical())? {
            None => self.make_federated(conn, Some(email), identity, client),
            Some(holder) => self.join(conn, holder.id, email, identity, client),
        }
    }

    /// The identity's own user.
    fn known(
        conn: &mut DbConnection,
        account: &OAuthAccount,
        identity: &Identity,
    ) -> Result<Identified, NotIdentified> {
        user::lock(conn, account.user_id)?;
        // It may have been unlinked until the lock was there.
        let still = oauth_account::find(conn, &identity.issuer, &identity.subject)?;
        let user = user::find(conn, account.user_id)?;
        match (still, user) {
            (Some(still), Some(user)) if still.user_id == user.id => {
                let (email, name) = (identity.email(), identity.display_name());
                let (issuer, subject) = (&identity.issuer, &identity.subject);
                oauth_account::refresh(conn, issuer, subject, email.as_ref(), name.as_ref(), identity.avatar_url())?;
                Ok(Identified::As(Box::new(user)))
            }
            _ => Err(NotIdentified::Raced(Conflict::OAuthIdentity)),
        }
    }

    /// The account that has the address, if somebody has verified it there, too. Whoever registered somebody else's
    /// address, or moved to it, must not be joined by its owner (pre-hijacking).
    fn join(
        &self,
        conn: &mut DbConnection,
        holder: UserId,
        email: &Email,
        identity: &Identity,
        client: &Client,
    ) -> Result<Identified, NotIdentified> {
        user::lock(conn, holder)?;
        let user = user::find(conn, holder)?;
        let has_address = |user: &User| user.email_normalized.as_deref() == Some(email.canonical());
        let Some(user) = user.filter(has_address) else { return Err(NotIdentified::Raced(Conflict::UserEmail)) };
        if oauth_account::find(conn, &identity.issuer, &identity.subject)?.is_some() {
            // The same person came twice at once.
            return Err(NotIdentified::Raced(Conflict::OAuthIdentity));
        }
        let refusal = if !user.has_shown_address() || user.email_changed_at.is_some() {
            Some(OAuthFlowError::AccountExists)
        } else if user.disabled_at.is_some() {
            Some(OAuthFlowError::AccountDisabled)
        } else if Self::has_other(conn, &user, &identity.provider, &identity.issuer)? {
            // Another account of the provider with the same address: an address can change hands.
            Some(OAuthFlowError::AccountExists)
        } else {
            None
        };
        if let Some(error) = refusal {
            return Ok(self.refuse_identity(conn, user.id, error, &identity.provider, client)?);
        }
        if user.mfa_enabled_at.is_some() {
            return Ok(Identified::Unlinked(Box::new(user)));
        }
        self.insert_link(conn, &user, identity, client)?;
        self.tell_linked(conn, &user, identity, client)?;
        let user = user::find(conn, holder)?.ok_or(NotIdentified::Raced(Conflict::UserEmail))?;
        Ok(Identified::As(Box::new(user)))
    }

    /// A new account, without a password. Its address is what the provider has verified, or none.
    fn make_federated(
        &self,
        conn: &mut DbConnection,
        email: Option<&Email>,
        identity: &Identity,
        client: &Client,
    ) -> Result<Identified, NotIdentified> {
        if !self.config.registration_open {
            return Ok(Identified::Refused(OAuthFlowError::RegistrationClosed));
        }
        if self.config.require_verified_email && email.is_none() {
            return Ok(Identified::Refused(OAuthFlowError::VerifiedEmailRequired));
        }
        if let Some(email) = email {
            // Whoever waits for this address to be verified has not shown that it is theirs. Before the user, as whoever
            // redeems such a registration locks it before.
            pending_registration::delete_by_email(conn, email.canonical())?;
        }
        let now = self.clock.now();
        let id = UserId::new(now, &*self.random);
        let new = NewUser {
            id,
            email: email.cloned(),
            email_verified_at: email.map(|_| now),
            username: None,
            password_hash: None,
            display_name: identity.display_name(),
            avatar_url: identity.avatar_url().map(str::to_owned),
            role: Role::User,
            password_must_change: false,
            created_at: now,
        };
        self.insert_user(conn, &new)?;
        self.record(conn, Event::UserRegistered, Some(id), client, json!({ "provider": identity.provider }))?;
        let user = user::find(conn, id)?.ok_or(NotIdentified::Raced(Conflict::OAuthIdentity))?;
        self.insert_link(conn, &user, identity, client)?;
        Ok(Identified::As(Box::new(user)))
    }

    /// Tells `user` that the identity can sign in to their account now.
    pub(super) fn tell_linked(
        &self,
        conn: &mut DbConnection,
        user: &User,
        identity: &Identity,
        client: &Client,
    ) -> Result<(), DbError> {
        let provider = Some(identity.provider_display().to_owned());
        let payload = Payload { provider, ..Payload::from_client(client, self.clock.now()) };
        self.queue_notice(conn, user, Alert::AccountLinked, payload)
    }

    /// Takes all links off an account: whoever made them has not shown that the account is theirs, or is a thief.
    pub(crate) fn remove_links(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        reason: &str,
        client: &Client,
    ) -> Result<(), DbError> {
        for provider in oauth_account::delete_all(conn, user)? {
            let details = json!({ "provider": provider, "reason": reason });
            self.record(conn, Event::OauthUnlinked, Some(user), client, details)?;
        }
        Ok(())
    }
}
