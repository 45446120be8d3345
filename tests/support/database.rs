//! Databases that exist for one test.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection, SqliteConnection};

/// Where PostgreSQL is, if it is there.
const POSTGRES: &str = "postgres://postgres@127.0.0.1:5432";

/// Which database a server runs on.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

impl Backend {
    /// PostgreSQL, or a plain word that it was left out. With `CI=true` it has to be there.
    pub(crate) fn postgres() -> Option<Self> {
        match PgConnection::establish(&format!("{POSTGRES}/postgres")) {
            Ok(_) => Some(Self::Postgres),
            Err(error) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => {
                panic!("PostgreSQL has to be there in CI: {error}")
            }
            Err(_) => {
                eprintln!("LEFT OUT: PostgreSQL is not reachable on 127.0.0.1:5432");
                None
            }
        }
    }
}

/// A database that is gone when the test is over.
#[derive(Debug)]
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    /// A folder for SQLite's files and everything else that the server keeps.
    pub(crate) folder: tempfile::TempDir,
    postgres_name: Option<String>,
}

impl TestDatabase {
    pub(crate) fn new(backend: &Backend) -> Self {
        let folder = tempfile::Builder::new().prefix("gatehouse-test-").tempdir().unwrap();
        match backend {
            Backend::Sqlite => {
                let url = format!("sqlite://{}/data/auth.db", folder.path().display());
                Self { url, folder, postgres_name: None }
            }
            Backend::Postgres => {
                static COUNT: AtomicU32 = AtomicU32::new(0);
                let count = COUNT.fetch_add(1, Ordering::Relaxed);
                let name = format!("gatehouse_http_{}_{count}", std::process::id());
                administer(&format!("CREATE DATABASE {name}"));
                Self { url: format!("{POSTGRES}/{name}"), folder, postgres_name: Some(name) }
            }
        }
    }

    /// Runs statements on the database, beside the server.
    pub(crate) fn execute(&self, sql: &str) {
        match &self.postgres_name {
            Some(_) => {
                let sql = format!("SET search_path TO auth; {sql}");
                PgConnection::establish(&self.url).unwrap().batch_execute(&sql).unwrap();
            }
            None => {
                let path = self.url.strip_prefix("sqlite://").unwrap();
                let mut connection = SqliteConnection::establish(path).unwrap();
                connection.batch_execute(&format!("PRAGMA busy_timeout = 10000; {sql}")).unwrap();
            }
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some(name) = &self.postgres_name {
            administer(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

fn administer(sql: &str) {
    PgConnection::establish(&format!("{POSTGRES}/postgres")).unwrap().batch_execute(sql).unwrap();
}
