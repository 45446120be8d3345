//! Opening sessions. [`Inner::admit`] is the one function that does, whatever the way in: it alone decides what is
//! still due before a user is let in.

use std::time::Duration;

use auth_core::password::PasswordHash;
use auth_core::{AccessGrant, AccessToken, OneTimeToken, RefreshToken, SessionId, SessionSalt, Timestamp, UserId};
use auth_persistence::session::{self, NewSession, Session};
use auth_persistence::user::{self, User};
use auth_persistence::{DbConnection, DbError, Hidden, backup_code};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::audit::Event;
use crate::challenge::{ChallengeState, Subject};
use crate::client::Client;
use crate::fault::Fault;
use crate::logout::Reason;
use crate::oauth::{FEDERATED, Federation};
use crate::profile::Profile;
use crate::revocation_feed::Revoked;
use crate::second_factor::MULTIPLE_FACTORS;
use crate::service::Inner;
use crate::step::{ChallengeKind, ChallengeMethod, Step};

/// The tokens of a session, as log-in, registration and refresh give them.
#[derive(Debug)]
pub struct Tokens {
    /// The access token: a JWT (RFC 9068).
    pub access_token: AccessToken,
    /// For how many seconds the access token is good.
    pub expires_in: u64,
    /// The refresh token.
    pub refresh_token: RefreshToken,
    /// Recognises the device at the next sign-in, if a sign-in gave these tokens and the device was not known.
    pub device_token: Option<OneTimeToken>,
    /// Whose session it is.
    pub user: Profile,
}

impl Tokens {
    /// The tokens as clients get them: answer with it, and log it never.
    pub fn to_json(&self) -> Value {
        let mut answer = json!({
            "status": "authenticated",
            "access_token": self.access_token.expose(),
            "refresh_token": self.refresh_token.expose(),
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "user": self.user,
        });
        if let Some(token) = &self.device_token {
            answer["device_token"] = token.expose().into();
        }
        answer
    }
}

/// What somebody has shown to be let in as a user.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    /// The account's security epoch when it was shown: with the next security event it counts for nothing.
    pub(crate) epoch: i64,
    /// The password's hash that the password was found to match just now.
    pub(crate) password_hash: Option<PasswordHash>,
    /// The methods that were used (RFC 8176).
    pub(crate) methods: Vec<String>,
    /// The provider by which somebody comes.
    pub(crate) federation: Option<Federation>,
    /// The device on which they sign in, if it is known as theirs.
    pub(crate) device: Option<Uuid>,
}

impl Proof {
    /// A password whose hash is `password_hash`, of an account at `epoch`.
    pub(crate) fn password(epoch: i64, password_hash: PasswordHash) -> Self {
        let methods = vec!["pwd".to_owned()];
        Self { epoch, password_hash: Some(password_hash), methods, federation: None, device: None }
    }

    /// What was shown at another provider, for an account at `epoch`.
    pub(crate) fn federated(epoch: i64, federation: Federation) -> Self {
        let methods = vec![FEDERATED.to_owned()];
        Self { epoch, password_hash: None, methods, federation: Some(federation), device: None }
    }

    /// What was shown before a challenge, and now beside it, of an account at `epoch`.
    pub(crate) fn earlier(epoch: i64, state: ChallengeState, more: Vec<String>) -> Self {
        let methods = state.methods.into_iter().chain(more).collect();
        Self { epoch, password_hash: None, methods, federation: state.federation, device: state.device }
    }

    /// The same, on this device.
    pub(crate) fn on_device(self, device: Option<Uuid>) -> Self {
        Self { device, ..self }
    }

    fn has_second_factor(&self) -> bool {
        self.methods.iter().any(|method| method == MULTIPLE_FACTORS)
    }
}

/// What the gate says.
#[derive(Debug)]
pub(crate) enum Admission {
    /// Come in.
    Opened(Box<Opened>),
    /// Not yet.
    Due(Box<Due>),
}

/// What is due before `user` is let in with `proof`.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) user: UserId,
    pub(crate) proof: Proof,
    pub(crate) kind: ChallengeKind,
    pub(crate) methods: Vec<ChallengeMethod>,
}

/// A session that was opened, and what ended for it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) user: User,
    pub(crate) session: Session,
    pub(crate) ended: Vec<Revoked>,
    /// What the device is given to be known by.
    pub(crate) device_token: Option<OneTimeToken>,
}

/// Why no session is opened although the proof was right when it was given.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOpened {
    /// The account is switched off.
    #[error("the account is disabled")]
    Disabled,
    /// Addresses must be verified here, and the account has none.
    #[error("the account has no address")]
    NoVerifiedEmail,
    /// The user is gone, or something happened to the account since the proof was given.
    #[error("the proof is outdated")]
    Outdated,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl Inner {
    /// The gate: opens a session for `user`, or says what is still due, inside the transaction of its caller.
    ///
    /// The user's row is read again here: what was proven before may have been undone meanwhile.
    pub(crate) fn admit(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        proof: Proof,
        client: &Client,
    ) -> Result<Admission, NotOpened> {
        // What is read after the lock stays true until the session is there.
        user::lock(conn, user)?;
        let mut user = user::find(conn, user)?.ok_or(NotOpened::Outdated)?;
        let stored = user.password_hash.as_ref().map(|hash| hash.expose().as_str());
        let is_replaced = proof.password_hash.as_ref().is_some_and(|hash| stored != Some(hash.as_str()));
        if user.security_epoch != proof.epoch || is_replaced {
            return Err(NotOpened::Outdated);
        }
        if user.disabled_at.is_some() {
            return Err(NotOpened::Disabled);
        }
        if self.config.require_verified_email && user.email.is_none() {
            return Err(NotOpened::NoVerifiedEmail);
        }
        if let Some(kind) = self.due(&user, &proof) {
            if kind == ChallengeKind::VerifyEmail {
                self.queue_verification(conn, &user)?;
            }
            let methods = Self::methods_of(conn, kind, user.id)?;
            return Ok(Admission::Due(Box::new(Due { user: user.id, proof, kind, methods })));
        }
        if let Some(link) = proof.federation.as_ref().and_then(|federation| federation.link.as_ref()) {
            self.link_at_the_gate(conn, &user, link, client)?;
            user = user::find(conn, user.id)?.ok_or(NotOpened::Outdated)?;
        }
        let now = self.clock.now();
        user::update_last_login(conn, user.id, now)?;
        user.last_login_at = Some(now);
        let new = self.new_session(user.id, &proof, client);
        session::insert(conn, &new)?;
        self.tell_new_device(conn, &user, client)?;
        let device_token = self.remember_device(conn, user.id, proof.device, client)?;
        let ended = self.end_oldest(conn, user.id, client)?;
        let ended = self.announce_sessions(conn, user.id, ended)?;
        Ok(Admission::Opened(Box::new(Opened { user, session: new.into(), ended, device_token })))
    }

    /// [`Inner::admit`] for somebody who signs in, on record if they are in.
    pub(crate) fn admit_sign_in(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        proof: Proof,
        client: &Client,
    ) -> Result<Admission, NotOpened> {
        let provider = proof.federation.as_ref().map(|federation| federation.provider.clone());
        let admission = self.admit(conn, user, proof, client)?;
        if let Admission::Opened(opened) = &admission {
            metrics::counter!("auth_login_success_total").increment(1);
            let mut details = json!({ "session_id": opened.session.id });
            if let Some(provider) = provider {
                details["provider"] = provider.into();
            }
            self.record(conn, Event::LoginSucceeded, Some(user), client, details)?;
        }
        Ok(admission)
    }

    /// The first thing that has to be done before `user` may come in.
    fn due(&self, user: &User, proof: &Proof) -> Option<ChallengeKind> {
        if user.mfa_enabled_at.is_some() && !proof.has_second_factor() {
            return Some(ChallengeKind::Mfa);
        }
        if self.config.require_verified_email && user.email_verified_at.is_none() {
            return Some(ChallengeKind::VerifyEmail);
        }
        user.password_must_change.then_some(ChallengeKind::ChangePassword)
    }

    /// A user who has used all backup codes up isn't asked for one.
    fn methods_of(conn: &mut DbConnection, kind: ChallengeKind, user: UserId) -> Result<Vec<ChallengeMethod>, DbError> {
        let mut methods = kind.methods().to_vec();
        if kind == ChallengeKind::Mfa && backup_code::count_left(conn, user)? == 0 {
            methods.retain(|method| *method != ChallengeMethod::BackupCode);
        }
        Ok(methods)
    }

    /// What the gate said, as an answer.
    pub(crate) async fn step(&self, admission: Admission) -> Result<Step, Fault> {
        match admission {
            Admission::Opened(opened) => {
                self.apply(&opened.ended);
                let tokens = self.tokens(&opened.session, opened.user)?;
                Ok(Step::Authenticated(Box::new(Tokens { device_token: opened.device_token, ..tokens })))
            }
            Admission::Due(due) => {
                let Due { user, proof, kind, methods } = *due;
                let subject = Subject::User { id: user, epoch: proof.epoch };
                let Proof { methods: shown, federation, device, .. } = proof;
                let state = ChallengeState { subject, kind, methods: shown, federation, device };
                self.challenge(state, methods).await.map(Step::Challenge)
            }
        }
    }

    /// A user's sessions are bounded: the oldest make room.
    fn end_oldest(&self, conn: &mut DbConnection, user: UserId, client: &Client) -> Result<Vec<SessionId>, DbError> {
        let (keep, now) = (self.config.sessions_per_user, self.clock.now());
        let reason = Reason::Crowded.as_str();
        let ended = session::revoke_oldest_beyond(conn, user, keep, reason, now)?;
        let ended: Vec<SessionId> = ended.into_iter().map(|(session, _)| session).collect();
        for session in &ended {
            let details = json!({ "session_id": session, "reason": reason });
            self.record(conn, Event::SessionRevoked, Some(user), client, details)?;
        }
        Ok(ended)
    }

    fn new_session(&self, user: UserId, proof: &Proof, client: &Client) -> NewSession {
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
            device_token: None,
            user: Profile::of(user, self.clock.now()),
        })
    }

    /// Whether `session` is past its end, or was idle for too long: nobody has to have noted it.
    pub(crate) fn is_over_by_time(&self, session: &Session, now: Timestamp) -> bool {
        now >= session.expires_at || now >= session.last_used_at.plus(self.config.refresh_idle)
    }

    /// How long an access token that is issued now can live at most.
    pub(crate) fn access_lifetime(&self) -> Duration {
        self.config.access_lifetime
    }
}
