//! Checking a code, and counting the wrong ones (NIST SP 800-63B-4, section 3.2.2).
//!
//! One transaction with the user's row locked: reading the count, using the code up and counting a failure are one step,
//! so that of many guesses at once no more than a hundred are ever compared.

use auth_core::{SecondFactorCode, TotpCode, UserId};
use auth_email::Alert;
use auth_persistence::authenticator_failure::{self, Authenticator};
use auth_persistence::user::User;
use auth_persistence::{DbConnection, DbError, backup_code, totp_credential};
use serde_json::json;

use super::{MULTIPLE_FACTORS, ONE_TIME_PASSWORD};
use crate::audit::Event;
use crate::authenticator::MAX_FAILURES;
use crate::client::Client;
use crate::service::Inner;

/// A notice goes out after so many wrong codes in a row, and after as many more.
const NOTICE_AFTER: i64 = 5;

/// With what somebody showed the second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Factor {
    Totp,
    BackupCode,
}

impl Factor {
    /// What it adds to `amr` (RFC 8176).
    pub(crate) fn methods(self) -> Vec<String> {
        let methods: &[&str] = match self {
            Self::Totp => &[ONE_TIME_PASSWORD, MULTIPLE_FACTORS],
            Self::BackupCode => &[MULTIPLE_FACTORS],
        };
        methods.iter().map(|method| (*method).to_owned()).collect()
    }
}

/// What became of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckedCode {
    /// It was right, and is used up.
    Right(Factor),
    /// Wrong, used, outdated, or the factor is disabled: not told apart.
    Wrong,
}

impl Inner {
    /// Checks `code`, the code of `user`, whose row is locked, in this lane of failures. A wrong one is counted: the transaction has to be committed
    /// whatever the verdict is.
    pub(crate) fn check_code(
        &self,
        conn: &mut DbConnection,
        user: &User,
        code: Option<&SecondFactorCode>,
        lane: &str,
        client: &Client,
    ) -> Result<CheckedCode, DbError> {
        if user.mfa_enabled_at.is_none() {
            return Ok(CheckedCode::Wrong);
        }
        let failures = authenticator_failure::count(conn, user.id, Authenticator::SecondFactor, lane)?;
        let factor = if failures < MAX_FAILURES { self.use_code(conn, user.id, code)? } else { None };
        let Some(factor) = factor else {
            self.count_wrong_code(conn, user, lane, client)?;
            return Ok(CheckedCode::Wrong);
        };
        if failures > 0 {
            authenticator_failure::clear_below(conn, user.id, Authenticator::SecondFactor, lane, MAX_FAILURES)?;
        }
        Ok(CheckedCode::Right(factor))
    }

    fn use_code(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        code: Option<&SecondFactorCode>,
    ) -> Result<Option<Factor>, DbError> {
        match code {
            Some(SecondFactorCode::Totp(code)) => self.use_totp(conn, user, code),
            Some(SecondFactorCode::Backup(code)) => {
                let hash = self.backup_code_hasher.hash(user, code);
                let spent = backup_code::spend(conn, user, hash.as_bytes(), self.clock.now())?;
                Ok(spent.then_some(Factor::BackupCode))
            }
            None => Ok(None),
        }
    }

    fn use_totp(&self, conn: &mut DbConnection, user: UserId, code: &TotpCode) -> Result<Option<Factor>, DbError> {
        let Some(credential) = totp_credential::find(conn, user)? else { return Ok(None) };
        let Some(secret) = self.open_totp(user, credential.secret_sealed.expose()) else { return Ok(None) };
        let Some(step) = secret.matching_step(code, self.clock.now()) else { return Ok(None) };
        Ok(totp_credential::use_step(conn, user, step.as_i64())?.then_some(Factor::Totp))
    }

    fn count_wrong_code(
        &self,
        conn: &mut DbConnection,
        user: &User,
        lane: &str,
        client: &Client,
    ) -> Result<(), DbError> {
        let failures = authenticator_failure::add(conn, user.id, Authenticator::SecondFactor, lane)?;
        self.record(conn, Event::MfaFailed, Some(user.id), client, json!({ "failures": failures }))?;
        if failures == MAX_FAILURES {
            self.tell(conn, user, Alert::MfaLocked, client)
        } else if failures % NOTICE_AFTER == 0 && failures < MAX_FAILURES {
            self.tell(conn, user, Alert::WrongCodes, client)
        } else {
            Ok(())
        }
    }

    pub(super) fn forget_wrong_codes(conn: &mut DbConnection, user: UserId) -> Result<(), DbError> {
        authenticator_failure::clear(conn, user, Authenticator::SecondFactor).map(drop)
    }
}
