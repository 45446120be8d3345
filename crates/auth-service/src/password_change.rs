//! Replacing a password, by who knows it or by who holds a link to do so.

use auth_core::password::{Password, PasswordHash};
use auth_core::{AccessClaims, SessionId};
use auth_email::Alert;
use auth_persistence::authenticator_failure::{self, ANY_LANE, Authenticator};
use auth_persistence::user::{self, User};
use auth_persistence::{DbConnection, DbError, device};
use serde_json::json;

use crate::account::{AccountError, active};
use crate::audit::Event;
use crate::authenticator::{Matched, WRONG_PROOF};
use crate::client::Client;
use crate::fault::Fault;
use crate::fresh_proof::signed_in;
use crate::logout::Reason;
use crate::new_password::{NewPassword, RefusedPassword, unchanged};
use crate::register::required;
use crate::revocation_feed::Revoked;
use crate::service::{AuthService, Inner};

/// How a password was replaced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Replaced {
    /// By who knew it; the session that asked stays.
    Changed(Option<SessionId>),
    /// By who got the mail.
    Reset,
}

impl From<RefusedPassword> for AccountError {
    fn from(error: RefusedPassword) -> Self {
        match error {
            RefusedPassword::Refused(error) => Self::Invalid(vec![error]),
            RefusedPassword::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl AuthService {
    /// Changes the password of the user of `claims`, and ends everything but this session.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; nothing was changed then.
    pub async fn change_password(
        &self,
        claims: &AccessClaims,
        current: Option<&str>,
        new: Option<&str>,
        client: &Client,
    ) -> Result<(), AccountError> {
        let inner = self.inner();
        let mut errors = Vec::new();
        let current = required(current, "current_password", &mut errors);
        let new = required(new, "new_password", &mut errors);
        let (Some(current), Some(new)) = (current, new) else { return Err(AccountError::Invalid(errors)) };
        let id = claims.user_id;
        let user = inner.database.read(move |conn| active(user::find(conn, id)?)).await?;
        if user.password_hash.is_none() {
            return Err(AccountError::NoPassword);
        }
        let old = inner.require_password(user.clone(), current, client).await?;
        let password = inner.accept_new_password(NewPassword::of_user("new_password", new, &user)).await?;
        if Password::new(current).is_ok_and(|current| current.expose() == password.expose()) {
            return Err(AccountError::Invalid(vec![unchanged("new_password")]));
        }
        let hash = inner.hash_pool.hash(password).await.map_err(Fault::from)?;
        let (handle, claims, client) = (inner.handle(), claims.clone(), client.clone());
        let news = inner
            .database
            .write(move |conn| {
                let user = signed_in(conn, &claims)?;
                if user.password_hash.as_ref().map(|hash| hash.expose().as_str()) != Some(old.as_str()) {
                    return Err(AccountError::InvalidCredentials);
                }
                let replaced = Replaced::Changed(Some(claims.session_id));
                Ok(handle.replace_password(conn, &user, &hash, replaced, &client)?.1)
            })
            .await?;
        inner.apply(&news);
        Ok(())
    }
}

impl Inner {
    /// Sets the password of `user`, whose row is locked, with everything that follows from it: what let somebody in
    /// before ends, the count of failures begins anew, the owner is told. The new epoch is returned beside the news.
    pub(crate) fn replace_password(
        &self,
        conn: &mut DbConnection,
        user: &User,
        hash: &PasswordHash,
        replaced: Replaced,
        client: &Client,
    ) -> Result<(i64, Vec<Revoked>), DbError> {
        let (kept, reason, event) = match replaced {
            Replaced::Changed(kept) => (kept, Reason::PasswordChanged, Event::PasswordChanged),
            Replaced::Reset => (None, Reason::PasswordReset, Event::PasswordReset),
        };
        user::set_password(conn, user.id, Some(hash.as_str()), self.clock.now())?;
        authenticator_failure::clear(conn, user.id, Authenticator::Password)?;
        let (epoch, news) = self.end_everything(conn, user, kept, reason)?;
        if matches!(replaced, Replaced::Reset) {
            // A stranger may have been one of those who signed in.
            device::forget_all(conn, user.id)?;
        }
        self.record(conn, event, Some(user.id), client, json!({ "sessions": news.len() }))?;
        self.tell(conn, user, Alert::PasswordChanged, client)?;
        Ok((epoch, news))
    }

    /// The hash of the user's password, if `password` is it. A wrong one is on record before it is refused, so that
    /// nobody guesses a password unseen.
    pub(crate) async fn require_password(
        &self,
        user: User,
        password: &str,
        client: &Client,
    ) -> Result<PasswordHash, AccountError> {
        let (id, whose) = (user.id, user.clone());
        let charged = self.charge_proof(user.id, client).await?;
        let checked = self.check_proof(user, password).await;
        if !matches!(checked, Ok(None)) {
            self.refund(charged).await;
        }
        if let Some(matched) = checked? {
            return Ok(matched.hash);
        }
        self.charge_wrong_proof(&whose, client).await;
        self.record_failed_password(Some(id), WRONG_PROOF, ANY_LANE, client).await?;
        Err(AccountError::InvalidCredentials)
    }

    /// The match, if `password` is the user's and may be used.
    async fn check_proof(&self, user: User, password: &str) -> Result<Option<Matched>, Fault> {
        let id = user.id;
        let matched = match Password::new(password) {
            Ok(password) => self.check_password(Some(user), &password).await?,
            Err(_) => None,
        };
        match matched {
            Some(matched) if self.confirm_password_now(id).await? => Ok(Some(matched)),
            _ => Ok(None),
        }
    }
}
