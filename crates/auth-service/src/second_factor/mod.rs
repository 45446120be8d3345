//! The second factor: a TOTP secret and ten backup codes, which share one count of failures.

mod check;
mod enrol;
mod manage;

use auth_core::{BackupCode, SealContext, TotpSecret, UserId};
use auth_email::Alert;
use auth_persistence::user::{self, User};
use auth_persistence::{DbConnection, DbError, backup_code, totp_credential};
use serde_json::json;

pub(crate) use self::check::{CheckedCode, Factor};
pub use self::enrol::TotpEnrolment;
pub use self::manage::SecondFactorStatus;
use crate::audit::Event;
use crate::client::Client;
use crate::logout::Reason;
use crate::revocation_feed::Revoked;
use crate::service::Inner;

/// How a password and a second factor appear in `amr` (RFC 8176).
pub(crate) const MULTIPLE_FACTORS: &str = "mfa";
pub(crate) const ONE_TIME_PASSWORD: &str = "otp";

impl Inner {
    /// New backup codes for `user`, in place of all others.
    fn replace_backup_codes(&self, conn: &mut DbConnection, user: UserId) -> Result<Vec<BackupCode>, DbError> {
        let codes = BackupCode::generate_set(&*self.random);
        let hashes: Vec<[u8; 32]> =
            codes.iter().map(|code| *self.backup_code_hasher.hash(user, code).as_bytes()).collect();
        backup_code::replace_all(conn, user, &hashes, self.clock.now())?;
        Ok(codes.into())
    }

    /// Takes the second factor of `user` away, whose row is locked.
    pub(crate) fn remove_second_factor(&self, conn: &mut DbConnection, user: UserId) -> Result<(), DbError> {
        totp_credential::delete(conn, user)?;
        backup_code::delete_all(conn, user)?;
        user::set_mfa_enabled(conn, user, None, self.clock.now())?;
        Self::forget_wrong_codes(conn, user)
    }

    /// Takes the factor off an account whose address was not verified until now: whoever added it has not shown that the
    /// address is theirs, and must not keep its owner out (pre-hijacking).
    pub(crate) fn strip_unproven_factor(
        &self,
        conn: &mut DbConnection,
        user: &User,
        client: &Client,
    ) -> Result<(), DbError> {
        self.remove_second_factor(conn, user.id)?;
        if user.mfa_enabled_at.is_none() {
            return Ok(());
        }
        self.record(conn, Event::MfaDisabled, Some(user.id), client, json!({ "reason": "address_unverified" }))?;
        self.tell(conn, user, Alert::MfaDisabled, client)
    }

    /// What follows from a change of the second factor: whoever is half-way in begins again, pending changes of address
    /// end, and so do the other sessions (settable). Links that show whose the address is stay good.
    fn end_after_factor_change(
        &self,
        conn: &mut DbConnection,
        user: &User,
        kept: auth_core::SessionId,
    ) -> Result<Vec<Revoked>, DbError> {
        self.end_pending(conn, user.id)?;
        if self.config.mfa_ends_other_sessions {
            return self.revoke_sessions(conn, user.id, Some(kept), Reason::FactorChanged);
        }
        Ok(Vec::new())
    }

    pub(crate) fn seal_totp(&self, user: UserId, secret: &TotpSecret) -> Vec<u8> {
        self.totp_sealer.seal(totp_context(user.as_uuid().as_bytes()), secret.as_bytes(), &*self.random)
    }

    pub(crate) fn open_totp(&self, user: UserId, sealed: &[u8]) -> Option<TotpSecret> {
        let opened = self.totp_sealer.open(totp_context(user.as_uuid().as_bytes()), sealed).ok();
        let secret = opened.and_then(|bytes| TotpSecret::from_bytes(&bytes).ok());
        if secret.is_none() {
            tracing::error!(user_id = %user, "the stored TOTP secret can't be opened");
        }
        secret
    }
}

fn totp_context(user: &[u8]) -> SealContext<'_> {
    SealContext { table: "totp_credentials", column: "secret_sealed", row: user }
}
