//! The code that an app exchanges for the result of a sign-in: once, within a minute, in the browser that began.

use std::time::Duration;

use auth_core::{OneTimeToken, TokenPurpose, UserId};
use auth_ephemeral::Space;
use auth_persistence::user::User;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};

use super::error::OAuthFlowError;
use super::federation::Federation;
use crate::client::Client;
use crate::fault::Fault;
use crate::operation::Operation;
use crate::register::required;
use crate::service::{AuthService, Inner};
use crate::session::Proof;
use crate::step::Step;

const CODE_LIFE: Duration = Duration::from_mins(1);

/// What a code stands for.
#[derive(Serialize, Deserialize)]
struct Exchangeable {
    user: UserId,
    epoch: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_challenge: Option<String>,
    federation: Federation,
}

impl AuthService {
    /// Goes on with a sign-in that ended at the app's page: the session, or what is due before it.
    ///
    /// # Errors
    ///
    /// [`OAuthFlowError`]. The code is spent, whatever comes of it.
    pub async fn exchange_oauth_code(
        &self,
        code: Option<&str>,
        code_verifier: Option<&str>,
        client: &Client,
    ) -> Result<Step, OAuthFlowError> {
        let _measured = Operation::begin("oauth_exchange");
        let inner = self.inner();
        let mut errors = Vec::new();
        let code = required(code, "code", &mut errors).ok_or(OAuthFlowError::Invalid(errors))?;
        let _kept = inner.charge([inner.oauth_charge(client)], None, client).await?;
        let found = inner.take_code(code).await?.ok_or(OAuthFlowError::CodeInvalid)?;
        if !is_bound(found.code_challenge.as_deref(), code_verifier) {
            return Err(OAuthFlowError::CodeInvalid);
        }
        inner.admit_federated(found.user, Proof::federated(found.epoch, found.federation), client).await
    }
}

impl Inner {
    /// A code for a sign-in as `user` by a provider.
    pub(super) async fn issue_code(
        &self,
        user: &User,
        code_challenge: Option<String>,
        federation: Federation,
    ) -> Result<OneTimeToken, Fault> {
        let (code, key) = self.one_time_tokens.issue(TokenPurpose::OauthExchange, &*self.random);
        let value = Exchangeable { user: user.id, epoch: user.security_epoch, code_challenge, federation };
        let value = serde_json::to_vec(&value).map_err(Fault::internal)?;
        self.ephemeral.put(Space::OauthCode, key.as_bytes(), value, CODE_LIFE).await?;
        Ok(code)
    }

    async fn take_code(&self, code: &str) -> Result<Option<Exchangeable>, Fault> {
        let Some(key) = self.one_time_tokens.hash(TokenPurpose::OauthExchange, code) else { return Ok(None) };
        let value = self.ephemeral.take(Space::OauthCode, key.as_bytes()).await?;
        value.map(|value| serde_json::from_slice(&value).map_err(Fault::internal)).transpose()
    }
}

/// A verifier without a challenge is refused, too: somebody has taken the challenge off the start (RFC 9700, section 2.1.1).
fn is_bound(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            let made = BASE64URL.encode(digest(&SHA256, verifier.as_bytes()));
            verify_slices_are_equal(challenge.as_bytes(), made.as_bytes()).is_ok()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    #[test]
    fn a_code_is_bound_to_the_verifier_of_its_challenge() {
        let (challenge, verifier) =
            ("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert!(is_bound(Some(challenge), Some(verifier)) && is_bound(None, None));
        for (challenge, verifier) in [
            (Some(challenge), None),
            (None, Some(verifier)),
            (Some(challenge), Some(challenge)),
            (Some(challenge), Some("")),
        ] {
            assert!(!is_bound(challenge, verifier), "{challenge:?} {verifier:?}");
        }
    }
}
