//! Linking accounts elsewhere to one's own, listing them, and taking them off.

use auth_core::{AccessClaims, SessionId, UserId};
use auth_oauth::{OAuthUserInfo, Provider};
use auth_persistence::oauth_account::OAuthAccount;
use auth_persistence::user;
use auth_persistence::{Conflict, DbConnection, DbError, oauth_account};
use serde_json::json;

use super::LinkedAccount;
use super::callback::{OAuthCallback, Proven};
use super::error::OAuthFlowError;
use super::federation::Identity;
use super::start::Purpose;
use crate::account::{AccountError, active};
use crate::audit::Event;
use crate::client::Client;
use crate::fresh_proof::{FreshProof, Proven as FreshlyProven, unrevoked};
use crate::service::{AuthService, Inner};

impl AuthService {
    /// The accounts elsewhere that `user` can sign in with.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub async fn linked_accounts(&self, user: UserId) -> Result<Vec<LinkedAccount>, AccountError> {
        self.inner()
            .database
            .read(move |conn| {
                active(user::find(conn, user)?)?;
                Ok(oauth_account::list(conn, user)?.into_iter().map(LinkedAccount::from).collect())
            })
            .await
    }

    /// Takes the account at `provider` off the account of `claims`.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; the account stays linked then, so also if nobody could sign in any more.
    pub async fn unlink(
        &self,
        claims: &AccessClaims,
        provider: &str,
        proof: FreshProof<'_>,
        client: &Client,
    ) -> Result<(), AccountError> {
        let inner = self.inner();
        let proven = inner.require_fresh_proof(claims, proof, client).await?;
        let (handle, claims) = (inner.handle(), claims.clone());
        let (provider, client) = (provider.to_owned(), client.clone());
        inner.database.write(move |conn| handle.unlink(conn, &claims, &provider, &proven, &client)).await
    }
}

impl Inner {
    /// Links whoever came back to the account that began the flow.
    pub(super) async fn link_proven(
        &self,
        proven: &Proven,
        callback: OAuthCallback<'_>,
        client: &Client,
    ) -> Result<LinkedAccount, OAuthFlowError> {
        let Purpose::Link { user, session } = proven.state.purpose else { return Err(OAuthFlowError::StateInvalid) };
        let info = self.user_of(proven, callback).await?;
        let (inner, provider, client) = (self.handle(), proven.provider.clone(), client.clone());
        self.database.write(move |conn| inner.link(conn, (user, session), &provider, &info, &client)).await
    }

    fn link(
        &self,
        conn: &mut DbConnection,
        (user, session): (UserId, SessionId),
        provider: &Provider,
        info: &OAuthUserInfo,
        client: &Client,
    ) -> Result<LinkedAccount, OAuthFlowError> {
        // The session in which it began may have ended at the provider's page, or be over by its time.
        let (user, session) = match unrevoked(conn, user, session) {
            Err(AccountError::Gone) => return Err(OAuthFlowError::StateInvalid),
            found => found?,
        };
        if self.is_over_by_time(&session, self.clock.now()) {
            return Err(OAuthFlowError::StateInvalid);
        }
        let identity = Identity::of(provider, info);
        let known = oauth_account::find(conn, &identity.issuer, &identity.subject)?;
        if known.is_some() || Self::has_other(conn, &user, &identity.provider, &identity.issuer)? {
            return Err(OAuthFlowError::AlreadyLinked);
        }
        match self.insert_link(conn, &user, &identity, client) {
            Err(DbError::UniqueViolation(Conflict::OAuthIdentity | Conflict::OAuthProvider)) => {
                return Err(OAuthFlowError::AlreadyLinked);
            }
            inserted => inserted?,
        }
        self.tell_linked(conn, &user, &identity, client)?;
        let row = oauth_account::find(conn, &identity.issuer, &identity.subject)?;
        Ok(row.ok_or(OAuthFlowError::StateInvalid)?.into())
    }

    fn unlink(
        &self,
        conn: &mut DbConnection,
        claims: &AccessClaims,
        provider: &str,
        proven: &FreshlyProven,
        client: &Client,
    ) -> Result<(), AccountError> {
        let user = proven.still_holds(conn, claims)?;
        let accounts = oauth_account::list(conn, user.id)?;
        if !accounts.iter().any(|account| account.provider == provider) {
            return Err(AccountError::NotLinked);
        }
        // A provider that the operator has switched off, or that has moved, lets nobody in.
        let is_way_in = |account: &OAuthAccount| {
            let configured = self.providers.find(&account.provider).filter(|provider| provider.is_configured());
            configured.is_some_and(|provider| provider.identity_issuer() == account.issuer)
        };
        let others = accounts.iter().filter(|account| account.provider != provider && is_way_in(account));
        if user.password_hash.is_none() && others.count() == 0 {
            return Err(AccountError::LastSignInMethod);
        }
        oauth_account::delete(conn, user.id, provider)?;
        // Whoever is half-way in by it begins again.
        user::raise_security_epoch(conn, user.id)?;
        self.record(conn, Event::OauthUnlinked, Some(user.id), client, json!({ "provider": provider }))?;
        Ok(())
    }
}
