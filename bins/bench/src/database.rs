//! Databases that exist for one group of rows.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use tempfile::TempDir;

use crate::failure::Outcome;

/// Where PostgreSQL is, if it is there.
const POSTGRES: &str = "postgres://postgres@127.0.0.1:5432";

/// A database that is gone when the rows are measured.
pub(crate) struct Database {
    url: String,
    folder: TempDir,
    postgres_name: Option<String>,
}

impl Database {
    /// An SQLite database, and everything else that a server keeps, in a folder of its own below the build's: temporary
    /// folders are often in memory, where a flush of the disk costs nothing.
    pub(crate) fn sqlite() -> Outcome<Self> {
        let folder = folder()?;
        Ok(Self { url: format!("sqlite://{}", folder.path().join("auth.db").display()), folder, postgres_name: None })
    }

    /// A PostgreSQL database, or `None` where there is no PostgreSQL.
    pub(crate) fn postgres() -> Outcome<Option<Self>> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(mut server) = PgConnection::establish(&format!("{POSTGRES}/postgres")) else { return Ok(None) };
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gatehouse_bench_{}_{count}", std::process::id());
        server.batch_execute(&format!("CREATE DATABASE {name}"))?;
        Ok(Some(Self { url: format!("{POSTGRES}/{name}"), folder: folder()?, postgres_name: Some(name) }))
    }

    /// As `DATABASE_URL` has it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A folder that goes with the database.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of an SQLite database.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("auth.db")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(name) = &self.postgres_name
            && let Ok(mut server) = PgConnection::establish(&format!("{POSTGRES}/postgres"))
        {
            let _ = server.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

fn folder() -> Outcome<TempDir> {
    let program = std::env::current_exe()?;
    let parent = program.parent().ok_or("this program lies in no folder")?;
    Ok(tempfile::Builder::new().prefix("bench-").tempdir_in(parent)?)
}
