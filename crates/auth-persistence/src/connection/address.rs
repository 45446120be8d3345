//! Where the database is: read from the URL, which holds a password and is never printed.

use std::fmt;
use std::path::{Path, PathBuf};

use diesel::ConnectionError;

use super::{DbConnection, Purpose, postgres, sqlite};
use crate::database::OpenError;

/// A database's address.
#[derive(Clone)]
pub(crate) struct Address {
    place: Place,
    schema: String,
}

#[derive(Clone)]
pub(crate) enum Place {
    SqliteFile(PathBuf),
    SqliteMemory,
    Postgres { url: String },
}

impl Address {
    /// Reads `url`; `schema` is used by PostgreSQL alone.
    pub(crate) fn parse(url: &str, schema: &str) -> Result<Self, OpenError> {
        let place = if url == "sqlite::memory:" {
            Place::SqliteMemory
        } else if let Some(path) = url.strip_prefix("sqlite://") {
            Place::SqliteFile(sqlite_path(path)?)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Place::Postgres { url: postgres::with_defaults(url) }
        } else {
            return Err(OpenError::UnknownScheme);
        };
        if !(1..=63).contains(&schema.len()) || schema.contains('\0') || schema.starts_with("pg_") {
            return Err(OpenError::InvalidSchema);
        }
        Ok(Self { place, schema: schema.to_owned() })
    }

    /// The SQLite database in the file at `path`, which may hold anything.
    pub(crate) fn of_file(path: &Path) -> Self {
        Self { place: Place::SqliteFile(path.to_owned()), schema: String::new() }
    }

    pub(crate) const fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    /// A new connection, set up.
    pub(crate) fn connect(&self, purpose: Purpose) -> Result<DbConnection, ConnectionError> {
        match &self.place {
            Place::SqliteFile(path) => sqlite::connect(path, purpose).map(DbConnection::Sqlite),
            Place::SqliteMemory => sqlite::connect(Path::new(":memory:"), purpose).map(DbConnection::Sqlite),
            Place::Postgres { url } => postgres::connect(url, &self.schema, purpose).map(DbConnection::Pg),
        }
    }
}

/// Names the place without the URL, which may hold a password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::SqliteFile(path) => write!(f, "SQLite in {}", path.display()),
            Place::SqliteMemory => f.write_str("SQLite in memory"),
            Place::Postgres { .. } => write!(f, "PostgreSQL, schema {}", self.schema),
        }
    }
}

/// SQLite would read a `?` or a `file:` as options of its own.
fn sqlite_path(path: &str) -> Result<PathBuf, OpenError> {
    if path.is_empty() || path.starts_with("file:") || path.contains(['?', '#', '\0']) || path.contains(":memory:") {
        return Err(OpenError::InvalidSqlitePath);
    }
    Ok(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Address, OpenError> {
        Address::parse(url, "auth")
    }

    #[test]
    fn the_scheme_decides_and_nothing_else_is_guessed() {
        assert!(matches!(parse("sqlite::memory:").unwrap().place(), Place::SqliteMemory));
        assert!(
            matches!(parse("sqlite://data/auth.db").unwrap().place(), Place::SqliteFile(p) if p == Path::new("data/auth.db"))
        );
        assert!(matches!(parse("sqlite:///var/auth.db").unwrap().place(), Place::SqliteFile(p) if p.is_absolute()));
        assert!(matches!(parse("postgresql://h/db").unwrap().place(), Place::Postgres { .. }));
        for refused in
            ["postgres:nohost", "mysql://h/db", "data/auth.db", "", "sqlite:x", "sqlite://", "sqlite://a?b=c"]
        {
            assert!(parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_printed_address_holds_no_password() {
        let address = parse("postgres://me:hunter2@db.example/auth").unwrap();
        assert!(!format!("{address:?}").contains("hunter2"));
    }

    #[test]
    fn a_schema_that_postgresql_would_cut_or_refuse_is_refused_here() {
        for schema in ["", "pg_mine", "a\0b", &"x".repeat(64)] {
            assert!(Address::parse("sqlite::memory:", schema).is_err(), "{schema}");
        }
    }
}
