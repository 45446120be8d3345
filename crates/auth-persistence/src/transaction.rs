//! Transactions that nest, on both databases.

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};

use crate::connection::DbConnection;
use crate::error::DbError;

/// Runs `work` in a transaction: a savepoint where one is open already, else one of its own. An `Err` takes back what
/// `work` wrote, and nothing else.
///
/// # Errors
///
/// What `work` returned, or what stopped the transaction.
pub fn nested_transaction<T, E: From<DbError>>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    DbConnection::begin_transaction(connection).map_err(DbError::from)?;
    finish(connection, work)
}

/// Runs `work` in a write transaction. SQLite takes its write lock at once: a transaction that read first and wrote
/// later would fail without waiting whenever another one wrote in between.
pub(crate) fn write_transaction<T, E: From<DbError>>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    begin_write(connection)?;
    finish(connection, work)
}

pub(crate) fn begin_write(connection: &mut DbConnection) -> Result<(), DbError> {
    match connection {
        DbConnection::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE"),
        DbConnection::Pg(pg) => AnsiTransactionManager::begin_transaction(pg),
    }
    .map_err(DbError::from)
}

fn finish<T, E: From<DbError>>(
    connection: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    match work(connection) {
        Ok(value) => {
            commit(connection)?;
            Ok(value)
        }
        Err(error) => {
            // A connection that can't roll back is broken and thrown away; the first error tells more.
            let _ = DbConnection::rollback_transaction(connection);
            Err(error)
        }
    }
}

pub(crate) fn commit(connection: &mut DbConnection) -> Result<(), DbError> {
    let last = depth(connection) == Some(1);
    let result = match connection {
        // `COMMIT` of a transaction in which a statement failed rolls back and reports success. Any other statement
        // reports the failure, and costs nothing in the same message.
        DbConnection::Pg(pg) if last => pg.batch_execute("SELECT 1; COMMIT"),
        _ => return DbConnection::commit_transaction(connection).map_err(DbError::from),
    };
    if result.is_err() {
        let _ = DbConnection::rollback_transaction(connection);
    }
    result.map_err(DbError::from)
}

/// How many transactions are open in one another; `None` when the connection is broken.
pub(crate) fn depth(connection: &mut DbConnection) -> Option<u32> {
    let status = DbConnection::transaction_manager_status_mut(connection);
    status.transaction_depth().ok().map(|depth| depth.map_or(0, std::num::NonZeroU32::get))
}

/// Rolls back until `wanted` transactions are open. False: the database ended the transaction by itself.
pub(crate) fn roll_back_to(connection: &mut DbConnection, wanted: u32) -> bool {
    while depth(connection).is_some_and(|depth| depth > wanted) {
        if DbConnection::rollback_transaction(connection).is_err() {
            return false;
        }
    }
    depth(connection) == Some(wanted)
}
