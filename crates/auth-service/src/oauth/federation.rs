//! Who came back from a provider, kept as long as a sign-in lasts.

use auth_core::{DisplayName, Email};
use auth_oauth::{OAuthUserInfo, Provider};
use auth_persistence::oauth_account::{self, NewOAuthAccount};
use auth_persistence::user::{self, User};
use auth_persistence::{Conflict, DbConnection, DbError, nested_transaction};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::audit::Event;
use crate::client::Client;
use crate::service::Inner;
use crate::session::NotOpened;

/// A sign-in by a provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Federation {
    /// The provider's name in paths.
    pub(crate) provider: String,
    /// What is linked once the gate opens: whoever can't show the second factor must not stay linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) link: Option<Box<Identity>>,
}

/// An identity at a provider, and what the provider says of it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(super) provider: String,
    display: String,
    pub(super) issuer: String,
    pub(super) subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    avatar_url: Option<String>,
}

/// Without personal data.
impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl Identity {
    pub(super) fn of(provider: &Provider, info: &OAuthUserInfo) -> Self {
        Self {
            provider: provider.name().to_owned(),
            display: provider.display_name().to_owned(),
            issuer: provider.identity_issuer().to_owned(),
            subject: info.subject.clone(),
            email: info.email.as_ref().map(|email| email.as_str().to_owned()),
            name: info.display_name.clone(),
            avatar_url: info.avatar_url.clone(),
        }
    }

    pub(super) fn email(&self) -> Option<Email> {
        Email::parse(self.email.as_deref()?).ok()
    }

    pub(super) fn display_name(&self) -> Option<DisplayName> {
        DisplayName::parse(self.name.as_deref()?).ok()
    }

    pub(super) fn avatar_url(&self) -> Option<&str> {
        self.avatar_url.as_deref()
    }

    /// What people call the provider.
    pub(super) fn provider_display(&self) -> &str {
        &self.display
    }
}

impl Inner {
    /// Whether `user` can sign in with another identity of the same provider.
    pub(super) fn has_other(
        conn: &mut DbConnection,
        user: &User,
        provider: &str,
        issuer: &str,
    ) -> Result<bool, DbError> {
        let is_alive = |account: &oauth_account::OAuthAccount| account.provider == provider && account.issuer == issuer;
        Ok(oauth_account::list(conn, user.id)?.iter().any(is_alive))
    }

    /// Links the identity to `user`, who has none of this provider, or one of an issuer that has moved since. What the
    /// provider knows fills what the profile lacks.
    pub(super) fn insert_link(
        &self,
        conn: &mut DbConnection,
        user: &User,
        identity: &Identity,
        client: &Client,
    ) -> Result<(), DbError> {
        let now = self.clock.now();
        if oauth_account::delete(conn, user.id, &identity.provider)? {
            let details = json!({ "provider": identity.provider, "reason": "issuer_moved" });
            self.record(conn, Event::OauthUnlinked, Some(user.id), client, details)?;
        }
        oauth_account::insert(
            conn,
            &NewOAuthAccount {
                user_id: user.id,
                provider: identity.provider.clone(),
                issuer: identity.issuer.clone(),
                subject: identity.subject.clone(),
                email: identity.email(),
                display_name: identity.display_name(),
                avatar_url: identity.avatar_url.clone(),
                linked_at: now,
            },
        )?;
        user::fill_profile(conn, user.id, identity.display_name().as_ref(), identity.avatar_url(), now)?;
        self.record(conn, Event::OauthLinked, Some(user.id), client, json!({ "provider": identity.provider }))
    }

    /// Links what waited for the second factor. Somebody else may have been faster: the same person, or another one.
    pub(crate) fn link_at_the_gate(
        &self,
        conn: &mut DbConnection,
        user: &User,
        identity: &Identity,
        client: &Client,
    ) -> Result<(), NotOpened> {
        if let Some(account) = oauth_account::find(conn, &identity.issuer, &identity.subject)? {
            return if account.user_id == user.id { Ok(()) } else { Err(NotOpened::Outdated) };
        }
        if Self::has_other(conn, user, &identity.provider, &identity.issuer)? {
            return Err(NotOpened::Outdated);
        }
        match nested_transaction(conn, |conn| self.insert_link(conn, user, identity, client)) {
            Err(DbError::UniqueViolation(Conflict::OAuthIdentity | Conflict::OAuthProvider)) => {
                Err(NotOpened::Outdated)
            }
            inserted => {
                inserted?;
                Ok(self.tell_linked(conn, user, identity, client)?)
            }
        }
    }
}
