//! Adding a second factor (REQ-20): pending until a first code shows that the secret arrived.

use std::time::Duration;

use auth_core::{AccessClaims, BackupCode, OtpauthUri, QrSvg, TotpCode, TotpSecret, TotpSecretText};
use auth_email::Alert;
use auth_persistence::user::{self, User};
use auth_persistence::{DbConnection, session, totp_credential};
use serde_json::json;

use super::Factor;
use crate::account::AccountError;
use crate::audit::Event;
use crate::client::Client;
use crate::fresh_proof::{FreshProof, signed_in};
use crate::register::required;
use crate::revocation_feed::Revoked;
use crate::service::{AuthService, Inner};

/// How long a secret waits for its first code.
const PENDING_LIFE: Duration = Duration::from_mins(10);

/// A new secret, shown once.
#[derive(Debug)]
pub struct TotpEnrolment {
    /// The secret, for who types it into an authenticator.
    pub secret: TotpSecretText,
    /// The same as a URI that authenticators understand; it holds the secret.
    pub otpauth_uri: OtpauthUri,
    /// The URI as a QR code: inline SVG.
    pub qr_svg: QrSvg,
}

impl AuthService {
    /// Makes a TOTP secret for the user of `claims`. It counts once [`AuthService::confirm_totp`] was given a code of it,
    /// within ten minutes; an earlier one that was not confirmed is replaced.
    ///
    /// # Errors
    ///
    /// [`AccountError`]: a fresh proof is needed, or there is a second factor already.
    pub async fn begin_totp(&self, claims: &AccessClaims, client: &Client) -> Result<TotpEnrolment, AccountError> {
        let inner = self.inner();
        inner.require_fresh_proof(claims, FreshProof::default(), client).await?;
        let secret = TotpSecret::generate(&*inner.random);
        let (handle, id, signed_in_by) = (inner.handle(), claims.user_id, claims.clone());
        let sealed = inner.seal_totp(id, &secret);
        let account = inner
            .database
            .write(move |conn| {
                let user = signed_in(conn, &signed_in_by)?;
                if user.mfa_enabled_at.is_some() || !totp_credential::begin(conn, id, &sealed, handle.clock.now())? {
                    return Err(AccountError::MfaAlreadyEnabled);
                }
                Ok(user.email.or(user.username).unwrap_or_else(|| id.to_string()))
            })
            .await?;
        let otpauth_uri = secret.otpauth_uri(&inner.config.product_name, &account);
        Ok(TotpEnrolment { secret: secret.to_base32(), qr_svg: otpauth_uri.qr_svg(), otpauth_uri })
    }

    /// Makes the pending secret count, and gives ten backup codes, shown once. The code counts as used.
    ///
    /// # Errors
    ///
    /// [`AccountError::InvalidCode`] for a wrong code, and when no secret waits for one.
    pub async fn confirm_totp(
        &self,
        claims: &AccessClaims,
        code: Option<&str>,
        client: &Client,
    ) -> Result<Vec<BackupCode>, AccountError> {
        let inner = self.inner();
        let mut errors = Vec::new();
        let code = required(code, "code", &mut errors).ok_or(AccountError::Invalid(errors))?;
        let charged =
            inner.charge(inner.code_charges(claims.user_id, None, client), Some(claims.user_id), client).await?;
        let enabled = match TotpCode::parse(code) {
            Some(code) => {
                let (handle, claims, client) = (inner.handle(), claims.clone(), client.clone());
                inner.database.write(move |conn| handle.enable_totp(conn, &claims, &code, &client)).await
            }
            None => Err(AccountError::InvalidCode),
        };
        if matches!(enabled, Err(AccountError::InvalidCode)) {
            inner.record_refused_enrolment(claims, client).await?;
        } else {
            inner.refund(charged).await;
        }
        let (news, codes) = enabled?;
        inner.apply(&news);
        Ok(codes)
    }
}

impl Inner {
    /// Committed before the refusal is answered. It is no failure of the factor, which isn't there yet.
    async fn record_refused_enrolment(&self, claims: &AccessClaims, client: &Client) -> Result<(), AccountError> {
        let (inner, claims, client) = (self.handle(), claims.clone(), client.clone());
        self.database
            .write(move |conn| {
                let user = signed_in(conn, &claims)?;
                Ok(inner.record(conn, Event::MfaFailed, Some(user.id), &client, json!({ "reason": "enrolment" }))?)
            })
            .await
    }

    fn enable_totp(
        &self,
        conn: &mut DbConnection,
        claims: &AccessClaims,
        code: &TotpCode,
        client: &Client,
    ) -> Result<(Vec<Revoked>, Vec<BackupCode>), AccountError> {
        let (id, now) = (claims.user_id, self.clock.now());
        let user = signed_in(conn, claims)?;
        let pending = totp_credential::find(conn, id)?.filter(|row| row.confirmed_at.is_none());
        let pending = pending.ok_or(AccountError::InvalidCode)?;
        let secret = self.open_totp(id, pending.secret_sealed.expose()).ok_or(AccountError::InvalidCode)?;
        let step = secret.matching_step(code, now).ok_or(AccountError::InvalidCode)?;
        let since = now.minus(PENDING_LIFE);
        if !totp_credential::confirm(conn, id, pending.secret_sealed.expose(), since, step.as_i64(), now)? {
            return Err(AccountError::InvalidCode);
        }
        user::set_mfa_enabled(conn, id, Some(now), now)?;
        Self::forget_wrong_codes(conn, id)?;
        let codes = self.replace_backup_codes(conn, id)?;
        self.add_factor_to_session(conn, &user, claims, Factor::Totp)?;
        let news = self.end_after_factor_change(conn, &user, claims.session_id)?;
        self.record(conn, Event::MfaEnabled, Some(id), client, json!({ "sessions": news.len() }))?;
        self.tell(conn, &user, Alert::MfaEnabled, client)?;
        Ok((news, codes))
    }

    /// The session that showed a factor has shown it: its next access tokens say so.
    pub(crate) fn add_factor_to_session(
        &self,
        conn: &mut DbConnection,
        user: &User,
        claims: &AccessClaims,
        factor: Factor,
    ) -> Result<(), AccountError> {
        let Some(row) = session::find(conn, claims.session_id)? else { return Ok(()) };
        let mut methods: Vec<String> = row.auth_methods.split(',').map(str::to_owned).collect();
        for method in factor.methods() {
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        session::prove_again(conn, row.id, user.id, Some(&methods.join(",")), self.clock.now())?;
        Ok(())
    }
}
