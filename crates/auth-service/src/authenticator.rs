//! Checking passwords, and counting the wrong ones.
//!
//! NIST SP 800-63B-4, section 3.2.2: after 100 failures in a row an authenticator is disabled until it is bound anew,
//! which for a password is a reset. The count is in the database, committed before the refusal is answered, and shared by
//! every call that takes a password. It never makes anybody wait; that is for the rate limits.

use auth_core::UserId;
use auth_core::password::{Password, PasswordHash};
use auth_persistence::authenticator_failure::{self, ANY_LANE, Authenticator};
use auth_persistence::user::{self, User};
use auth_persistence::{DbConnection, DbError, nested_transaction};
use serde_json::json;

use crate::audit::Event;
use crate::client::Client;
use crate::fault::Fault;
use crate::service::Inner;

/// Failures in a row that disable an authenticator.
pub(crate) const MAX_FAILURES: i64 = 100;

/// A user whose password was right.
pub(crate) struct Matched {
    pub(crate) user: UserId,
    pub(crate) hash: PasswordHash,
    /// The account's security epoch when the hash was read.
    pub(crate) epoch: i64,
    /// The hash has to be made anew, with today's parameters.
    pub(crate) needs_rehash: bool,
}

impl Inner {
    /// The user, if `password` is theirs. Nobody and a user without a password cost the same hash. Whether the password
    /// is disabled is decided where its being right is acted on, by [`Inner::confirm_password`].
    pub(crate) async fn check_password(
        &self,
        user: Option<User>,
        password: &Password,
    ) -> Result<Option<Matched>, Fault> {
        let stored = user.and_then(|user| {
            let hash = PasswordHash::parse(user.password_hash?.into_inner());
            if let Err(error) = &hash {
                tracing::error!(user_id = %user.id, %error, "the stored password hash can't be verified");
            }
            hash.ok().map(|hash| (user.id, user.security_epoch, hash))
        });
        let Some((user, epoch, hash)) = stored else {
            self.hash_pool.verify_absent(password.clone()).await?;
            return Ok(None);
        };
        let verified = self.hash_pool.verify(password.clone(), hash.clone()).await?;
        let needs_rehash = verified.needs_rehash;
        Ok(verified.matches.then_some(Matched { user, hash, epoch, needs_rehash }))
    }

    /// Ends the row of failures, now that the password was right. False: there were too many, and it is disabled.
    ///
    /// Read in the transaction that acts on it, so that of many guesses at once only those count that came before
    /// the hundredth failure was committed.
    pub(crate) fn confirm_password(conn: &mut DbConnection, user: UserId, lane: &str) -> Result<bool, DbError> {
        let authenticator = Authenticator::Password;
        if authenticator_failure::count(conn, user, authenticator, lane)? == 0 {
            return Ok(true);
        }
        authenticator_failure::clear_below(conn, user, authenticator, lane, MAX_FAILURES)?;
        Ok(authenticator_failure::count(conn, user, authenticator, lane)? < MAX_FAILURES)
    }

    /// Whether a right password counts, for calls that act on it in a later transaction.
    pub(crate) async fn confirm_password_now(&self, user: UserId) -> Result<bool, Fault> {
        Ok(self.database.write(move |conn| Self::confirm_password(conn, user, ANY_LANE)).await?)
    }

    /// Committed before the refusal is answered: a refused request never rolls its own record back.
    pub(crate) async fn record_failed_password(
        &self,
        user: Option<UserId>,
        reason: &'static str,
        lane: &'static str,
        client: &Client,
    ) -> Result<(), DbError> {
        if reason != WRONG_PROOF {
            metrics::counter!("auth_login_failure_total").increment(1);
        }
        let (inner, client) = (self.handle(), client.clone());
        self.database
            .write(move |conn| {
                let user = Self::still_there(conn, user)?;
                inner.record(conn, Event::LoginFailed, user, &client, json!({ "reason": reason }))?;
                match user {
                    Some(user) if reason != ACCOUNT_DISABLED => inner.count_failure(conn, user, lane, &client),
                    _ => Ok(()),
                }
            })
            .await
    }

    /// `user`, with the row locked, unless the account was deleted meanwhile: what happens to it after that is on record
    /// without a user, or it would keep addresses that the deletion has erased.
    pub(crate) fn still_there(conn: &mut DbConnection, user: Option<UserId>) -> Result<Option<UserId>, DbError> {
        let Some(id) = user else { return Ok(None) };
        user::lock(conn, id)?;
        Ok(user::find(conn, id)?.map(|user| user.id))
    }

    fn count_failure(&self, conn: &mut DbConnection, user: UserId, lane: &str, client: &Client) -> Result<(), DbError> {
        let added =
            nested_transaction(conn, |conn| authenticator_failure::add(conn, user, Authenticator::Password, lane));
        let failures = match added {
            // The account was deleted meanwhile.
            Err(DbError::ForeignKeyViolation) => return Ok(()),
            added => added?,
        };
        // Exactly one failure is the hundredth, however many come at once.
        let has_password = |user: Option<User>| user.is_some_and(|user| user.password_hash.is_some());
        if failures == MAX_FAILURES && has_password(user::find(conn, user)?) {
            self.record(conn, Event::PasswordDisabled, Some(user), client, json!({ "failures": failures }))?;
            self.queue_reset(conn, user, true)?;
        }
        Ok(())
    }
}

/// The reason of a refusal of somebody who is signed in already.
pub(crate) const WRONG_PROOF: &str = "wrong_proof";

/// The reason of a refusal after the right password.
pub(crate) const ACCOUNT_DISABLED: &str = "account_disabled";
