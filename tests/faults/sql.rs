//! The database, beside the server.

use diesel::Connection as _;
use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

/// A connection that is closed at once, so that on SQLite a killed server finds its files as it left them.
enum Link {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

fn connect(url: &str) -> Link {
    if let Some(path) = url.strip_prefix("sqlite://") {
        return Link::Sqlite(sqlite(path));
    }
    let mut connection = PgConnection::establish(url).unwrap();
    connection.batch_execute("SET search_path TO auth").unwrap();
    Link::Postgres(connection)
}

/// A connection to a SQLite file that waits for locks.
pub(crate) fn sqlite(path: &str) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(path).unwrap();
    connection.batch_execute("PRAGMA busy_timeout = 30000").unwrap();
    connection
}

/// Runs statements.
pub(crate) fn execute(url: &str, statements: &str) {
    match connect(url) {
        Link::Sqlite(mut connection) => connection.batch_execute(statements),
        Link::Postgres(mut connection) => connection.batch_execute(statements),
    }
    .unwrap();
}

/// The value of an expression that is a number, such as `count(*) FROM users`.
pub(crate) fn number(url: &str, expression: &str) -> i64 {
    match connect(url) {
        Link::Sqlite(mut connection) => diesel::select(sql::<BigInt>(expression)).get_result(&mut connection),
        Link::Postgres(mut connection) => diesel::select(sql::<BigInt>(expression)).get_result(&mut connection),
    }
    .unwrap()
}

/// SQLite finds no damage in its file; PostgreSQL has no such question.
pub(crate) fn check_integrity(url: &str) {
    let Some(path) = url.strip_prefix("sqlite://") else { return };
    let found = diesel::select(sql::<Text>("integrity_check FROM pragma_integrity_check"));
    assert_eq!(found.get_result::<String>(&mut sqlite(path)).unwrap(), "ok");
}

/// Lets a minute pass for every session's last rotation: longer than any grace here.
pub(crate) fn age_rotations(url: &str) {
    let earlier = if url.starts_with("sqlite:") { "60000000" } else { "interval '1 minute'" };
    execute(
        url,
        &format!("UPDATE sessions SET rotated_at = rotated_at - {earlier}, handed_at = handed_at - {earlier}"),
    );
}
