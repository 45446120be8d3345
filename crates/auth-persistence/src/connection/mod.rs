//! A connection to either database, set up for this crate's use.

mod address;
mod pool;
mod postgres;
mod sqlite;

use diesel::{PgConnection, SqliteConnection};

pub(crate) use address::{Address, Place};
pub(crate) use pool::{Pool, report};
pub(crate) use postgres::quoted;
pub(crate) use sqlite::connect_setup as connect_sqlite;

/// A connection to SQLite or PostgreSQL; one query text of diesel serves both.
#[derive(diesel::MultiConnection)]
pub enum DbConnection {
    /// SQLite.
    Sqlite(SqliteConnection),
    /// PostgreSQL.
    Pg(PgConnection),
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Statements that only read: SQLite refuses all others.
    Read,
    /// Any statement.
    Write,
    /// Migrations: no statement time-out.
    Setup,
    /// Reading all of it as it is: no statement time-out, and SQLite's file isn't even switched to WAL.
    Snapshot,
}

impl std::fmt::Debug for DbConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite(_) => "DbConnection(SQLite)",
            Self::Pg(_) => "DbConnection(PostgreSQL)",
        })
    }
}
