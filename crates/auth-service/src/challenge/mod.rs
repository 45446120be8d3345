//! Half-done sign-ins: what was shown, what is due, kept for five minutes under an opaque token.
//!
//! The token opens nothing but [`AuthService::answer_challenge`](crate::AuthService::answer_challenge); its keyed hash is
//! the key of the entry. A security event of the account ends its challenges by raising its epoch, in whatever store
//! they lie.

mod answer;
mod change_password;
mod second_factor;
mod verify_email;

use auth_core::{TokenPurpose, UserId};
use auth_ephemeral::{EphemeralError, Space};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::answer::{ChallengeAnswer, ChallengeError};
use crate::fault::Fault;
use crate::oauth::Federation;
use crate::service::Inner;
use crate::step::{CHALLENGE_LIFE, CHALLENGE_TRIES, Challenge, ChallengeKind, ChallengeMethod};

/// Who is half-way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Subject {
    /// A user, whose account was at this security epoch.
    User { id: UserId, epoch: i64 },
    /// Somebody who registered an address and has not verified it.
    Pending { id: UserId },
}

impl Subject {
    pub(crate) const fn id(&self) -> UserId {
        match self {
            Self::User { id, .. } | Self::Pending { id } => *id,
        }
    }
}

/// A half-done sign-in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ChallengeState {
    pub(crate) subject: Subject,
    pub(crate) kind: ChallengeKind,
    /// The methods that were shown already (RFC 8176).
    pub(crate) methods: Vec<String>,
    /// The provider by which the sign-in began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) federation: Option<Federation>,
    /// The device on which it goes on, if it is known as the user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<Uuid>,
}

impl Inner {
    /// Keeps `state`, and gives the token to go on with.
    pub(crate) async fn challenge(
        &self,
        state: ChallengeState,
        methods: Vec<ChallengeMethod>,
    ) -> Result<Challenge, Fault> {
        let (token, hash) = self.one_time_tokens.issue(TokenPurpose::Challenge, &*self.random);
        let value = serde_json::to_vec(&state).map_err(Fault::internal)?;
        self.ephemeral.put(Space::Challenge, hash.as_bytes(), value, CHALLENGE_LIFE).await?;
        Ok(Challenge { token, kind: state.kind, methods, expires_in: CHALLENGE_LIFE.as_secs() })
    }

    /// The half-done sign-in of `token`. No try is counted.
    pub(crate) async fn find_challenge(&self, token: &str) -> Result<Option<Found>, Fault> {
        let Some(hash) = self.one_time_tokens.hash(TokenPurpose::Challenge, token) else { return Ok(None) };
        let key = *hash.as_bytes();
        let value = self.ephemeral.get(Space::Challenge, &key).await?;
        value.map(|value| Found::read(key, &value)).transpose()
    }
}

/// A half-done sign-in that is there, and where.
#[derive(Debug)]
pub(crate) struct Found {
    key: [u8; 32],
    pub(crate) state: ChallengeState,
}

impl Found {
    fn read(key: [u8; 32], value: &[u8]) -> Result<Self, Fault> {
        Ok(Self { key, state: serde_json::from_slice(value).map_err(Fault::internal)? })
    }

    /// Counts a try. False: it was one too many.
    async fn count_try(&self, inner: &Inner) -> Result<bool, Fault> {
        Ok(inner.ephemeral.attempt(Space::Challenge, &self.key, CHALLENGE_TRIES).await?.is_some())
    }

    /// Ends it. False: somebody else was faster.
    async fn take(&self, inner: &Inner) -> Result<bool, Fault> {
        Ok(inner.ephemeral.take(Space::Challenge, &self.key).await?.is_some())
    }
}

impl From<EphemeralError> for Fault {
    fn from(error: EphemeralError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
