//! Making a mail: who gets it, whether one more may go there, and the token of its link. One transaction, once a row.

use std::num::NonZeroU32;
use std::time::Duration;

use auth_core::{Email, OneTimeToken, SealContext, Timestamp, new_uuid};
use auth_email::Alert;
use auth_persistence::email_outbox::{self, Prepared, QueuedEmail};
use auth_persistence::one_time_token::{self, NewOneTimeToken, Subject};
use auth_persistence::pending_registration::{self, PendingRegistration};
use auth_persistence::user::{self, User};
use auth_persistence::{DbConnection, DbError, Hidden, mail_budget, nested_transaction, reserved_address};
use serde_json::json;
use uuid::Uuid;

use crate::audit::Event;
use crate::email_change::{PendingChange, Undo};
use crate::letter::{Payload, Template, address_of};
use crate::service::Inner;

/// A mail of the same kind to the same address isn't sent again within this time.
const SPACING: Duration = Duration::from_mins(1);

/// Whoever knows a password can cause this one again and again.
const SPACING_OF_WRONG_CODES: Duration = Duration::from_hours(1);

/// What became of a row.
pub(super) enum Made {
    /// A mail to be sent.
    Mail(Box<QueuedEmail>),
    /// Nobody's, or one too many: the row is gone.
    Dropped(&'static str),
    /// Somebody else has the row by now.
    Lost,
}

/// What a mail will be.
struct Plan {
    template: Template,
    recipient: Email,
    subject: Option<Subject>,
    token_payload: Option<String>,
}

impl Plan {
    fn to_user(template: Template, user: &User, email: Email) -> Self {
        Self { template, recipient: email, subject: Some(Subject::User(user.id)), token_payload: None }
    }

    fn account_exists(recipient: Email) -> Self {
        Self { template: Template::AccountExists, recipient, subject: None, token_payload: None }
    }
}

impl Inner {
    pub(super) fn prepare(
        &self,
        conn: &mut DbConnection,
        row: &QueuedEmail,
        payload: &Payload,
        lease: Timestamp,
    ) -> Result<Made, DbError> {
        // What the row's user is, and that the row is still there, hold until the end once the user is locked.
        if let Some(user) = row.user_id {
            user::lock(conn, user)?;
        }
        let Some(plan) = self.plan(conn, row, payload)? else {
            return Self::drop_row(conn, row, lease, "nobody");
        };
        // A mail that was refused and is tried again has been paid for.
        let is_paid_for = payload.forced || row.last_error.is_some();
        if !is_paid_for && !self.within_budget(conn, &plan, payload)? {
            return Self::drop_row(conn, row, lease, "too_many");
        }
        match nested_transaction(conn, |conn| self.write_plan(conn, row.clone(), plan, lease)) {
            // The registration that waited for it was replaced meanwhile.
            Err(DbError::ForeignKeyViolation) => Self::drop_row(conn, row, lease, "nobody"),
            made => made,
        }
    }

    fn drop_row(
        conn: &mut DbConnection,
        row: &QueuedEmail,
        lease: Timestamp,
        reason: &'static str,
    ) -> Result<Made, DbError> {
        let dropped = email_outbox::drop_claimed(conn, row.id, lease)?;
        Ok(if dropped { Made::Dropped(reason) } else { Made::Lost })
    }

    fn plan(&self, conn: &mut DbConnection, row: &QueuedEmail, payload: &Payload) -> Result<Option<Plan>, DbError> {
        let Some(template) = Template::parse(&row.template) else { return Ok(None) };
        let Ok(recipient) = Email::parse(row.recipient.expose()) else { return Ok(None) };
        match (template, row.user_id) {
            (Template::ResetPassword, None) => self.plan_asked_reset(conn, &recipient, payload),
            (Template::VerifyEmail, None) => self.plan_asked_verification(conn, &recipient, payload),
            (_, None) => Ok(None),
            (template, Some(user)) => {
                let Some(user) = active(user::find(conn, user)?) else { return Ok(None) };
                self.plan_for_user(conn, template, recipient, &user, payload)
            }
        }
    }

    /// A mail about an account that was known when it was queued.
    fn plan_for_user(
        &self,
        conn: &mut DbConnection,
        template: Template,
        recipient: Email,
        user: &User,
        payload: &Payload,
    ) -> Result<Option<Plan>, DbError> {
        let is_theirs = user.email_normalized.as_deref() == Some(recipient.canonical());
        Ok(match template {
            Template::VerifyEmail if user.has_shown_address() || !is_theirs => None,
            Template::ChangeEmail if !user.has_shown_address() && is_theirs => None,
            Template::ChangeEmail => {
                if self.is_taken(conn, &recipient, user)? {
                    return Ok(Some(Plan::account_exists(recipient)));
                }
                let change = PendingChange { new_email: recipient.as_str().to_owned(), session: payload.session };
                let token_payload = Some(serde_json::to_string(&change).map_err(|error| unreadable(&error))?);
                Some(Plan { token_payload, ..Plan::to_user(template, user, recipient) })
            }
            Template::EmailChanged => {
                let undo = Undo {
                    old_email: recipient.as_str().to_owned(),
                    epoch: payload.epoch.unwrap_or_default(),
                    was_verified: payload.was_verified,
                };
                let token_payload = Some(serde_json::to_string(&undo).map_err(|error| unreadable(&error))?);
                Some(Plan { token_payload, ..Plan::to_user(template, user, recipient) })
            }
            template => Some(Plan::to_user(template, user, recipient)),
        })
    }

    fn is_taken(&self, conn: &mut DbConnection, email: &Email, by_other_than: &User) -> Result<bool, DbError> {
        if user::find_by_email(conn, email.canonical())?.is_some_and(|user| user.id != by_other_than.id) {
            return Ok(true);
        }
        let holder = reserved_address::holder(conn, email.canonical(), self.clock.now())?;
        Ok(holder.is_some_and(|holder| holder != by_other_than.id))
    }

    /// Somebody forgot the password of whoever has this address: an account, else a registration that waits.
    fn plan_asked_reset(
        &self,
        conn: &mut DbConnection,
        asked: &Email,
        payload: &Payload,
    ) -> Result<Option<Plan>, DbError> {
        let template = Template::ResetPassword;
        if let Some(user) = Self::lock_by_email(conn, asked)? {
            // To the address as it is stored, whatever spelling was asked for.
            let Some((user, email)) = active(Some(user)).and_then(|user| address_of(&user).map(|email| (user, email)))
            else {
                return Ok(None);
            };
            self.record(conn, Event::PasswordResetRequested, Some(user.id), &payload.client(), json!({}))?;
            return Ok(Some(Plan::to_user(template, &user, email)));
        }
        let pending = pending_registration::find_by_email(conn, asked.canonical(), self.clock.now())?;
        Ok(pending.and_then(|pending| plan_for_pending(template, &pending)))
    }

    /// Somebody registered this address, or wants the mail again.
    fn plan_asked_verification(
        &self,
        conn: &mut DbConnection,
        asked: &Email,
        payload: &Payload,
    ) -> Result<Option<Plan>, DbError> {
        let now = self.clock.now();
        let pending = match payload.pending {
            Some(id) => pending_registration::find(conn, id, now)?,
            None => pending_registration::find_by_email(conn, asked.canonical(), now)?,
        };
        let registered = payload.pending.is_some();
        if let Some(user) = Self::lock_by_email(conn, asked)? {
            return Ok(match address_of(&user) {
                Some(email) if registered => pending.map(|_| Plan::account_exists(email)),
                Some(email) if !user.has_shown_address() && user.disabled_at.is_none() => {
                    Some(Plan::to_user(Template::VerifyEmail, &user, email))
                }
                _ => None,
            });
        }
        if reserved_address::holder(conn, asked.canonical(), now)?.is_some() {
            return Ok(pending.filter(|_| registered).map(|_| Plan::account_exists(asked.clone())));
        }
        Ok(pending.and_then(|pending| plan_for_pending(Template::VerifyEmail, &pending)))
    }

    /// The user with this address, with the row locked: a security event that ends the links of this user is either
    /// over, and then a link made now is newer, or waits until it finds this one to end.
    fn lock_by_email(conn: &mut DbConnection, email: &Email) -> Result<Option<User>, DbError> {
        let Some(user) = user::find_by_email(conn, email.canonical())? else { return Ok(None) };
        user::lock(conn, user.id)?;
        let user = user::find(conn, user.id)?;
        Ok(user.filter(|user| user.email_normalized.as_deref() == Some(email.canonical())))
    }

    /// One of a kind in a minute; and of those that anybody can cause, no more than the configured rate. A registration
    /// that replaces another one needs a mail of its own, since the link in the earlier one is dead.
    fn within_budget(&self, conn: &mut DbConnection, plan: &Plan, payload: &Payload) -> Result<bool, DbError> {
        let (now, recipient) = (self.clock.now(), plan.recipient.canonical());
        let alert = payload.alert.as_deref().unwrap_or_default();
        let spacing = if alert == Alert::WrongCodes.as_str() { SPACING_OF_WRONG_CODES } else { SPACING };
        let kind = plan.template.spacing_kind(alert);
        let replaces = payload.pending.is_some() && plan.template == Template::VerifyEmail;
        if !mail_budget::take(conn, recipient, &kind, now, NonZeroU32::MIN, spacing)? && !replaces {
            return Ok(false);
        }
        match self.config.mails_per_recipient {
            Some((count, period)) if plan.template.is_asked_for() => {
                let kind = format!("*/{}", plan.template.as_str());
                mail_budget::take(conn, recipient, &kind, now, count, period / count.get())
            }
            _ => Ok(true),
        }
    }

    fn write_plan(
        &self,
        conn: &mut DbConnection,
        mut row: QueuedEmail,
        plan: Plan,
        lease: Timestamp,
    ) -> Result<Made, DbError> {
        let now = self.clock.now();
        let token = plan.subject.and_then(|subject| plan.template.purpose().map(|purpose| (subject, purpose)));
        let token = token.map(|(subject, purpose)| {
            let (token, hash) = self.one_time_tokens.issue(purpose, &*self.random);
            let stored = NewOneTimeToken {
                id: new_uuid(now, &*self.random),
                subject,
                purpose,
                hash,
                payload: plan.token_payload.map(Hidden::new),
                created_at: now,
                expires_at: row.expires_at,
            };
            (token, stored)
        });
        row.user_id = match plan.subject {
            Some(Subject::User(user)) => Some(user),
            _ => None,
        };
        plan.template.as_str().clone_into(&mut row.template);
        row.recipient = Hidden::new(plan.recipient.as_str().to_owned());
        row.secret_sealed = token.as_ref().map(|(token, _)| Hidden::new(self.seal_token(row.id, token)));
        let prepared = Prepared {
            user_id: row.user_id,
            recipient: row.recipient.clone(),
            recipient_normalized: Hidden::new(plan.recipient.canonical().to_owned()),
            template: row.template.clone(),
            expires_at: None,
            secret_sealed: row.secret_sealed.clone(),
        };
        if !email_outbox::prepare(conn, row.id, lease, &prepared, now)? {
            return Ok(Made::Lost);
        }
        row.prepared_at = Some(now);
        if let Some((_, stored)) = &token {
            one_time_token::insert(conn, stored)?;
        }
        Ok(Made::Mail(Box::new(row)))
    }

    fn seal_token(&self, row: Uuid, token: &OneTimeToken) -> Vec<u8> {
        self.outbox_sealer.seal(context(row.as_bytes()), token.expose().as_bytes(), &*self.random)
    }

    /// The token of a prepared mail, as the page that it links to gets it.
    pub(super) fn open_token(&self, row: &QueuedEmail) -> Option<String> {
        let sealed = row.secret_sealed.as_ref()?;
        let text = self.outbox_sealer.open(context(row.id.as_bytes()), sealed.expose()).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

fn plan_for_pending(template: Template, pending: &PendingRegistration) -> Option<Plan> {
    let recipient = Email::parse(pending.email.expose()).ok()?;
    Some(Plan { template, recipient, subject: Some(Subject::Pending(pending.id)), token_payload: None })
}

fn active(user: Option<User>) -> Option<User> {
    user.filter(|user| user.disabled_at.is_none())
}

fn context(row: &[u8]) -> SealContext<'_> {
    SealContext { table: "email_outbox", column: "secret_sealed", row }
}

fn unreadable(error: &serde_json::Error) -> DbError {
    DbError::Internal(error.to_string())
}
