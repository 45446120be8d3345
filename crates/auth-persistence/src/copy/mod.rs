//! Copying a whole database, row by row and exactly, in any direction between SQLite and PostgreSQL: for moving up, and
//! for backups.
//!
//! - A [`Source`] is one snapshot: servers may write meanwhile, what they write isn't copied.
//! - The target is filled in one transaction, read again in it, and compared by counts and checksums. Unless it is the
//!   same it is taken back. Whoever starts a server on it meanwhile waits.
//! - All tables are copied but two that tell of one place alone: `leases`, and the migrations that were applied.
//! - `catalogue` reads off `schema` what there is to copy; `cell` is a value apart from how a database writes it;
//!   `read` and `write` are the two databases' ways.

mod catalogue;
mod cell;
mod checksum;
mod error;
mod file;
mod read;
mod source;
mod target;
mod write;

pub use self::checksum::Checksum;
pub use self::error::CopyError;
pub use self::file::into_file;
pub use self::source::Source;

use self::catalogue::{Table, tables};
use self::error::Fault;
use self::target::Target;
use crate::connection::DbConnection;
use crate::database::DatabaseConfig;

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyReport {
    /// Table by table.
    pub tables: Vec<TableReport>,
}

/// What was copied of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableReport {
    /// Its name.
    pub table: &'static str,
    /// What was read.
    pub source: Checksum,
    /// What the target has, read again after it was written.
    pub target: Checksum,
}

impl CopyReport {
    /// Whether the target has what was read, in every table.
    pub fn is_same(&self) -> bool {
        self.different().is_empty()
    }

    /// The tables in which it hasn't.
    pub fn different(&self) -> Vec<&'static str> {
        self.tables.iter().filter(|table| table.source != table.target).map(|table| table.table).collect()
    }

    /// How many rows were copied.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.source.rows()).sum()
    }
}

/// Copies everything of `source` into the database of `config`, which is made and migrated if need be and has to be empty.
/// `advance` is told of rows as they are copied. `finish` does in the same transaction what has to be done to the copy
/// before anybody sees it.
///
/// # Errors
///
/// [`CopyError`], or what `finish` returned. The target is then as empty as before, though migrated.
pub fn into_database<E: From<CopyError>>(
    source: &mut Source,
    config: &DatabaseConfig,
    advance: &mut dyn FnMut(u64),
    finish: impl FnOnce(&mut DbConnection) -> Result<(), E>,
) -> Result<CopyReport, E> {
    let mut target = Target::open(config)?;
    let report = copy_rows(source, &mut target, advance)?;
    finish(&mut target.connection)?;
    target.commit()?;
    Ok(report)
}

/// Copies all tables and compares them, inside the target's transaction.
fn copy_rows(source: &mut Source, target: &mut Target, advance: &mut dyn FnMut(u64)) -> Result<CopyReport, CopyError> {
    let mut report = CopyReport { tables: Vec::new() };
    for table in tables() {
        let copied = copy_table(source, target, &table, advance)?;
        let found = checksum(&mut target.connection, &table, CopyError::writing)?;
        report.tables.push(TableReport { table: table.name, source: copied, target: found });
    }
    if report.is_same() { Ok(report) } else { Err(CopyError::Differs(report)) }
}

fn copy_table(
    source: &mut Source,
    target: &mut Target,
    table: &Table,
    advance: &mut dyn FnMut(u64),
) -> Result<Checksum, CopyError> {
    let mut read = Checksum::default();
    let mut batch = Vec::with_capacity(write::BATCH);
    let mut flush = |batch: &mut Vec<_>| {
        write::insert(&mut target.connection, table, batch).map_err(CopyError::writing)?;
        advance(batch.len() as u64);
        batch.clear();
        Ok(())
    };
    read::each_row(&mut source.connection, table, CopyError::reading, |row| {
        read.add(&row);
        batch.push(row);
        if batch.len() < write::BATCH { Ok(()) } else { flush(&mut batch) }
    })?;
    flush(&mut batch)?;
    counted(&mut source.connection, table, read, CopyError::reading)
}

fn checksum(
    connection: &mut DbConnection,
    table: &Table,
    blame: fn(Fault) -> CopyError,
) -> Result<Checksum, CopyError> {
    let mut checksum = Checksum::default();
    read::each_row(connection, table, blame, |row| {
        checksum.add(&row);
        Ok(())
    })?;
    counted(connection, table, checksum, blame)
}

/// `checksum`, if it is of as many rows as the database counts.
fn counted(
    connection: &mut DbConnection,
    table: &Table,
    checksum: Checksum,
    blame: fn(Fault) -> CopyError,
) -> Result<Checksum, CopyError> {
    let count = read::count(connection, table).map_err(|error| blame(Fault::Database(error)))?;
    if count == checksum.rows() { Ok(checksum) } else { Err(blame(Fault::Lost { table: table.name })) }
}
