//! Signing in with another provider: which user it is, and the gate.

use auth_core::UserId;
use auth_oauth::{OAuthUserInfo, Provider};
use auth_persistence::user::{self, User};
use auth_persistence::{Conflict, DbConnection, DbError};
use serde_json::json;

use super::account::{Identified, NotIdentified};
use super::callback::{OAuthCallback, Proven};
use super::error::OAuthFlowError;
use super::federation::{Federation, Identity};
use crate::audit::Event;
use crate::client::Client;
use crate::fault::Fault;
use crate::service::Inner;
use crate::session::{NotOpened, Proof};
use crate::step::Step;

/// How often two who come at once are sorted out: the second finds what the first has made.
const ATTEMPTS: u32 = 3;

impl Inner {
    /// The answer right here.
    pub(super) async fn sign_in_here(
        &self,
        proven: &Proven,
        callback: OAuthCallback<'_>,
        client: &Client,
    ) -> Result<Step, OAuthFlowError> {
        let info = self.user_of(proven, callback).await?;
        let (user, federation) = self.identify(&proven.provider, info, client).await?;
        let proof = Proof::federated(user.security_epoch, federation);
        match self.admit_federated(user.id, proof, client).await {
            // Something happened to the account in this very moment: begin again.
            Err(OAuthFlowError::CodeInvalid) => Err(OAuthFlowError::StateInvalid),
            step => step,
        }
    }

    /// Which user `info` is, made if there is none yet.
    pub(super) async fn identify(
        &self,
        provider: &Provider,
        info: OAuthUserInfo,
        client: &Client,
    ) -> Result<(User, Federation), OAuthFlowError> {
        let identity = Identity::of(provider, &info);
        let verified = info.verified_email().cloned();
        let federation = |link| Federation { provider: provider.name().to_owned(), link };
        let mut attempt = 1;
        loop {
            let (inner, client) = (self.handle(), client.clone());
            let (asked, email) = (identity.clone(), verified.clone());
            let look = move |conn: &mut DbConnection| inner.identified(conn, &asked, email.as_ref(), &client);
            return match self.database.write(look).await {
                Ok(Identified::As(user)) => Ok((*user, federation(None))),
                Ok(Identified::Unlinked(user)) => Ok((*user, federation(Some(Box::new(identity))))),
                Ok(Identified::Refused(error)) => {
                    metrics::counter!("auth_login_failure_total").increment(1);
                    Err(error)
                }
                Err(NotIdentified::Raced(_) | NotIdentified::Deadlocked) if attempt < ATTEMPTS => {
                    attempt += 1;
                    continue;
                }
                Err(NotIdentified::Raced(Conflict::UserEmail)) => Err(OAuthFlowError::AccountExists),
                Err(NotIdentified::Raced(conflict)) => {
                    Err(Fault::internal(format!("{conflict:?} again and again")).into())
                }
                Err(NotIdentified::Deadlocked) => Err(DbError::Busy.into()),
                Err(NotIdentified::Database(error)) => Err(error.into()),
            };
        }
    }

    /// The gate. A refusal is on record before it is answered.
    pub(super) async fn admit_federated(
        &self,
        user: UserId,
        proof: Proof,
        client: &Client,
    ) -> Result<Step, OAuthFlowError> {
        let provider = proof.federation.as_ref().map(|federation| federation.provider.clone());
        let (inner, from) = (self.handle(), client.clone());
        let admission = self.database.write(move |conn| inner.admit_sign_in(conn, user, proof, &from)).await;
        match admission {
            Ok(admission) => Ok(self.step(admission).await?),
            Err(NotOpened::Database(error)) => Err(error.into()),
            Err(error) => {
                let error = OAuthFlowError::from(error);
                metrics::counter!("auth_login_failure_total").increment(1);
                let (inner, client, details) = (self.handle(), client.clone(), refusal(&error, provider.as_deref()));
                self.database
                    .write(move |conn| {
                        // Of a deleted account the trail keeps nothing new.
                        match user::find(conn, user)? {
                            Some(_) => inner.record(conn, Event::LoginFailed, Some(user), &client, details),
                            None => Ok(()),
                        }
                    })
                    .await?;
                Err(error)
            }
        }
    }

    /// Puts the refusal of a sign-in as `user` on record.
    pub(super) fn refuse_identity(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        error: OAuthFlowError,
        provider: &str,
        client: &Client,
    ) -> Result<Identified, DbError> {
        self.record(conn, Event::LoginFailed, Some(user), client, refusal(&error, Some(provider)))?;
        Ok(Identified::Refused(error))
    }
}

fn refusal(error: &OAuthFlowError, provider: Option<&str>) -> serde_json::Value {
    json!({ "reason": error.code().as_str(), "provider": provider })
}
