//! Registrations that wait for their address to be verified, where that is required. They exist whether or not the
//! address has an account, so that nobody can tell.

use auth_core::password::{Password, PasswordHash};
use auth_core::{DisplayName, Email, Role, Timestamp, UserId};
use auth_persistence::pending_registration::{self, NewPending, PendingRegistration};
use auth_persistence::user::{self, NewUser};
use auth_persistence::{Conflict, DbConnection, DbError, Hidden, nested_transaction, reserved_address};
use serde_json::json;

use crate::audit::Event;
use crate::challenge::{ChallengeState, Subject};
use crate::client::Client;
use crate::fault::Fault;
use crate::letter::{Payload, Template};
use crate::service::Inner;
use crate::step::ChallengeKind;

/// Why no account was made of a registration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotMade {
    /// Somebody else has the address by now.
    #[error("the address is taken")]
    Taken,
    /// Another registration replaced it, or it is too old.
    #[error("the registration is gone")]
    Gone,
    #[error(transparent)]
    Database(DbError),
}

impl From<DbError> for NotMade {
    fn from(error: DbError) -> Self {
        match error {
            DbError::UniqueViolation(Conflict::UserEmail) => Self::Taken,
            error => Self::Database(error),
        }
    }
}

/// What is registered until its address is verified.
pub(crate) struct Waiting {
    pub(crate) email: Email,
    pub(crate) display_name: Option<DisplayName>,
    pub(crate) hash: PasswordHash,
}

impl Inner {
    /// Registers until the address is verified, in place of what was registered for it before. The mail finds out
    /// whether the address is free.
    pub(crate) async fn insert_pending(&self, waiting: Waiting, client: &Client) -> Result<(), DbError> {
        let (inner, client) = (self.handle(), client.clone());
        self.database
            .write(move |conn| {
                let now = inner.clock.now();
                let id = UserId::new(now, &*inner.random);
                let life = inner.config.pending_registration_life;
                let row = NewPending {
                    id,
                    email: waiting.email.clone(),
                    password_hash: Hidden::new(waiting.hash.as_str().to_owned()),
                    display_name: waiting.display_name,
                    created_at: now,
                    expires_at: life.map_or(Timestamp::MAX, |life| now.plus(life)),
                };
                if !pending_registration::replace(conn, &row)? {
                    return Ok(());
                }
                let payload = Payload { pending: Some(id), ..Payload::from_client(&client, now) };
                inner.queue(conn, Template::VerifyEmail, &waiting.email, None, &payload)
            })
            .await
    }

    /// The registration, if `password` is the one that it came with. Nobody costs the same hash.
    pub(crate) async fn check_pending(
        &self,
        pending: Option<PendingRegistration>,
        password: &Password,
    ) -> Result<Option<UserId>, Fault> {
        let stored = pending.and_then(|pending| {
            let hash = PasswordHash::parse(pending.password_hash.into_inner()).ok()?;
            Some((pending.id, hash))
        });
        let Some((id, hash)) = stored else {
            self.hash_pool.verify_absent(password.clone()).await?;
            return Ok(None);
        };
        let verified = self.hash_pool.verify(password.clone(), hash).await?;
        Ok(verified.matches.then_some(id))
    }

    /// What a right password for a registration is answered with.
    pub(crate) fn pending_state(id: UserId) -> ChallengeState {
        ChallengeState {
            subject: Subject::Pending { id },
            kind: ChallengeKind::VerifyEmail,
            methods: vec!["pwd".to_owned()],
            federation: None,
            device: None,
        }
    }

    /// Makes the account that waited as `id`, with its own password or with `password`; its address is verified.
    pub(crate) fn make_pending(
        &self,
        conn: &mut DbConnection,
        id: UserId,
        password: Option<&PasswordHash>,
        client: &Client,
    ) -> Result<(), NotMade> {
        let now = self.clock.now();
        let pending = pending_registration::take(conn, id, now)?.ok_or(NotMade::Gone)?;
        let email = Email::parse(pending.email.expose()).map_err(|_| NotMade::Gone)?;
        let hash = match password {
            Some(hash) => Hidden::new(hash.as_str().to_owned()),
            None => pending.password_hash,
        };
        self.insert_user(
            conn,
            &NewUser {
                id,
                email: Some(email),
                email_verified_at: Some(now),
                username: None,
                password_hash: Some(hash),
                display_name: pending.display_name.as_deref().and_then(|name| DisplayName::parse(name).ok()),
                avatar_url: None,
                role: Role::User,
                password_must_change: false,
                created_at: now,
            },
        )?;
        self.record(conn, Event::UserRegistered, Some(id), client, json!({}))?;
        self.record(conn, Event::EmailVerified, Some(id), client, json!({}))?;
        Ok(())
    }

    /// Stores `user`, unless the address is kept for who had it until lately.
    pub(crate) fn insert_user(&self, conn: &mut DbConnection, user: &NewUser) -> Result<(), DbError> {
        nested_transaction(conn, |conn| {
            user::insert(conn, user)?;
            self.refuse_reserved(conn, user.email.as_ref(), user.id)
        })
    }

    /// Asked after the address was taken: whoever gave it up in a transaction that this one waited for has reserved
    /// it by then.
    pub(crate) fn refuse_reserved(
        &self,
        conn: &mut DbConnection,
        email: Option<&Email>,
        user: UserId,
    ) -> Result<(), DbError> {
        let Some(email) = email else { return Ok(()) };
        match reserved_address::holder(conn, email.canonical(), self.clock.now())? {
            Some(holder) if holder != user => Err(DbError::UniqueViolation(Conflict::UserEmail)),
            _ => Ok(()),
        }
    }
}
