//! Why a copy did not come about.

use std::io;
use std::path::PathBuf;

use super::CopyReport;
use crate::database::OpenError;
use crate::error::DbError;

/// A copy did not come about; the target, if there is one, is as empty as before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The source can't be opened, or a newer version has migrated it.
    #[error("the database that is copied can't be opened: {0}")]
    Source(#[source] OpenError),
    /// There is no such file; a copy makes none.
    #[error("there is no SQLite database at {}", .0.display())]
    NoSource(PathBuf),
    /// A database in memory is gone with its process, so nobody else can read it or find a copy there.
    #[error("a database in memory can't be copied, and no other into it")]
    InMemory,
    /// Migrations are missing in the source, which is read and not changed.
    #[error("the database that is copied lacks migrations of this version: run `auth-server migrate` on it first")]
    SourceOutdated,
    /// The target can't be opened, or a newer version has migrated it.
    #[error("the database that is copied into can't be opened: {0}")]
    Target(#[source] OpenError),
    /// A copy into a database in use would mix two.
    #[error("the database that is copied into is not empty, it has rows in {}: name an empty one", .tables.join(", "))]
    TargetNotEmpty {
        /// The tables that have rows.
        tables: Vec<&'static str>,
    },
    /// The source can't be read.
    #[error("the database that is copied can't be read: {0}")]
    Read(#[source] DbError),
    /// The target can't be written.
    #[error("the database that is copied into can't be written: {0}")]
    Write(#[source] DbError),
    /// A value of the source is none that its column may hold.
    #[error("a value in {table}.{column} is none that the column may hold: somebody else wrote it")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// PostgreSQL has no text with a NUL, no time before 4713 BC or after 294276 AD, and integers of several widths.
    #[error("a value in {table}.{column} can't be stored in the database that is copied into")]
    Unwritable {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A database did not return, or did not take, as many rows as there are.
    #[error("the number of rows in {table} is not what the database counts")]
    RowsLost {
        /// The table.
        table: &'static str,
    },
    /// What was written is not what was read; it was taken back.
    #[error("the copy was not the same as the original in {}, and was taken back", .0.different().join(", "))]
    Differs(CopyReport),
    /// There is something at the path of the file already.
    #[error("{} exists already; nothing is overwritten", .0.display())]
    FileExists(PathBuf),
    /// The file can't be made.
    #[error("{} can't be made: {error}", .path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// What may happen in either database.
pub(super) enum Fault {
    Database(DbError),
    Value { table: &'static str, column: &'static str },
    Lost { table: &'static str },
}

impl CopyError {
    /// `fault` happened in the source.
    pub(super) fn reading(fault: Fault) -> Self {
        match fault {
            Fault::Database(error) => Self::Read(error),
            Fault::Value { table, column } => Self::Unreadable { table, column },
            Fault::Lost { table } => Self::RowsLost { table },
        }
    }

    /// `fault` happened in the target.
    pub(super) fn writing(fault: Fault) -> Self {
        match fault {
            Fault::Database(error) => Self::Write(error),
            Fault::Value { table, column } => Self::Unwritable { table, column },
            Fault::Lost { table } => Self::RowsLost { table },
        }
    }
}
