//! Sending one mail, and what is noted of it.

use std::time::Duration;

use auth_core::{BreakerState, Email, Timestamp};
use auth_email::{Alert, Message, SendError};
use auth_persistence::DbError;
use auth_persistence::email_outbox::{self, QueuedEmail};
use tokio::time::timeout;
use url::Url;

use super::prepare::Made;
use super::{Outcome, backoff};
use crate::letter::{Payload, Template};
use crate::service::Inner;

impl Inner {
    pub(super) async fn deliver(
        &self,
        row: QueuedEmail,
        lease: Timestamp,
        stopping: &(dyn Fn() -> bool + Sync),
    ) -> Result<Outcome, DbError> {
        if self.clock.now() >= row.expires_at {
            metrics::counter!("auth_mails_expired_total", "template" => row.template.clone()).increment(1);
            if row.user_id.is_none() && row.prepared_at.is_none() {
                // Whether it was for somebody was never found out.
                let id = row.id;
                self.database.write(move |conn| email_outbox::drop_claimed(conn, id, lease).map(drop)).await?;
            } else {
                self.give_up(&row, lease, "expired before it could be sent").await?;
            }
            return Ok(Outcome::Done);
        }
        if Template::parse(&row.template).is_none() {
            // Queued by a newer version, which runs beside this one during an upgrade.
            self.put_off(&row, lease, "a mail that this version doesn't know", backoff::LONGEST).await?;
            return Ok(Outcome::Done);
        }
        let Ok(payload) = serde_json::from_str::<Payload>(row.payload.expose()) else {
            tracing::error!(mail = %row.id, "a queued mail can't be read");
            self.give_up(&row, lease, "its payload can't be read").await?;
            return Ok(Outcome::Done);
        };
        let Some(row) = self.prepared(row, &payload, lease).await? else { return Ok(Outcome::Done) };
        let Some((recipient, message)) = self.message(&row, &payload) else {
            tracing::error!(mail = %row.id, template = row.template, "a queued mail can't be made");
            self.give_up(&row, lease, "it can't be made").await?;
            return Ok(Outcome::Done);
        };
        self.send(&row, &recipient, &message, lease, stopping).await
    }

    async fn prepared(
        &self,
        row: QueuedEmail,
        payload: &Payload,
        lease: Timestamp,
    ) -> Result<Option<QueuedEmail>, DbError> {
        if row.prepared_at.is_some() {
            return Ok(Some(row));
        }
        let (inner, payload) = (self.handle(), payload.clone());
        match self.database.write(move |conn| inner.prepare(conn, &row, &payload, lease)).await? {
            Made::Mail(row) => Ok(Some(*row)),
            Made::Dropped(reason) => {
                metrics::counter!("auth_mails_dropped_total", "reason" => reason).increment(1);
                Ok(None)
            }
            Made::Lost => Ok(None),
        }
    }

    /// The mail that `row` is, and to whom it goes.
    fn message(&self, row: &QueuedEmail, payload: &Payload) -> Option<(Email, Message)> {
        let links = &self.config.links;
        let link = |page: &Url| {
            let mut url = page.clone();
            url.query_pairs_mut().append_pair("token", &self.open_token(row)?);
            Some(url)
        };
        let occasion = payload.occasion(row.created_at);
        let message = match Template::parse(&row.template)? {
            Template::VerifyEmail => Message::VerifyEmail { link: link(&links.verify_email)? },
            Template::ResetPassword => Message::ResetPassword {
                link: link(&links.reset_password)?,
                because_disabled: payload.password_disabled,
            },
            Template::ChangeEmail => Message::ChangeEmail { link: link(&links.change_email)? },
            Template::EmailChanged => Message::EmailChanged {
                new_email: payload.new_email.clone().unwrap_or_default(),
                link: link(&links.undo_email)?,
            },
            Template::AccountExists => Message::AccountExists,
            Template::SecurityAlert => {
                let link = link(&links.secure_account)?;
                match (payload.alert()?, payload.provider.clone()) {
                    (Alert::AccountLinked, Some(provider)) => Message::AccountLinked { provider, occasion, link },
                    (alert, _) => Message::SecurityAlert { alert, occasion, link },
                }
            }
            Template::PasswordChanged => Message::PasswordChanged { occasion, link: link(&links.secure_account)? },
            Template::Activate => Message::Activate { link: link(&links.activate)? },
        };
        Some((Email::parse(row.recipient.expose()).ok()?, message))
    }

    async fn send(
        &self,
        row: &QueuedEmail,
        recipient: &Email,
        message: &Message,
        lease: Timestamp,
        stopping: &(dyn Fn() -> bool + Sync),
    ) -> Result<Outcome, DbError> {
        let Ok(permit) = self.mail_breaker.acquire() else {
            self.put_back(row, lease).await?;
            return Ok(Outcome::ServerGone);
        };
        let sending = Box::pin(self.mailer.send(row.id, recipient, message));
        let Some(sent) = unless_stopped(sending, stopping).await else {
            self.put_back(row, lease).await?;
            return Ok(Outcome::ServerGone);
        };
        match &sent {
            Err(SendError::Unreachable { .. }) => permit.fail(),
            _ => permit.succeed(),
        }
        self.measure_mail_breaker();
        match sent {
            Ok(()) => self.note_sent(row, lease).await.map(|()| Outcome::Done),
            Err(SendError::Refused(reason)) => {
                tracing::warn!(mail = %row.id, template = row.template, reason, "a mail was refused for good");
                metrics::counter!("auth_mails_failed_total", "template" => row.template.clone()).increment(1);
                self.note_refused(row, lease, &reason).await.map(|()| Outcome::Done)
            }
            Err(SendError::Deferred(reason)) => {
                self.put_off(row, lease, &reason, backoff::LONGEST).await.map(|()| Outcome::Done)
            }
            Err(SendError::Unreachable { reason, needs_operator }) => {
                if needs_operator {
                    tracing::error!(reason, "the mail server refuses this server: mails wait until that is mended");
                } else {
                    tracing::warn!(reason, "the mail server is out of reach; mails wait");
                }
                self.put_off(row, lease, &reason, backoff::LONGEST_WITHOUT_SERVER).await?;
                Ok(Outcome::ServerGone)
            }
        }
    }

    async fn note_sent(&self, row: &QueuedEmail, lease: Timestamp) -> Result<(), DbError> {
        metrics::counter!("auth_mails_sent_total", "template" => row.template.clone()).increment(1);
        let (id, now) = (row.id, self.clock.now());
        if !self.database.write(move |conn| email_outbox::mark_sent(conn, id, lease, now)).await? {
            tracing::warn!(mail = %id, "a mail was sent after its lease had ended, or its account was deleted meanwhile");
        }
        Ok(())
    }

    async fn put_off(
        &self,
        row: &QueuedEmail,
        lease: Timestamp,
        reason: &str,
        longest: Duration,
    ) -> Result<(), DbError> {
        let wait = backoff::wait(row.attempts.saturating_add(1), longest, &*self.random);
        let (id, next, reason) = (row.id, self.clock.now().plus(wait), reason.to_owned());
        let put_off = move |conn: &mut _| email_outbox::retry_later(conn, id, lease, next, &reason).map(drop);
        self.database.write(put_off).await
    }

    async fn put_back(&self, row: &QueuedEmail, lease: Timestamp) -> Result<(), DbError> {
        let id = row.id;
        self.database.write(move |conn| email_outbox::release(conn, id, lease).map(drop)).await
    }

    async fn note_refused(&self, row: &QueuedEmail, lease: Timestamp, reason: &str) -> Result<(), DbError> {
        let (id, now, reason) = (row.id, self.clock.now(), reason.to_owned());
        self.database.write(move |conn| email_outbox::fail(conn, id, lease, now, &reason).map(drop)).await
    }

    async fn give_up(&self, row: &QueuedEmail, lease: Timestamp, reason: &str) -> Result<(), DbError> {
        let (id, now, reason) = (row.id, self.clock.now(), reason.to_owned());
        self.database.write(move |conn| email_outbox::give_up(conn, id, lease, now, &reason).map(drop)).await
    }

    fn measure_mail_breaker(&self) {
        let state = match self.mail_breaker.state() {
            BreakerState::Closed => 0.0,
            BreakerState::HalfOpen => 1.0,
            BreakerState::Open => 2.0,
        };
        metrics::gauge!("auth_breaker_state", "dependency" => "smtp").set(state);
    }
}

/// How long a mail server may take once the service is to stop.
const LAST_ANSWER: Duration = Duration::from_secs(10);

const LOOK: Duration = Duration::from_millis(250);

/// What `sending` comes to; none if the service stops and the mail server doesn't answer in time.
async fn unless_stopped<T>(
    mut sending: impl Future<Output = T> + Unpin,
    stopping: &(dyn Fn() -> bool + Sync),
) -> Option<T> {
    let mut waited = Duration::ZERO;
    while waited < LAST_ANSWER {
        if let Ok(sent) = timeout(LOOK, &mut sending).await {
            return Some(sent);
        }
        if stopping() {
            waited += LOOK;
        }
    }
    None
}
