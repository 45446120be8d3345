//! The challenge to verify one's address.

use auth_core::{TokenHash, TokenPurpose};
use auth_persistence::{one_time_token, user};

use super::{ChallengeError, Found, Subject};
use crate::client::Client;
use crate::service::Inner;
use crate::session::{NotOpened, Proof};
use crate::step::Step;
use crate::verification::{NotVerified, is_of};

impl From<NotVerified> for ChallengeError {
    fn from(error: NotVerified) -> Self {
        match error {
            NotVerified::TokenInvalid => Self::InvalidCode,
            NotVerified::Database(error) => error.into(),
        }
    }
}

impl Inner {
    pub(super) async fn answer_with_email_link(
        &self,
        found: Found,
        code: Option<&str>,
        client: &Client,
    ) -> Result<Step, ChallengeError> {
        match code {
            Some(code) => self.verify_by_code(&found, code, client).await?,
            None => self.verified_meanwhile(&found).await?,
        }
        let Found { state, .. } = &found;
        let (id, epoch) = match state.subject {
            Subject::User { id, epoch } => (id, epoch),
            // The account was made with this registration's password, and nothing happened to it since.
            Subject::Pending { id } => (id, 0),
        };
        if !found.take(self).await? {
            return Err(ChallengeError::ChallengeInvalid);
        }
        let (inner, client, proof) = (self.handle(), client.clone(), Proof::earlier(epoch, state.clone(), Vec::new()));
        let admission = self
            .database
            .write(move |conn| inner.admit_sign_in(conn, id, proof, &client))
            .await
            .map_err(|error: NotOpened| ChallengeError::from(error))?;
        Ok(self.step(admission).await?)
    }

    async fn verified_meanwhile(&self, found: &Found) -> Result<(), ChallengeError> {
        let id = found.state.subject.id();
        let user = self.database.read(move |conn| user::find(conn, id)).await?;
        match user {
            Some(user) if user.email_verified_at.is_some() => Ok(()),
            _ => Err(ChallengeError::VerificationPending),
        }
    }

    async fn verify_by_code(&self, found: &Found, code: &str, client: &Client) -> Result<(), ChallengeError> {
        let subject = found.state.subject;
        let hash = self.one_time_tokens.hash(TokenPurpose::VerifyEmail, code);
        if !self.is_token_of(subject, hash.clone()).await? {
            let counted = found.count_try(self).await?;
            return Err(if counted { ChallengeError::InvalidCode } else { ChallengeError::ChallengeInvalid });
        }
        let Some(hash) = hash else { return Err(ChallengeError::InvalidCode) };
        Ok(self.verify_address(hash, client).await?)
    }

    /// Whether `hash` is that of a token which verifies the address of `subject`.
    async fn is_token_of(&self, subject: Subject, hash: Option<TokenHash>) -> Result<bool, ChallengeError> {
        let Some(hash) = hash else { return Ok(false) };
        let now = self.clock.now();
        let token =
            self.database.read(move |conn| one_time_token::find(conn, TokenPurpose::VerifyEmail, &hash, now)).await?;
        Ok(token.is_some_and(|token| is_of(&token.subject, subject)))
    }
}
