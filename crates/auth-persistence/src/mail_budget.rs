//! How many mails of a purpose an address may still get, so that nobody's box can be flooded: the generic cell rate
//! algorithm (GCRA). A row holds the one time at which the whole budget is there again.

use std::num::NonZeroU32;
use std::time::Duration;

use auth_core::Timestamp;
use diesel::data_types::PgInterval;
use diesel::dsl::{case_when, sql};
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl as _;
use diesel::sql_types::{BigInt, Interval};

use crate::chosen::choose;
use crate::connection::DbConnection;
use crate::error::DbError;
use crate::schema::mail_budgets::{self, dsl};
use crate::sql_type::{Instant, at};

/// Takes one mail from the budget of `burst` mails, of which one comes back per `interval`. False: there is none left.
///
/// A budget that is further ahead than two whole ones was taken by a clock that was set back since, or under other
/// settings, and counts as whole: no address may be without mail for ever.
///
/// # Errors
///
/// When the database can't be written.
pub fn take(
    connection: &mut DbConnection,
    recipient_normalized: &str,
    purpose: &str,
    now: Timestamp,
    burst: NonZeroU32,
    interval: Duration,
) -> Result<bool, DbError> {
    let latest = now.plus(interval.saturating_mul(burst.get() - 1));
    let ahead = now.plus(interval.saturating_mul(burst.get()).saturating_mul(2));
    let first = now.plus(interval);
    let micros = i64::try_from(interval.as_micros()).unwrap_or(i64::MAX);
    macro_rules! take {
        ($connection:expr, $one_more:expr) => {{
            let running = dsl::full_at.gt(at(now)).and(dsl::full_at.le(at(ahead)));
            diesel::insert_into(mail_budgets::table)
                .values((
                    dsl::recipient_normalized.eq(recipient_normalized),
                    dsl::purpose.eq(purpose),
                    dsl::full_at.eq(at(first)),
                ))
                .on_conflict((dsl::recipient_normalized, dsl::purpose))
                .do_update()
                .set(dsl::full_at.eq(case_when(running, $one_more).otherwise(at(first))))
                .filter(dsl::full_at.le(at(latest)).or(dsl::full_at.gt(at(ahead))))
                .execute($connection)?
        }};
    }
    let full_at = sql::<Instant>("mail_budgets.full_at + ");
    let rows = match connection {
        DbConnection::Sqlite(connection) => take!(connection, full_at.bind::<BigInt, _>(micros)),
        DbConnection::Pg(connection) => {
            take!(connection, full_at.bind::<Interval, _>(PgInterval::from_microseconds(micros)))
        }
    };
    Ok(rows == 1)
}

/// Forgets what was sent of one purpose to this address, given in its normalized form.
///
/// # Errors
///
/// When the database can't be written.
pub fn forget(connection: &mut DbConnection, recipient_normalized: &str, purpose: &str) -> Result<usize, DbError> {
    let theirs = dsl::recipient_normalized.eq(recipient_normalized).and(dsl::purpose.eq(purpose));
    Ok(diesel::delete(QueryDsl::filter(mail_budgets::table, theirs)).execute(connection)?)
}

/// Deletes the budgets that are whole at `now`, at most `limit` of them, and returns how many there were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_idle(connection: &mut DbConnection, now: Timestamp, limit: u32) -> Result<usize, DbError> {
    let whole = dsl::full_at.le(at(now));
    let chosen = choose(connection, mail_budgets::table, whole, dsl::full_at, limit);
    Ok(chosen.delete().execute(connection)?)
}
