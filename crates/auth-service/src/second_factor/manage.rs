//! Looking after one's second factor: its state, taking it off, new backup codes. A stolen session is not enough.

use auth_core::{AccessClaims, BackupCode, FieldError, UserId};
use auth_email::Alert;
use auth_persistence::user::{self, User};
use auth_persistence::{DbConnection, backup_code};
use serde_json::json;

use crate::account::{AccountError, active};
use crate::audit::Event;
use crate::client::Client;
use crate::fresh_proof::{FreshProof, Proven};
use crate::revocation_feed::Revoked;
use crate::service::{AuthService, Inner};

/// The state of a user's second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecondFactorStatus {
    /// Whether codes of an authenticator are asked.
    pub totp: bool,
    /// How many backup codes are not used yet.
    pub backup_codes_left: i64,
}

/// A change of the factor of a user whose row is locked: what ended for it, and what is told.
type FactorChange<T> =
    fn(&Inner, &mut DbConnection, &User, &AccessClaims, &Client) -> Result<(Vec<Revoked>, T), AccountError>;

impl AuthService {
    /// The state of the second factor of `user`.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub async fn second_factor(&self, user: UserId) -> Result<SecondFactorStatus, AccountError> {
        self.inner()
            .database
            .read(move |conn| {
                let row = active(user::find(conn, user)?)?;
                let backup_codes_left = backup_code::count_left(conn, user)?;
                Ok(SecondFactorStatus { totp: row.mfa_enabled_at.is_some(), backup_codes_left })
            })
            .await
    }

    /// Takes the second factor off. Wants the password or a code, however fresh the sign-in is. Without a second factor
    /// nothing happens.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; nothing was changed then.
    pub async fn disable_totp(
        &self,
        claims: &AccessClaims,
        proof: FreshProof<'_>,
        client: &Client,
    ) -> Result<(), AccountError> {
        self.change_factor(claims, proof, client, |inner, conn, user, claims, client| {
            if user.mfa_enabled_at.is_none() {
                return Ok((Vec::new(), ()));
            }
            inner.remove_second_factor(conn, user.id)?;
            let news = inner.end_after_factor_change(conn, user, claims.session_id)?;
            inner.record(conn, Event::MfaDisabled, Some(user.id), client, json!({ "sessions": news.len() }))?;
            inner.tell(conn, user, Alert::MfaDisabled, client)?;
            Ok((news, ()))
        })
        .await
    }

    /// Ten new backup codes, shown once, in place of all others. Wants the password or a code, however fresh the sign-in
    /// is.
    ///
    /// # Errors
    ///
    /// [`AccountError`], [`AccountError::MfaNotEnabled`] without a second factor; nothing was changed then.
    pub async fn replace_backup_codes(
        &self,
        claims: &AccessClaims,
        proof: FreshProof<'_>,
        client: &Client,
    ) -> Result<Vec<BackupCode>, AccountError> {
        self.change_factor(claims, proof, client, |inner, conn, user, claims, client| {
            if user.mfa_enabled_at.is_none() {
                return Err(AccountError::MfaNotEnabled);
            }
            let codes = inner.replace_backup_codes(conn, user.id)?;
            let news = inner.end_after_factor_change(conn, user, claims.session_id)?;
            inner.record(conn, Event::MfaCodesRegenerated, Some(user.id), client, json!({}))?;
            inner.tell(conn, user, Alert::BackupCodesReplaced, client)?;
            Ok((news, codes))
        })
        .await
    }

    async fn change_factor<T: Send + 'static>(
        &self,
        claims: &AccessClaims,
        proof: FreshProof<'_>,
        client: &Client,
        change: FactorChange<T>,
    ) -> Result<T, AccountError> {
        let inner = self.inner();
        if proof.password.is_none() && proof.code.is_none() {
            let message = "give the password, or a code of the second factor in `code`";
            return Err(AccountError::Invalid(vec![FieldError::new("password", "required", message)]));
        }
        let proven: Proven = inner.require_fresh_proof(claims, proof, client).await?;
        let (handle, claims, client) = (inner.handle(), claims.clone(), client.clone());
        let (news, value) = inner
            .database
            .write(move |conn| {
                let user = proven.still_holds(conn, &claims)?;
                change(&handle, conn, &user, &claims, &client)
            })
            .await?;
        inner.apply(&news);
        Ok(value)
    }
}
