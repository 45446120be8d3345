//! The lock for what must happen once, however many processes start together.

use std::fs::File;

use diesel::connection::SimpleConnection;

use super::{OpenError, sqlite_file};
use crate::connection::{Address, DbConnection, Place, Purpose, report};

/// Advisory locks share one space of numbers in a PostgreSQL database; this is our corner of it.
const LOCK_CLASS: i32 = 0x6741_7465;

/// A connection of its own that holds the lock; dropping it frees the lock, also when the process dies.
pub(crate) struct Locked {
    pub(crate) connection: DbConnection,
    pub(crate) file: Option<File>,
}

/// Waits for the lock. For SQLite in memory there is no second process and no second connection: not to be called.
pub(crate) fn acquire(address: &Address) -> Result<Locked, OpenError> {
    let file = match address.place() {
        Place::SqliteFile(path) => Some(sqlite_file::lock(path).map_err(OpenError::Lock)?),
        Place::SqliteMemory | Place::Postgres { .. } => None,
    };
    let mut connection = address.connect(Purpose::Setup).inspect_err(report).map_err(|_| OpenError::Unreachable)?;
    if let DbConnection::Pg(pg) = &mut connection {
        let lock = format!("SELECT pg_advisory_lock({LOCK_CLASS}, {})", number_of(address.schema()));
        pg.batch_execute(&lock).map_err(|error| OpenError::Database(error.into()))?;
    }
    Ok(Locked { connection, file })
}

/// FNV-1a: two schemas in one database should not wait for each other.
fn number_of(schema: &str) -> i32 {
    let hash = schema.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    i32::from_ne_bytes(hash.to_ne_bytes())
}
