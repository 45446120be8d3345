//! Which instance does what only one should do at a time. A lease runs out by itself, so an instance that died holds
//! nothing for long.

use std::time::Duration;

use auth_core::Timestamp;
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl as _;
use uuid::Uuid;

use crate::connection::DbConnection;
use crate::error::DbError;
use crate::schema::leases::{self, dsl};
use crate::sql_type::{at, key};
use crate::statement::on_either;

/// A lease that ends so much later than the one that is asked for was taken by a clock that was set back since: it must
/// not keep everybody out until then.
const FAR: Duration = Duration::from_hours(1);

/// Takes the lease called `name` for `holder` until `until`, or renews it. False: somebody else holds it at `now`.
///
/// # Errors
///
/// When the database can't be written.
pub fn take(
    connection: &mut DbConnection,
    name: &str,
    holder: Uuid,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, DbError> {
    let held = (dsl::holder.eq(key(holder)), dsl::expires_at.eq(at(until)));
    let is_over = dsl::expires_at.le(at(now)).or(dsl::expires_at.gt(at(until.plus(FAR))));
    on_either!(connection, |connection| {
        let rows = diesel::insert_into(leases::table)
            .values((dsl::name.eq(name), held))
            .on_conflict(dsl::name)
            .do_update()
            .set(held)
            .filter(dsl::holder.eq(key(holder)).or(is_over))
            .execute(connection)?;
        Ok(rows == 1)
    })
}

/// Gives up the lease called `name`. False: `holder` didn't have it.
///
/// # Errors
///
/// When the database can't be written.
pub fn release(connection: &mut DbConnection, name: &str, holder: Uuid) -> Result<bool, DbError> {
    let held = QueryDsl::filter(leases::table.find(name), dsl::holder.eq(key(holder)));
    Ok(diesel::delete(held).execute(connection)? == 1)
}

/// Whether any lease is held at `now`: a server seems to run then. One that was killed seems to until its leases are over.
///
/// # Errors
///
/// When the database can't be read.
pub fn is_any_held(connection: &mut DbConnection, now: Timestamp) -> Result<bool, DbError> {
    let held: i64 = QueryDsl::filter(leases::table, dsl::expires_at.gt(at(now))).count().get_result(connection)?;
    Ok(held > 0)
}
