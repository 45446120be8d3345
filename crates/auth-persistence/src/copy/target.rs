//! What is copied into: an empty database, in one transaction, so that it is whole or as empty as before.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::catalogue::tables;
use super::error::CopyError;
use crate::connection::{Address, DbConnection, Place, connect_sqlite};
use crate::database::{DatabaseConfig, OpenError, migration, sqlite_file, startup_lock};
use crate::error::DbError;
use crate::transaction::{begin_write, commit};

/// A database to be filled. Dropped before it is committed, it is empty again.
pub(super) struct Target {
    pub(super) connection: DbConnection,
    /// Servers that start meanwhile wait for it.
    _lock: Option<std::fs::File>,
}

impl Target {
    /// The database of `config`, made and migrated if need be.
    pub(super) fn open(config: &DatabaseConfig) -> Result<Self, CopyError> {
        let address = Address::parse(config.url.expose(), &config.schema).map_err(CopyError::Target)?;
        match address.place() {
            Place::SqliteMemory => return Err(CopyError::InMemory),
            Place::SqliteFile(path) => {
                sqlite_file::prepare(path).map_err(|error| CopyError::Target(OpenError::File(error)))?;
            }
            Place::Postgres { .. } => {}
        }
        let startup_lock::Locked { connection, file } = startup_lock::acquire(&address).map_err(CopyError::Target)?;
        Self::fill(connection, file, address.schema())
    }

    /// The SQLite database in the empty file at `path`, which nobody else knows of.
    pub(super) fn in_new_file(path: &Path) -> Result<Self, CopyError> {
        let connection = connect_sqlite(path).map_err(|_| CopyError::Target(OpenError::Unreachable))?;
        Self::fill(connection, None, "")
    }

    fn fill(mut connection: DbConnection, lock: Option<std::fs::File>, schema: &str) -> Result<Self, CopyError> {
        // Whoever names a database in use by mistake must not have it migrated.
        if migration::is_outdated(&mut connection).map_err(CopyError::Target)? {
            let tables = filled(&mut connection).map_err(CopyError::Write)?;
            if !tables.is_empty() {
                return Err(CopyError::TargetNotEmpty { tables });
            }
        }
        migration::apply(&mut connection, schema).map_err(CopyError::Target)?;
        begin(&mut connection).map_err(CopyError::Write)?;
        let tables = filled(&mut connection).map_err(CopyError::Write)?;
        if tables.is_empty() { Ok(Self { connection, _lock: lock }) } else { Err(CopyError::TargetNotEmpty { tables }) }
    }

    pub(super) fn commit(&mut self) -> Result<(), CopyError> {
        commit(&mut self.connection).map_err(CopyError::Write)
    }

    /// Moves everything from SQLite's journal into the one file, and closes it.
    pub(super) fn close_as_one_file(mut self) -> Result<(), CopyError> {
        let closed = self.connection.batch_execute("PRAGMA journal_mode = DELETE");
        closed.map_err(|error| CopyError::Write(error.into()))
    }
}

fn begin(connection: &mut DbConnection) -> Result<(), DbError> {
    if let DbConnection::Pg(pg) = connection {
        // It waits while the source is read.
        pg.batch_execute("SET idle_in_transaction_session_timeout = 0")?;
    }
    begin_write(connection)
}

/// The tables that have rows. Leases don't count: whoever left them is gone.
fn filled(connection: &mut DbConnection) -> Result<Vec<&'static str>, DbError> {
    let mut filled = Vec::new();
    for table in tables() {
        if !migration::has_table(connection, table.name)? {
            continue;
        }
        let has_rows = sql::<Bool>(&format!("EXISTS (SELECT 1 FROM {})", table.name));
        if diesel::select(has_rows).get_result::<bool>(connection)? {
            filled.push(table.name);
        }
    }
    Ok(filled)
}
