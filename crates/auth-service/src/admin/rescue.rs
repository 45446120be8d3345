//! Helping users who can't get in, or into whose accounts somebody else got.

use auth_core::{AccessClaims, UserId};
use auth_email::Alert;
use auth_persistence::user::User;
use auth_persistence::{DbConnection, device};
use serde_json::json;

use super::{AdministrationError, Administrator};
use crate::audit::Event;
use crate::client::Client;
use crate::fresh_proof::FreshProof;
use crate::letter::{Payload, Template, address_of};
use crate::logout::Reason;
use crate::revocation_feed::Revoked;
use crate::service::{AuthService, Inner};

impl AuthService {
    /// Takes the second factor off the account of `user`, also one that too many wrong codes have disabled. It is what
    /// somebody would ask for who pretends to be the user, so all sessions and half-done sign-ins end, and the user is told
    /// by mail. Without a second factor nothing happens.
    ///
    /// # Errors
    ///
    /// [`AdministrationError`]; nothing was changed then.
    pub async fn reset_second_factor(
        &self,
        claims: &AccessClaims,
        user: UserId,
        proof: FreshProof<'_>,
        client: &Client,
    ) -> Result<(), AdministrationError> {
        let reset = |inner: &Inner, conn: &mut DbConnection, by: &Administrator, user: User| {
            if user.mfa_enabled_at.is_none() {
                return Ok((Vec::new(), ()));
            }
            inner.remove_second_factor(conn, user.id)?;
            let news = inner.put_out(conn, &user, Reason::FactorReset)?;
            let details = json!({ "sessions": news.len() });
            inner.record_administration(conn, by, Event::AdminMfaReset, user.id, details)?;
            // From where the administrator did it is not the user's to know.
            inner.tell(conn, &user, Alert::MfaDisabled, &by.client.request_alone())?;
            Ok((news, ()))
        };
        self.inner().administer_user(claims, user, proof, client, reset).await
    }

    /// Ends every session of `user`, and every half-done sign-in.
    ///
    /// # Errors
    ///
    /// [`AdministrationError`]; nothing was ended then.
    pub async fn revoke_sessions_of(
        &self,
        claims: &AccessClaims,
        user: UserId,
        proof: FreshProof<'_>,
        client: &Client,
    ) -> Result<(), AdministrationError> {
        let revoke = |inner: &Inner, conn: &mut DbConnection, by: &Administrator, user: User| {
            let news = inner.put_out(conn, &user, Reason::RevokedByAdmin)?;
            let details = json!({ "sessions": news.len() });
            inner.record_administration(conn, by, Event::AdminSessionsRevoked, user.id, details)?;
            Ok((news, ()))
        };
        self.inner().administer_user(claims, user, proof, client, revoke).await
    }

    /// Mails `user` a link to set a new password, also to an account that has none, as far as the address may get one more
    /// of such mails ([`ServiceConfig::mails_per_recipient`](crate::ServiceConfig::mails_per_recipient)).
    ///
    /// # Errors
    ///
    /// [`AdministrationError`]; no mail was queued then.
    pub async fn send_password_reset(
        &self,
        claims: &AccessClaims,
        user: UserId,
        proof: FreshProof<'_>,
        client: &Client,
    ) -> Result<(), AdministrationError> {
        let send = |inner: &Inner, conn: &mut DbConnection, by: &Administrator, user: User| {
            if user.disabled_at.is_some() {
                // The link would open nothing.
                return Err(AdministrationError::UserDisabled);
            }
            let email = address_of(&user).ok_or(AdministrationError::NoEmail)?;
            inner.queue(conn, Template::ResetPassword, &email, Some(user.id), &Payload::default())?;
            inner.record_administration(conn, by, Event::PasswordResetRequested, user.id, json!({}))?;
            Ok((Vec::new(), ()))
        };
        self.inner().administer_user(claims, user, proof, client, send).await
    }
}

impl Inner {
    /// Ends every session of `user`, whose row is locked, every half-done sign-in, and what somebody may have begun in a
    /// session that ends now. Links that show whose the address is stay good.
    pub(super) fn put_out(
        &self,
        conn: &mut DbConnection,
        user: &User,
        reason: Reason,
    ) -> Result<Vec<Revoked>, AdministrationError> {
        self.end_pending(conn, user.id)?;
        device::forget_all(conn, user.id)?;
        Ok(self.revoke_sessions(conn, user.id, None, reason)?)
    }
}
