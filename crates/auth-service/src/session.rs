//! Opening sessions. [`Inner::open_session`] is the one function that does, whatever the way in: it alone decides
//! what is still due before a user is let in.

use std::time::Duration;

use auth_core::{AccessGrant, AccessToken, RefreshToken, SessionId, SessionSalt, UserId};
use auth_persistence::session::{self, NewSession, Session};
use auth_persistence::user::{self, User};
use auth_persistence::{DbConnection, DbError, Hidden};

use crate::client::Client;
use crate::fault::Fault;
use crate::logout::Reason;
use crate::profile::Profile;
use crate::revocation_feed::Revoked;
use crate::service::Inner;

/// The tokens of a session, as log-in, registration and refresh give them.
#[derive(Debug)]
pub struct Tokens {
    /// The access token: a JWT (RFC 9068).
    pub access_token: AccessToken,
    /// For how many seconds the access token is good.
    pub expires_in: u64,
    /// The refresh token.
    pub refresh_token: RefreshToken,
    /// Whose session it is.
    pub user: Profile,
}

/// What somebody has shown to be let in as a user.
pub(crate) struct Proof<'a> {
    /// The password's hash that the password was found to match, `None` for a user who was made just now.
    pub(crate) password_hash: Option<&'a str>,
    /// The methods that were used (RFC 8176).
    pub(crate) methods: &'static [&'static str],
}

/// A session that was opened, and what ended for it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) user: User,
    pub(crate) session: Session,
    pub(crate) ended: Vec<Revoked>,
}

/// Why no session is opened although the proof was right when it was given.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOpened {
    /// The account is switched off.
    #[error("the account is disabled")]
    Disabled,
    /// The password has to be changed first.
    #[error("the password must be changed")]
    PasswordMustChange,
    /// The user or the password changed since the proof was checked.
    #[error("the proof is outdated")]
    Outdated,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl Inner {
    /// Opens a session for `user`, inside the transaction of its caller.
    ///
    /// The user's row is read again here: what was proven before may have been undone meanwhile.
    pub(crate) fn open_session(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        proof: &Proof<'_>,
        client: &Client,
    ) -> Result<Opened, NotOpened> {
        let now = self.clock.now();
        // First of all, since it locks the row: what is read after it stays true until the session is there.
        user::update_last_login(conn, user, now)?;
        let user = user::find(conn, user)?.ok_or(NotOpened::Outdated)?;
        let stored = user.password_hash.as_ref().map(|hash| hash.expose().as_str());
        if proof.password_hash.is_some() && stored != proof.password_hash {
            return Err(NotOpened::Outdated);
        }
        if user.disabled_at.is_some() {
            return Err(NotOpened::Disabled);
        }
        if user.password_must_change {
            return Err(NotOpened::PasswordMustChange);
        }
        let new = self.new_session(user.id, proof, client);
        session::insert(conn, &new)?;
        let ended = self.end_oldest(conn, user.id)?;
        let ended = self.announce_sessions(conn, user.id, ended)?;
        Ok(Opened { user, session: new.into(), ended })
    }

    /// A user's sessions are bounded: the oldest make room.
    fn end_oldest(&self, conn: &mut DbConnection, user: UserId) -> Result<Vec<SessionId>, DbError> {
        let (keep, now) = (self.config.sessions_per_user, self.clock.now());
        let ended = session::revoke_oldest_beyond(conn, user, keep, Reason::Crowded.as_str(), now)?;
        Ok(ended.into_iter().map(|(session, _)| session).collect())
    }

    fn new_session(&self, user: UserId, proof: &Proof<'_>, client: &Client) -> NewSession {
        let now = self.clock.now();
        NewSession {
            id: SessionId::new(now, &*self.random),
            user_id: user,
            generation: 1,
            salt: Hidden::new(*SessionSalt::generate(&*self.random).as_bytes()),
            created_at: now,
            expires_at: now.plus(self.config.refresh_lifetime),
            ip: client.ip_text(),
            user_agent: client.user_agent().map(str::to_owned),
            auth_methods: proof.methods.join(","),
        }
    }

    /// The tokens of `session` at its current generation.
    pub(crate) fn tokens(&self, session: &Session, user: User) -> Result<Tokens, Fault> {
        let salt = SessionSalt::from_bytes(*session.salt.expose());
        let methods: Vec<String> = session.auth_methods.split(',').map(str::to_owned).collect();
        let access = self
            .access_tokens
            .issue(
                &AccessGrant {
                    user_id: user.id,
                    session_id: session.id,
                    generation: session.generation,
                    epoch: user.token_epoch,
                    role: user.role,
                    amr: &methods,
                    auth_time: session.authenticated_at,
                    premium_until: user.premium_until,
                    session_expires_at: session.expires_at,
                },
                &*self.random,
            )
            .map_err(Fault::internal)?;
        Ok(Tokens {
            access_token: access.token,
            expires_in: access.expires_in,
            refresh_token: self.refresh_tokens.mint(session.id, session.generation, &salt),
            user: Profile::of(user, self.clock.now()),
        })
    }

    /// How long an access token that is issued now can live at most.
    pub(crate) fn access_lifetime(&self) -> Duration {
        self.config.access_lifetime
    }
}
