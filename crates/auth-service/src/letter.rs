//! Mails to be sent, queued in the transaction of what they tell about. What is queued holds no secret: the token of a
//! link is made when the mail is (see [`outbox`](crate::outbox)), so that asking for one costs the same for everybody.

use std::time::Duration;

use auth_core::{Email, Timestamp, TokenPurpose, UserId, new_uuid};
use auth_email::{Alert, Occasion};
use auth_persistence::email_outbox::{self, NewEmail};
use auth_persistence::user::{self, User};
use auth_persistence::{DbConnection, DbError, Hidden};
use serde::{Deserialize, Serialize};

use crate::client::{Client, device_of};
use crate::service::Inner;

const HOUR: Duration = Duration::from_hours(1);

/// The mails there are, as the contract names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Template {
    VerifyEmail,
    ResetPassword,
    ChangeEmail,
    EmailChanged,
    AccountExists,
    SecurityAlert,
    PasswordChanged,
    Activate,
}

impl Template {
    pub(crate) const ALL: [Self; 8] = [
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::ChangeEmail,
        Self::EmailChanged,
        Self::AccountExists,
        Self::SecurityAlert,
        Self::PasswordChanged,
        Self::Activate,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::ChangeEmail => "change_email",
            Self::EmailChanged => "email_changed",
            Self::AccountExists => "account_exists",
            Self::SecurityAlert => "security_alert",
            Self::PasswordChanged => "password_changed",
            Self::Activate => "activate",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.as_str() == text)
    }

    /// What the link in it is good for.
    pub(crate) const fn purpose(self) -> Option<TokenPurpose> {
        match self {
            Self::VerifyEmail => Some(TokenPurpose::VerifyEmail),
            Self::ResetPassword => Some(TokenPurpose::ResetPassword),
            Self::ChangeEmail => Some(TokenPurpose::ChangeEmail),
            Self::EmailChanged => Some(TokenPurpose::UndoEmailChange),
            Self::SecurityAlert | Self::PasswordChanged => Some(TokenPurpose::SecureAccount),
            Self::Activate => Some(TokenPurpose::Activate),
            Self::AccountExists => None,
        }
    }

    /// How long its link is good, and for how long sending it is tried.
    pub(crate) const fn life(self) -> Duration {
        match self {
            Self::ResetPassword => Duration::from_mins(30),
            Self::ChangeEmail => HOUR,
            Self::VerifyEmail | Self::AccountExists => Duration::from_hours(24),
            Self::SecurityAlert | Self::PasswordChanged | Self::Activate => Duration::from_hours(72),
            Self::EmailChanged => Duration::from_hours(7 * 24),
        }
    }

    /// Whether anybody can cause it, by naming an address.
    pub(crate) const fn is_asked_for(self) -> bool {
        matches!(self, Self::VerifyEmail | Self::ResetPassword | Self::ChangeEmail | Self::AccountExists)
    }

    /// What counts when a mail of this kind, and about this alert, went to an address last.
    pub(crate) fn spacing_kind(self, alert: &str) -> String {
        format!("{}/{alert}", self.as_str())
    }

    /// The mails whose links let somebody in: a security event takes them out of the queue.
    pub(crate) const LETTING_IN: [Self; 4] =
        [Self::VerifyEmail, Self::ResetPassword, Self::ChangeEmail, Self::Activate];
}

/// What is filled into a mail, and what has to be known to make it. All of it may lie in the database as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Payload {
    /// What happened.
    #[serde(skip_serializing_if = "Option::is_none", alias = "event")]
    pub(crate) alert: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
    /// The registration that waits for this mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<UserId>,
    /// The session that asked for a change of address, and outlives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<auth_core::SessionId>,
    /// The account's security epoch after a change of address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) epoch: Option<i64>,
    /// The address after a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) new_email: Option<String>,
    /// Whether the address before a change had been verified.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) was_verified: bool,
    /// What the provider of a linked account is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<String>,
    /// Part of a security event: sent however short ago another one was.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) forced: bool,
    /// The password was switched off after too many wrong ones.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) password_disabled: bool,
}

impl Payload {
    /// A payload that tells when and from where.
    pub(crate) fn from_client(client: &Client, now: Timestamp) -> Self {
        Self {
            at: Some(now),
            ip: client.ip_text(),
            user_agent: client.user_agent().map(str::to_owned),
            request_id: client.request_id().map(str::to_owned),
            ..Self::default()
        }
    }

    /// What happened, if it is a notice.
    pub(crate) fn alert(&self) -> Option<Alert> {
        match self.alert.as_deref()? {
            // As the first release wrote it.
            "refresh_token_reused" => Some(Alert::TokenReused),
            name => name.parse().ok(),
        }
    }

    pub(crate) fn occasion(&self, queued_at: Timestamp) -> Occasion {
        Occasion {
            at: self.at.unwrap_or(queued_at),
            ip: self.ip.clone(),
            device: self.user_agent.as_deref().and_then(device_of),
        }
    }

    /// The client that caused the mail.
    pub(crate) fn client(&self) -> Client {
        let client = Client::at(self.ip.as_deref().and_then(|ip| ip.parse().ok()))
            .with_user_agent(self.user_agent.as_deref().unwrap_or_default().as_bytes());
        match &self.request_id {
            Some(id) => client.with_request_id(id),
            None => client,
        }
    }
}

impl Inner {
    /// Queues a mail to `recipient`, about the account of `user` if that is known already.
    pub(crate) fn queue(
        &self,
        conn: &mut DbConnection,
        template: Template,
        recipient: &Email,
        user: Option<UserId>,
        payload: &Payload,
    ) -> Result<(), DbError> {
        let now = self.clock.now();
        let payload = serde_json::to_string(payload).map_err(|error| DbError::Internal(error.to_string()))?;
        let mail = NewEmail {
            id: new_uuid(now, &*self.random),
            user_id: user,
            recipient: Hidden::new(recipient.as_str().to_owned()),
            recipient_normalized: Hidden::new(recipient.canonical().to_owned()),
            template: template.as_str().to_owned(),
            payload: Hidden::new(payload),
            dedupe_key: None,
            created_at: now,
            expires_at: now.plus(template.life()),
        };
        email_outbox::insert(conn, &mail).map(drop)
    }

    /// Queues a mail to `user`, who may have no address to send it to.
    pub(crate) fn queue_to_user(
        &self,
        conn: &mut DbConnection,
        template: Template,
        user: &User,
        payload: &Payload,
    ) -> Result<(), DbError> {
        match address_of(user) {
            Some(email) => self.queue(conn, template, &email, Some(user.id), payload),
            None => Ok(()),
        }
    }

    /// Tells `user` what happened to their account, with a link that locks strangers out.
    pub(crate) fn tell(
        &self,
        conn: &mut DbConnection,
        user: &User,
        alert: Alert,
        client: &Client,
    ) -> Result<(), DbError> {
        self.queue_notice(conn, user, alert, Payload::from_client(client, self.clock.now()))
    }

    /// The same, with what else the mail says.
    pub(crate) fn queue_notice(
        &self,
        conn: &mut DbConnection,
        user: &User,
        alert: Alert,
        payload: Payload,
    ) -> Result<(), DbError> {
        let payload = Payload { alert: Some(alert.as_str().to_owned()), ..payload };
        let template = match alert {
            Alert::PasswordChanged => Template::PasswordChanged,
            _ => Template::SecurityAlert,
        };
        self.queue_to_user(conn, template, user, &payload)
    }

    /// Asks `user` to verify their address.
    pub(crate) fn queue_verification(&self, conn: &mut DbConnection, user: &User) -> Result<(), DbError> {
        self.queue_to_user(conn, Template::VerifyEmail, user, &Payload::default())
    }

    /// Sends a link to set a new password, as part of a security event.
    pub(crate) fn queue_reset(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        password_disabled: bool,
    ) -> Result<(), DbError> {
        let Some(user) = user::find(conn, user)? else { return Ok(()) };
        let payload = Payload { forced: true, password_disabled, ..Payload::default() };
        self.queue_to_user(conn, Template::ResetPassword, &user, &payload)
    }
}

/// The user's address, if there is one that a mail can be sent to.
pub(crate) fn address_of(user: &User) -> Option<Email> {
    let email = Email::parse(user.email.as_deref()?);
    if email.is_err() {
        tracing::error!(user_id = %user.id, "the stored address can't be read");
    }
    email.ok()
}
