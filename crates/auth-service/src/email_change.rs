//! Changing one's address: confirmed at the new one, announced at the old one, which can take it back for a week.

use auth_core::{AccessClaims, Email, SessionId, TokenHash, TokenPurpose, UserId};
use auth_persistence::one_time_token::{self, OneTimeToken, Subject as TokenSubject};
use auth_persistence::user::{self, User};
use auth_persistence::{
    Conflict, DbConnection, DbError, Hidden, email_outbox, nested_transaction, reserved_address, session,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::account::AccountError;
use crate::audit::Event;
use crate::client::Client;
use crate::fresh_proof::FreshProof;
use crate::letter::{Payload, Template, address_of};
use crate::logout::Reason;
use crate::register::{kept, required};
use crate::revocation_feed::Revoked;
use crate::service::{AuthService, Inner};
use crate::verification::LinkError;

/// What the link at the new address carries out.
#[derive(Serialize, Deserialize)]
pub(crate) struct PendingChange {
    pub(crate) new_email: String,
    /// The session that asked, and outlives the change.
    pub(crate) session: Option<SessionId>,
}

/// What the link at the old address takes back.
#[derive(Serialize, Deserialize)]
pub(crate) struct Undo {
    pub(crate) old_email: String,
    /// The account's security epoch after the change: of several changes, the later one has the higher.
    pub(crate) epoch: i64,
    /// Whether somebody had shown to have the old address.
    pub(crate) was_verified: bool,
}

/// What a link does for its user, by what was decided when it was made.
type Act = fn(&Inner, &mut DbConnection, &User, &str, &Client) -> Result<Vec<Revoked>, LinkError>;

impl AuthService {
    /// Asks for the address of the user of `claims` to become `new_email`. Nobody is told whether it is free: a mail goes
    /// there in either case. An earlier request that was not confirmed yet ends.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; nothing was asked for then.
    pub async fn request_email_change(
        &self,
        claims: &AccessClaims,
        new_email: Option<&str>,
        proof: FreshProof<'_>,
        client: &Client,
    ) -> Result<(), AccountError> {
        let inner = self.inner();
        let mut errors = Vec::new();
        let email = required(new_email, "new_email", &mut errors)
            .and_then(|text| kept(Email::parse(text), "new_email", "invalid_email", &mut errors))
            .ok_or(AccountError::Invalid(errors))?;
        let _kept = inner.charge([inner.mail_charge(client)], Some(claims.user_id), client).await?;
        let proven = inner.require_fresh_proof(claims, proof, client).await?;
        let (handle, claims, client) = (inner.handle(), claims.clone(), client.clone());
        inner
            .database
            .write(move |conn| {
                let user = proven.still_holds(conn, &claims)?;
                let id = user.id;
                if !user.has_shown_address() && is_address_of(&user, &email) {
                    // Nothing changes, and the link of a change proves less than that of a verification.
                    return Ok(handle.queue_verification(conn, &user)?);
                }
                handle.end_other_changes(conn, id, &email)?;
                handle.record(conn, Event::EmailChangeRequested, Some(id), &client, json!({}))?;
                let asked = Payload::from_client(&client, handle.clock.now());
                let payload = Payload { session: Some(claims.session_id), ..asked };
                Ok(handle.queue(conn, Template::ChangeEmail, &email, Some(id), &payload)?)
            })
            .await
    }

    /// Carries a change of address out: the link was opened at the new one. Every session ends but the one that asked.
    ///
    /// # Errors
    ///
    /// [`LinkError`]; nothing was changed then.
    pub async fn confirm_email_change(&self, token: Option<&str>, client: &Client) -> Result<(), LinkError> {
        self.follow(token, TokenPurpose::ChangeEmail, client, Inner::change_address).await
    }

    /// Takes a change of address back: the link was opened at the old one. Everything of the account ends, and a mail to
    /// set a new password goes to the old address.
    ///
    /// # Errors
    ///
    /// [`LinkError`]; nothing was changed then.
    pub async fn undo_email_change(&self, token: Option<&str>, client: &Client) -> Result<(), LinkError> {
        self.follow(token, TokenPurpose::UndoEmailChange, client, Inner::restore_address).await
    }

    async fn follow(
        &self,
        token: Option<&str>,
        purpose: TokenPurpose,
        client: &Client,
        act: Act,
    ) -> Result<(), LinkError> {
        let inner = self.inner();
        let mut errors = Vec::new();
        let token = required(token, "token", &mut errors).ok_or(LinkError::Invalid(errors))?;
        let hash = inner.one_time_tokens.hash(purpose, token).ok_or(LinkError::TokenInvalid)?;
        let (handle, client) = (inner.handle(), client.clone());
        let news = inner
            .database
            .write(move |conn| {
                let (user, token) = handle.spend_for_user(conn, purpose, &hash)?;
                let payload = token.payload.map(Hidden::into_inner).unwrap_or_default();
                act(&handle, conn, &user, &payload, &client)
            })
            .await?;
        inner.apply(&news);
        Ok(())
    }
}

fn is_address_of(user: &User, email: &Email) -> bool {
    user.email_normalized.as_deref() == Some(email.canonical())
}

/// Whether the session that asked was ended by anything but its own sign-out: what it asked for ends with it.
fn ended_by_others(conn: &mut DbConnection, session: Option<SessionId>) -> Result<bool, DbError> {
    let Some(session) = session else { return Ok(false) };
    let reason = session::find(conn, session)?.and_then(|session| session.revoke_reason);
    let own = [Reason::Logout.as_str(), Reason::Crowded.as_str()];
    Ok(reason.is_some_and(|reason| !own.contains(&reason.as_str())))
}

impl Inner {
    /// Spends a token of a user, whose row is locked before anything of theirs is touched.
    fn spend_for_user(
        &self,
        conn: &mut DbConnection,
        purpose: TokenPurpose,
        hash: &TokenHash,
    ) -> Result<(User, OneTimeToken), LinkError> {
        let now = self.clock.now();
        let found = one_time_token::find(conn, purpose, hash, now)?.ok_or(LinkError::TokenInvalid)?;
        let TokenSubject::User(id) = found.subject else { return Err(LinkError::TokenInvalid) };
        user::lock(conn, id)?;
        let token = one_time_token::spend(conn, purpose, hash, now)?.ok_or(LinkError::TokenInvalid)?;
        let user = user::find(conn, id)?.filter(|user| user.disabled_at.is_none()).ok_or(LinkError::TokenInvalid)?;
        Ok((user, token))
    }

    fn change_address(
        &self,
        conn: &mut DbConnection,
        user: &User,
        payload: &str,
        client: &Client,
    ) -> Result<Vec<Revoked>, LinkError> {
        let change: PendingChange = serde_json::from_str(payload).map_err(|_| LinkError::TokenInvalid)?;
        let new = Email::parse(&change.new_email).map_err(|_| LinkError::TokenInvalid)?;
        let old = address_of(user);
        if !user.has_shown_address() && is_address_of(user, &new) || ended_by_others(conn, change.session)? {
            return Err(LinkError::TokenInvalid);
        }
        self.set_address(conn, user.id, &new)?;
        let (epoch, news) = self.end_everything(conn, user, change.session, Reason::EmailChanged)?;
        // They would send a mail to the new address; the old one gets a link that does more.
        self.end_notices(conn, user.id)?;
        self.record(conn, Event::EmailChanged, Some(user.id), client, json!({ "sessions": news.len() }))?;
        if let Some(old) = old.filter(|old| old.canonical() != new.canonical()) {
            self.keep_for_undo(conn, user, &old, &new, epoch, client)?;
        }
        Ok(news)
    }

    /// Nobody else can have the old address while the change can be taken back.
    fn keep_for_undo(
        &self,
        conn: &mut DbConnection,
        user: &User,
        old: &Email,
        new: &Email,
        epoch: i64,
        client: &Client,
    ) -> Result<(), DbError> {
        let now = self.clock.now();
        let (user, was_verified) = (user.id, user.has_shown_address());
        reserved_address::reserve(conn, old.canonical(), user, now.plus(Template::EmailChanged.life()))?;
        let payload = Payload {
            epoch: Some(epoch),
            new_email: Some(new.as_str().to_owned()),
            was_verified,
            forced: true,
            ..Payload::from_client(client, now)
        };
        self.queue(conn, Template::EmailChanged, old, Some(user), &payload)
    }

    fn restore_address(
        &self,
        conn: &mut DbConnection,
        user: &User,
        payload: &str,
        client: &Client,
    ) -> Result<Vec<Revoked>, LinkError> {
        let undo: Undo = serde_json::from_str(payload).map_err(|_| LinkError::TokenInvalid)?;
        let old = Email::parse(&undo.old_email).map_err(|_| LinkError::TokenInvalid)?;
        // A mail to the address that goes is of no use to its owner.
        let news = self.end_everything(conn, user, None, Reason::EmailChangeUndone)?.1;
        self.set_address(conn, user.id, &old)?;
        reserved_address::release(conn, old.canonical(), user.id)?;
        if !undo.was_verified {
            self.strip_unproven_factor(conn, user, client)?;
        }
        self.end_later_undos(conn, user.id, undo.epoch)?;
        let more = self.lock_out(conn, user.id, Reason::EmailChangeUndone, Event::EmailChangeUndone, client)?;
        Ok(news.into_iter().chain(more).collect())
    }

    /// Ends earlier requests, but for one of the same address, whose link stays good.
    fn end_other_changes(&self, conn: &mut DbConnection, user: UserId, email: &Email) -> Result<(), DbError> {
        let now = self.clock.now();
        let is_same = |payload: &str| {
            let change = serde_json::from_str::<PendingChange>(payload).ok();
            change
                .and_then(|change| Email::parse(&change.new_email).ok())
                .is_some_and(|other| other.canonical() == email.canonical())
        };
        for token in one_time_token::list_for_user(conn, user, TokenPurpose::ChangeEmail, now)? {
            if !token.payload.as_ref().is_some_and(|payload| is_same(payload.expose())) {
                one_time_token::end(conn, token.id, now)?;
            }
        }
        let template = Template::ChangeEmail.as_str();
        email_outbox::delete_unsent_elsewhere(conn, user, template, email.canonical()).map(drop)
    }

    /// Ends the links that would take back a later change than the one of `epoch`: they were mailed to addresses that a
    /// thief may have brought in. The link of an earlier change stays good, or a thief could end the owner's.
    fn end_later_undos(&self, conn: &mut DbConnection, user: UserId, epoch: i64) -> Result<(), DbError> {
        let now = self.clock.now();
        for token in one_time_token::list_for_user(conn, user, TokenPurpose::UndoEmailChange, now)? {
            let undo = token.payload.as_ref().and_then(|payload| serde_json::from_str::<Undo>(payload.expose()).ok());
            if undo.is_none_or(|undo| undo.epoch >= epoch) {
                one_time_token::end(conn, token.id, now)?;
            }
        }
        for mail in email_outbox::list_for_user(conn, user)? {
            let epoch_of = |payload: Payload| payload.epoch.unwrap_or(i64::MAX);
            let is_later = serde_json::from_str(mail.payload.expose()).is_ok_and(|payload| epoch_of(payload) >= epoch);
            if mail.template == Template::EmailChanged.as_str() && is_later {
                email_outbox::delete_unsent_one(conn, mail.id)?;
            }
        }
        Ok(())
    }

    /// The address, which was shown to be the user's, unless somebody else has it or it is kept for somebody else.
    fn set_address(&self, conn: &mut DbConnection, user: UserId, email: &Email) -> Result<(), LinkError> {
        let now = self.clock.now();
        let set = nested_transaction(conn, |conn| {
            user::set_email(conn, user, email, Some(now), now)?;
            self.refuse_reserved(conn, Some(email), user)
        });
        match set {
            Err(DbError::UniqueViolation(Conflict::UserEmail)) => Err(LinkError::TokenInvalid),
            set => Ok(set?),
        }
    }
}
