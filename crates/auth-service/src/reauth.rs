//! Proving again who is there, without a new session (ASVS 7.5.1).

use auth_core::{AccessClaims, FieldError};
use auth_persistence::session;

use crate::account::AccountError;
use crate::client::Client;
use crate::fresh_proof::FreshProof;
use crate::service::AuthService;

impl AuthService {
    /// Makes the session of `claims` count as freshly proven, by the password or a code.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub async fn reauthenticate(
        &self,
        claims: &AccessClaims,
        proof: FreshProof<'_>,
        client: &Client,
    ) -> Result<(), AccountError> {
        let inner = self.inner();
        if proof.password.is_none() && proof.code.is_none() {
            let message = "give the password, or a code of the second factor in `code`";
            return Err(AccountError::Invalid(vec![FieldError::new("password", "required", message)]));
        }
        let proven = inner.require_fresh_proof(claims, proof, client).await?;
        let (handle, claims) = (inner.handle(), claims.clone());
        inner
            .database
            .write(move |conn| {
                let user = proven.still_holds(conn, &claims)?;
                if let Some(factor) = proven.factor {
                    return handle.add_factor_to_session(conn, &user, &claims, factor);
                }
                session::prove_again(conn, claims.session_id, user.id, None, handle.clock.now())?;
                Ok(())
            })
            .await
    }
}
