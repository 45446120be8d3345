//! SQLite: the pragmas that every connection must have.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::{DbConnection, Purpose};

/// `busy_timeout` first, so that the others wait for a lock. `synchronous=FULL` because a commit lost in a power cut
/// could bring a spent token back to life. The journal is cut to 64 MiB after each checkpoint, or one long burst
/// would keep the disk for good.
const SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF;";

/// The switch to WAL and the recovery of a journal take a lock that does not wait for `busy_timeout`.
const ATTEMPTS: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// What reading a snapshot needs.
const SNAPSHOT_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;";

pub(super) fn connect(path: &Path, purpose: Purpose) -> ConnectionResult<SqliteConnection> {
    let path = path.to_str().ok_or_else(|| ConnectionError::BadConnection("the path is not UTF-8".into()))?;
    if purpose == Purpose::Snapshot {
        return connect_to_snapshot(path);
    }
    let mut connection = SqliteConnection::establish(path)?;
    set(&mut connection).map_err(ConnectionError::CouldntSetupConfiguration)?;
    check(&mut connection, path)?;
    if purpose == Purpose::Read {
        // There is one writer; a statement that writes on another connection is a mistake.
        connection.batch_execute("PRAGMA query_only = ON").map_err(ConnectionError::CouldntSetupConfiguration)?;
    }
    Ok(connection)
}

/// A connection for migrations, to a path that no URL named.
pub(crate) fn connect_setup(path: &Path) -> ConnectionResult<DbConnection> {
    connect(path, Purpose::Setup).map(DbConnection::Sqlite)
}

/// A connection that can't write the file, which may be somebody's only backup.
fn connect_to_snapshot(path: &str) -> ConnectionResult<SqliteConnection> {
    let mut connection = SqliteConnection::establish(&read_only(path))?;
    connection.batch_execute(SNAPSHOT_SETTINGS).map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// `path` as a URL of SQLite's that opens for reading alone.
fn read_only(path: &str) -> String {
    let mut url = "file:".to_owned();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url + "?mode=ro"
}

fn set(connection: &mut SqliteConnection) -> QueryResult<()> {
    let mut result = connection.batch_execute(SETTINGS);
    for _ in 1..ATTEMPTS {
        match &result {
            Err(diesel::result::Error::DatabaseError(_, error)) if error.message().contains("locked") => {
                std::thread::park_timeout(PAUSE);
                result = connection.batch_execute(SETTINGS);
            }
            _ => break,
        }
    }
    result
}

/// SQLite ignores a pragma that it can't follow, so each is read back.
fn check(connection: &mut SqliteConnection, path: &str) -> ConnectionResult<()> {
    let journal = if path == ":memory:" { "memory" } else { "wal" };
    let mode: String = read(connection, sql::<Text>("journal_mode FROM pragma_journal_mode"))?;
    let foreign_keys: i64 = read(connection, sql::<BigInt>("foreign_keys FROM pragma_foreign_keys"))?;
    let synchronous: i64 = read(connection, sql::<BigInt>("synchronous FROM pragma_synchronous"))?;
    if mode == journal && foreign_keys == 1 && synchronous == 2 {
        Ok(())
    } else {
        Err(ConnectionError::BadConnection(format!(
            "SQLite did not take the settings: journal_mode={mode}, foreign_keys={foreign_keys}, synchronous={synchronous}"
        )))
    }
}

fn read<T, U>(connection: &mut SqliteConnection, expression: diesel::expression::SqlLiteral<T>) -> ConnectionResult<U>
where
    diesel::expression::SqlLiteral<T>: Expression<SqlType = T>,
    diesel::helper_types::select<diesel::expression::SqlLiteral<T>>:
        for<'q> diesel::query_dsl::LoadQuery<'q, SqliteConnection, U>,
{
    diesel::select(expression).get_result(connection).map_err(ConnectionError::CouldntSetupConfiguration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_a_path_whatever_it_holds() {
        assert_eq!(read_only("/var/lib/auth.db"), "file:/var/lib/auth.db?mode=ro");
        assert_eq!(read_only("data/a b?mode=rwc#%.db"), "file:data/a%20b%3Fmode%3Drwc%23%25.db?mode=ro");
    }
}
