//! The challenge to show the second factor.

use auth_core::SecondFactorCode;
use auth_persistence::user;

use super::{ChallengeError, Found, Subject};
use crate::client::Client;
use crate::device::lane_of;
use crate::second_factor::CheckedCode;
use crate::service::Inner;
use crate::session::{NotOpened, Proof};
use crate::step::{ChallengeMethod, Step};

impl Inner {
    /// Every try is counted before it is looked at, the right one too.
    pub(super) async fn answer_with_code(
        &self,
        found: Found,
        method: ChallengeMethod,
        code: &str,
        client: &Client,
    ) -> Result<Step, ChallengeError> {
        let Subject::User { id, epoch } = found.state.subject else { return Err(ChallengeError::ChallengeInvalid) };
        let charged = self.charge(self.code_charges(id, found.state.device, client), Some(id), client).await?;
        if !found.count_try(self).await? {
            return Err(ChallengeError::ChallengeInvalid);
        }
        let code = SecondFactorCode::parse(code).filter(|code| {
            matches!(
                (code, method),
                (SecondFactorCode::Totp(_), ChallengeMethod::Totp)
                    | (SecondFactorCode::Backup(_), ChallengeMethod::BackupCode)
            )
        });
        let (inner, checking) = (self.handle(), client.clone());
        let lane = lane_of(found.state.device);
        let checked = self
            .database
            .write(move |conn| {
                user::lock(conn, id)?;
                let user = user::find(conn, id)?.filter(|user| user.security_epoch == epoch);
                let user = user.ok_or(NotOpened::Outdated)?;
                if user.disabled_at.is_some() {
                    return Err(NotOpened::Disabled);
                }
                Ok(inner.check_code(conn, &user, code.as_ref(), lane, &checking)?)
            })
            .await;
        if !matches!(checked, Ok(CheckedCode::Wrong)) {
            self.refund(charged).await;
        }
        let CheckedCode::Right(factor) = checked? else { return Err(ChallengeError::InvalidCode) };
        // Of two right answers to one challenge, one goes on.
        if !found.take(self).await? {
            return Err(ChallengeError::ChallengeInvalid);
        }
        let (inner, client, proof) =
            (self.handle(), client.clone(), Proof::earlier(epoch, found.state, factor.methods()));
        let admission = self.database.write(move |conn| inner.admit_sign_in(conn, id, proof, &client)).await?;
        Ok(self.step(admission).await?)
    }
}
