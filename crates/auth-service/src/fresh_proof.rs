//! A fresh proof of who is there, for sensitive calls (ASVS 7.5.1).

use std::time::Duration;

use auth_core::password::PasswordHash;
use auth_core::{AccessClaims, SecondFactorCode, SessionId, Timestamp, UserId};
use auth_persistence::DbConnection;
use auth_persistence::authenticator_failure::ANY_LANE;
use auth_persistence::session::{self, Session};
use auth_persistence::user::{self, User};

use crate::account::{AccountError, active};
use crate::client::Client;
use crate::second_factor::{CheckedCode, Factor};
use crate::service::Inner;

/// How long a sign-in counts as a fresh proof of who is there.
pub const FRESH_PROOF: Duration = Duration::from_mins(10);

/// What comes with a sensitive call to show who is there.
#[derive(Clone, Copy, Default)]
pub struct FreshProof<'a> {
    /// The password.
    pub password: Option<&'a str>,
    /// A code of the second factor.
    pub code: Option<&'a str>,
}

/// A fresh proof that was given.
pub(crate) struct Proven {
    /// The hash that the password was found to match, if it was a password.
    password_hash: Option<PasswordHash>,
    /// What the code was, if it was one.
    pub(crate) factor: Option<Factor>,
}

impl Proven {
    /// The user, with the row locked, if the proof is one still: the session may have ended, and the password may have been
    /// changed since.
    pub(crate) fn still_holds(&self, conn: &mut DbConnection, claims: &AccessClaims) -> Result<User, AccountError> {
        let user = signed_in(conn, claims)?;
        let stored = user.password_hash.as_ref().map(|hash| hash.expose().as_str());
        match &self.password_hash {
            Some(hash) if stored != Some(hash.as_str()) => Err(AccountError::InvalidCredentials),
            _ => Ok(user),
        }
    }
}

/// The user of `claims`, with the row locked, if the session is live still. A sensitive call that was under way when a
/// security event ended its session must not be carried out after it.
pub(crate) fn signed_in(conn: &mut DbConnection, claims: &AccessClaims) -> Result<User, AccountError> {
    // Whether it is over by its time its access token tells.
    unrevoked(conn, claims.user_id, claims.session_id).map(|(user, _)| user)
}

/// The user `id`, with the row locked, and their session `session`, unless it was ended.
pub(crate) fn unrevoked(
    conn: &mut DbConnection,
    id: UserId,
    session: SessionId,
) -> Result<(User, Session), AccountError> {
    // A session that is being opened is either there already, or finds what is written now.
    user::lock(conn, id)?;
    let user = active(user::find(conn, id)?)?;
    match session::find(conn, session)? {
        Some(session) if session.user_id == id && session.revoked_at.is_none() => Ok((user, session)),
        _ => Err(AccountError::Gone),
    }
}

impl Inner {
    /// A sign-in or another proof in this session younger than [`FRESH_PROOF`], or a right password or code now. A wrong
    /// one is refused however fresh the sign-in is.
    pub(crate) async fn require_fresh_proof(
        &self,
        claims: &AccessClaims,
        proof: FreshProof<'_>,
        client: &Client,
    ) -> Result<Proven, AccountError> {
        if proof.password.is_none() && proof.code.is_none() {
            return self.require_fresh_session(claims).await;
        }
        let id = claims.user_id;
        let password_hash = match proof.password {
            Some(password) => {
                let user = self.database.read(move |conn| active(user::find(conn, id)?)).await?;
                Some(self.require_password(user, password, client).await?)
            }
            None => None,
        };
        let factor = match proof.code {
            Some(code) => Some(self.require_code(id, code, client).await?),
            None => None,
        };
        Ok(Proven { password_hash, factor })
    }

    async fn require_fresh_session(&self, claims: &AccessClaims) -> Result<Proven, AccountError> {
        let now = self.clock.now();
        let is_fresh = |at: Timestamp| now.saturating_since(at) < FRESH_PROOF;
        let session = claims.session_id;
        // The token is as old as the sign-in; the session may have been proven again since.
        let fresh = is_fresh(claims.auth_time)
            || self
                .database
                .read(move |conn| session::find(conn, session))
                .await?
                .is_some_and(|row| is_fresh(row.authenticated_at));
        if fresh { Ok(Proven { password_hash: None, factor: None }) } else { Err(AccountError::ReauthRequired) }
    }

    /// What `code` is, if it is right. A wrong one is counted before it is refused.
    async fn require_code(&self, user: UserId, code: &str, client: &Client) -> Result<Factor, AccountError> {
        let charged = self.charge(self.code_charges(user, None, client), Some(user), client).await?;
        let code = SecondFactorCode::parse(code);
        let (inner, client) = (self.handle(), client.clone());
        let checked = self
            .database
            .write(move |conn| {
                user::lock(conn, user)?;
                let user = active(user::find(conn, user)?)?;
                Ok::<_, AccountError>(inner.check_code(conn, &user, code.as_ref(), ANY_LANE, &client)?)
            })
            .await;
        if !matches!(checked, Ok(CheckedCode::Wrong)) {
            self.refund(charged).await;
        }
        match checked? {
            CheckedCode::Right(factor) => Ok(factor),
            CheckedCode::Wrong => Err(AccountError::InvalidCode),
        }
    }
}
