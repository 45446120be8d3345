//! What a database is opened with.

use std::time::Duration;

use crate::error::DbError;
use crate::hidden::Hidden;

/// How to reach the database, and how much of it to use.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// `sqlite://PATH`, `sqlite::memory:` (one connection, for tests and trials), `postgres://…` or `postgresql://…`.
    pub url: Hidden<String>,
    /// The PostgreSQL schema that holds everything, so that a host application's tables don't collide. Default: `auth`.
    pub schema: String,
    /// Connections: by default 4 readers beside the one writer on SQLite, 16 on PostgreSQL.
    pub pool_size: Option<u32>,
    /// How many jobs may wait for a thread; more are refused at once. Default: 1024.
    pub queue: usize,
    /// How long a job may wait for a thread; after that it is answered without being run. Default: 5 s.
    pub max_wait: Duration,
}

impl DatabaseConfig {
    /// The defaults for the database at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Hidden::new(url.into()),
            schema: "auth".to_owned(),
            pool_size: None,
            queue: 1024,
            max_wait: Duration::from_secs(5),
        }
    }
}

/// Why a database can't be opened or migrated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL's scheme is none of those known.
    #[error("the database URL must begin with sqlite://, postgres:// or postgresql://, or be sqlite::memory:")]
    UnknownScheme,
    /// No path, or one with characters that SQLite would read as options.
    #[error("the path of the SQLite database is empty or holds one of ?, # or :memory:")]
    InvalidSqlitePath,
    /// Not 1 to 63 bytes, or in PostgreSQL's own name space.
    #[error("the database schema must have 1 to 63 bytes and not begin with pg_")]
    InvalidSchema,
    /// No connection allowed.
    #[error("the database pool needs at least one connection")]
    EmptyPool,
    /// The folder or the file of the SQLite database can't be made.
    #[error("the file of the SQLite database can't be made: {0}")]
    File(#[source] std::io::Error),
    /// The lock file beside the SQLite database can't be locked.
    #[error("the lock file of the SQLite database can't be locked: {0}")]
    Lock(#[source] std::io::Error),
    /// A thread can't be started.
    #[error("a database thread can't be started: {0}")]
    Thread(#[source] std::io::Error),
    /// No connection; the log says why.
    #[error("no connection to the database")]
    Unreachable,
    /// A newer version of this program migrated the database.
    #[error("the database was migrated to {version} by a newer version; this one would not understand it")]
    NewerDatabase {
        /// The migration that this version does not know.
        version: String,
    },
    /// A migration failed; what it changed was rolled back.
    #[error("a migration failed: {0}")]
    Migration(String),
    /// The database refused a statement.
    #[error(transparent)]
    Database(#[from] DbError),
}
