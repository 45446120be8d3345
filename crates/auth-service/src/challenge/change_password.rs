//! The challenge to set a new password.

use auth_core::password::PasswordHash;
use auth_persistence::user;

use super::{ChallengeError, Found, Subject};
use crate::client::Client;
use crate::fault::Fault;
use crate::new_password::{NewPassword, RefusedPassword};
use crate::password_change::Replaced;
use crate::service::Inner;
use crate::session::{NotOpened, Proof};
use crate::step::Step;

impl From<RefusedPassword> for ChallengeError {
    fn from(error: RefusedPassword) -> Self {
        match error {
            RefusedPassword::Refused(error) => Self::Invalid(vec![error]),
            RefusedPassword::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl Inner {
    pub(super) async fn answer_with_new_password(
        &self,
        found: Found,
        new: &str,
        client: &Client,
    ) -> Result<Step, ChallengeError> {
        let Subject::User { id, epoch } = found.state.subject else { return Err(ChallengeError::ChallengeInvalid) };
        let user = self.database.read(move |conn| user::find(conn, id)).await?;
        let user = user.filter(|user| user.security_epoch == epoch).ok_or(ChallengeError::ChallengeInvalid)?;
        if user.disabled_at.is_some() {
            return Err(ChallengeError::AccountDisabled);
        }
        let password = self.accept_new_password(NewPassword::of_user("new_password", new, &user)).await?;
        let stored = user.password_hash.and_then(|hash| PasswordHash::parse(hash.into_inner()).ok());
        self.refuse_unchanged("new_password", &password, stored).await?;
        let hash = self.hash_pool.hash(password).await.map_err(Fault::from)?;
        if !found.take(self).await? {
            return Err(ChallengeError::ChallengeInvalid);
        }
        let (inner, client, state) = (self.handle(), client.clone(), found.state);
        let (news, admission) = self
            .database
            .write(move |conn| {
                user::lock(conn, id)?;
                let user = user::find(conn, id)?.filter(|user| user.security_epoch == epoch);
                let user = user.ok_or(NotOpened::Outdated)?;
                let (epoch, news) = inner.replace_password(conn, &user, &hash, Replaced::Changed(None), &client)?;
                let proof = Proof::earlier(epoch, state, Vec::new());
                let admission = inner.admit_sign_in(conn, id, proof, &client)?;
                Ok::<_, NotOpened>((news, admission))
            })
            .await?;
        self.apply(&news);
        Ok(self.step(admission).await?)
    }
}
