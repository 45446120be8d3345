//! What is copied: one consistent snapshot, whoever writes meanwhile.

use std::path::Path;

use auth_core::Timestamp;
use diesel::connection::{AnsiTransactionManager, SimpleConnection as _};

use super::catalogue::tables;
use super::error::CopyError;
use super::read::count;
use crate::connection::{Address, DbConnection, Place, Purpose, report};
use crate::database::{DatabaseConfig, OpenError, migration};
use crate::error::DbError;
use crate::lease;

/// A database as it was when it was opened here: what is committed later isn't seen. It is read and not changed.
#[derive(Debug)]
pub struct Source {
    pub(super) connection: DbConnection,
    rows: u64,
}

impl Source {
    /// Opens the database of `config`, whose schema has to be that of this version. Servers may go on; SQLite's journal
    /// grows while this is open.
    ///
    /// # Errors
    ///
    /// [`CopyError::NoSource`], [`CopyError::InMemory`], [`CopyError::SourceOutdated`], [`CopyError::Source`] or
    /// [`CopyError::Read`].
    pub fn open(config: &DatabaseConfig) -> Result<Self, CopyError> {
        let address = Address::parse(config.url.expose(), &config.schema).map_err(CopyError::Source)?;
        match address.place() {
            Place::SqliteMemory => return Err(CopyError::InMemory),
            Place::SqliteFile(path) if !path.is_file() => return Err(CopyError::NoSource(path.clone())),
            Place::SqliteFile(_) | Place::Postgres { .. } => {}
        }
        Self::open_at(&address)
    }

    /// Opens the SQLite database in the file at `path`, such as a backup.
    ///
    /// # Errors
    ///
    /// As [`Source::open`].
    pub fn open_file(path: &Path) -> Result<Self, CopyError> {
        if !path.is_file() {
            return Err(CopyError::NoSource(path.to_owned()));
        }
        Self::open_at(&Address::of_file(path))
    }

    fn open_at(address: &Address) -> Result<Self, CopyError> {
        let opened = address.connect(Purpose::Snapshot).inspect_err(report);
        let mut connection = opened.map_err(|_| CopyError::Source(OpenError::Unreachable))?;
        begin(&mut connection).map_err(CopyError::Read)?;
        if migration::pending(&mut connection).map_err(CopyError::Source)? {
            return Err(CopyError::SourceOutdated);
        }
        let mut rows = 0;
        for table in tables() {
            rows += count(&mut connection, &table).map_err(CopyError::Read)?;
        }
        Ok(Self { connection, rows })
    }

    /// How many rows will be copied.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether a server seems to run on the database: one holds a lease. One that was killed seems to for half a minute.
    ///
    /// # Errors
    ///
    /// [`CopyError::Read`].
    pub fn has_server(&mut self, now: Timestamp) -> Result<bool, CopyError> {
        lease::is_any_held(&mut self.connection, now).map_err(CopyError::Read)
    }
}

/// A transaction whose first statement takes the snapshot that all others see.
fn begin(connection: &mut DbConnection) -> Result<(), DbError> {
    match connection {
        DbConnection::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN")?,
        DbConnection::Pg(pg) => {
            // It waits while the target writes and is read again.
            pg.batch_execute("SET idle_in_transaction_session_timeout = 0")?;
            AnsiTransactionManager::begin_transaction_sql(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        }
    }
    Ok(())
}
