//! Getting back in: the forgotten password, and the account that a stranger got into.

use auth_core::password::PasswordHash;
use auth_core::{FieldError, TokenHash, TokenPurpose, UserId};
use auth_persistence::one_time_token::{self, Subject as TokenSubject};
use auth_persistence::pending_registration;
use auth_persistence::user;
use auth_persistence::{DbConnection, DbError, device};
use serde_json::json;

use crate::audit::Event;
use crate::client::Client;
use crate::fault::Fault;
use crate::letter::Template;
use crate::logout::Reason;
use crate::new_password::{NewPassword, RefusedPassword};
use crate::password_change::Replaced;
use crate::pending::NotMade;
use crate::register::required;
use crate::revocation_feed::Revoked;
use crate::service::{AuthService, Inner};
use crate::verification::LinkError;

impl From<RefusedPassword> for LinkError {
    fn from(error: RefusedPassword) -> Self {
        match error {
            RefusedPassword::Refused(error) => Self::Invalid(vec![error]),
            RefusedPassword::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<NotMade> for LinkError {
    fn from(error: NotMade) -> Self {
        match error {
            NotMade::Taken | NotMade::Gone => Self::TokenInvalid,
            NotMade::Database(error) => error.into(),
        }
    }
}

impl AuthService {
    /// Asks for a mail to set a new password. Nobody is told whether the address has an account, and what is done is
    /// the same for all: one row is queued.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when `email` is no address.
    pub async fn forgot_password(&self, email: Option<&str>, client: &Client) -> Result<(), LinkError> {
        self.inner().ask_for_mail(Template::ResetPassword, email, client).await
    }

    /// Sets the password of whom `token` was mailed to, verifies their address, and ends everything that let
    /// somebody in before. It opens no session.
    ///
    /// # Errors
    ///
    /// [`LinkError`]; nothing was changed then, and the token stays good.
    pub async fn reset_password(
        &self,
        token: Option<&str>,
        new_password: Option<&str>,
        client: &Client,
    ) -> Result<(), LinkError> {
        let inner = self.inner();
        let mut errors: Vec<FieldError> = Vec::new();
        let token = required(token, "token", &mut errors);
        let new = required(new_password, "new_password", &mut errors);
        let (Some(token), Some(new)) = (token, new) else { return Err(LinkError::Invalid(errors)) };
        let link = inner.find_reset(token).await?.ok_or(LinkError::TokenInvalid)?;
        let new = inner.new_password_for(&link.subject, new).await?;
        let password = inner.accept_new_password(new).await?;
        let hash = inner.hash_pool.hash(password).await.map_err(Fault::from)?;
        let (handle, client) = (inner.handle(), client.clone());
        let news = inner.database.write(move |conn| handle.reset(conn, &link, &hash, &client)).await?;
        inner.apply(&news);
        Ok(())
    }

    /// Locks everybody out of the account that `token` tells of: sessions end, the password can't be used until it is
    /// reset, and a mail to reset it is sent.
    ///
    /// # Errors
    ///
    /// [`LinkError`]; nothing was changed then.
    pub async fn secure_account(&self, token: Option<&str>, client: &Client) -> Result<(), LinkError> {
        let inner = self.inner();
        let mut errors = Vec::new();
        let token = required(token, "token", &mut errors).ok_or(LinkError::Invalid(errors))?;
        let hash = inner.one_time_tokens.hash(TokenPurpose::SecureAccount, token).ok_or(LinkError::TokenInvalid)?;
        let (handle, client) = (inner.handle(), client.clone());
        let news = inner.database.write(move |conn| handle.secure(conn, &hash, &client)).await?;
        inner.apply(&news);
        Ok(())
    }
}

/// A link that sets a password.
struct ResetLink {
    hash: TokenHash,
    purpose: TokenPurpose,
    subject: TokenSubject,
}

impl Inner {
    async fn find_reset(&self, token: &str) -> Result<Option<ResetLink>, DbError> {
        for purpose in [TokenPurpose::ResetPassword, TokenPurpose::Activate] {
            if let Some((hash, found)) = self.find_link(purpose, token).await? {
                return Ok(Some(ResetLink { hash, purpose, subject: found.subject }));
            }
        }
        Ok(None)
    }

    async fn new_password_for<'a>(&self, subject: &TokenSubject, text: &'a str) -> Result<NewPassword<'a>, LinkError> {
        let now = self.clock.now();
        let new = match *subject {
            TokenSubject::User(id) => {
                let user = self.database.read(move |conn| user::find(conn, id)).await?;
                user.map(|user| NewPassword::of_user("new_password", text, &user))
            }
            TokenSubject::Pending(id) => {
                let pending = self.database.read(move |conn| pending_registration::find(conn, id, now)).await?;
                pending.map(|pending| NewPassword::of_pending("new_password", text, &pending))
            }
        };
        new.ok_or(LinkError::TokenInvalid)
    }

    fn reset(
        &self,
        conn: &mut DbConnection,
        link: &ResetLink,
        hash: &PasswordHash,
        client: &Client,
    ) -> Result<Vec<Revoked>, LinkError> {
        match link.subject {
            TokenSubject::User(id) => {
                // Locked before the token is spent, as everything that ends sessions does.
                user::lock(conn, id)?;
                self.spend(conn, link)?;
                self.reset_user(conn, id, hash, client)
            }
            TokenSubject::Pending(id) => {
                pending_registration::lock(conn, id)?;
                self.spend(conn, link)?;
                self.make_pending(conn, id, Some(hash), client)?;
                // Whoever registered is not who has the address: their half-done sign-in ends.
                user::raise_security_epoch(conn, id)?;
                self.record(conn, Event::PasswordReset, Some(id), client, json!({ "sessions": 0 }))?;
                Ok(Vec::new())
            }
        }
    }

    fn spend(&self, conn: &mut DbConnection, link: &ResetLink) -> Result<(), LinkError> {
        let spent = one_time_token::spend(conn, link.purpose, &link.hash, self.clock.now())?;
        spent.map(drop).ok_or(LinkError::TokenInvalid)
    }

    fn reset_user(
        &self,
        conn: &mut DbConnection,
        id: UserId,
        hash: &PasswordHash,
        client: &Client,
    ) -> Result<Vec<Revoked>, LinkError> {
        let user = user::find(conn, id)?.filter(|user| user.disabled_at.is_none()).ok_or(LinkError::TokenInvalid)?;
        if user::mark_email_verified(conn, id, self.clock.now())? {
            self.strip_unproven_factor(conn, &user, client)?;
            self.remove_links(conn, id, "address_unverified", client)?;
            self.record(conn, Event::EmailVerified, Some(id), client, json!({}))?;
        }
        if user::confirm_email_owner(conn, id)? {
            // The address was moved here by way of a mailed link, and only now its owner has shown to have the account.
            self.remove_links(conn, id, "address_changed", client)?;
        }
        Ok(self.replace_password(conn, &user, hash, Replaced::Reset, client)?.1)
    }

    fn secure(&self, conn: &mut DbConnection, hash: &TokenHash, client: &Client) -> Result<Vec<Revoked>, LinkError> {
        let now = self.clock.now();
        let purpose = TokenPurpose::SecureAccount;
        // Found before it is spent, so that the user's row can be locked before anything of theirs is touched.
        let found = one_time_token::find(conn, purpose, hash, now)?.ok_or(LinkError::TokenInvalid)?;
        let TokenSubject::User(id) = found.subject else { return Err(LinkError::TokenInvalid) };
        user::lock(conn, id)?;
        one_time_token::spend(conn, purpose, hash, now)?.ok_or(LinkError::TokenInvalid)?;
        Ok(self.lock_out(conn, id, Reason::Secured, Event::AccountSecured, client)?)
    }

    /// Makes `user`'s password unusable until it is reset, ends everything, and sends a link to reset it.
    pub(crate) fn lock_out(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        reason: Reason,
        event: Event,
        client: &Client,
    ) -> Result<Vec<Revoked>, DbError> {
        let Some(user) = user::find(conn, user)? else { return Ok(Vec::new()) };
        user::set_password(conn, user.id, None, self.clock.now())?;
        device::forget_all(conn, user.id)?;
        self.remove_links(conn, user.id, "account_secured", client)?;
        let (_, news) = self.end_everything(conn, &user, None, reason)?;
        self.end_notices(conn, user.id)?;
        self.record(conn, event, Some(user.id), client, json!({ "sessions": news.len() }))?;
        self.queue_reset(conn, user.id, false)?;
        Ok(news)
    }
}
