//! Updates of one row with a commit each, on SQLite: every one flushes the disk.

use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use super::prepared::count_up;
use crate::failure::Outcome;

/// As durable as the server's database, on the same disk.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     CREATE TABLE counters (id INTEGER PRIMARY KEY, value INTEGER NOT NULL); \
     WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) \
     INSERT INTO counters SELECT i, 0 FROM n";

/// Rows that take turns.
const ROWS: i32 = 10_000;

/// An SQLite database with a table of counters.
pub(crate) struct Updates {
    connection: SqliteConnection,
    next: i32,
}

impl Updates {
    /// Makes the database, a file in `folder`.
    pub(crate) fn new(folder: &Path) -> Outcome<Self> {
        let path = folder.join("counters.db");
        let mut connection = SqliteConnection::establish(path.to_str().ok_or("a path that is not UTF-8")?)?;
        connection.batch_execute(SETTINGS)?;
        Ok(Self { connection, next: 0 })
    }

    /// Updates a second.
    pub(crate) fn rate(&mut self, duration: Duration) -> Outcome<f64> {
        let begin = Instant::now();
        let mut count = 0.0;
        while begin.elapsed() < duration {
            if count_up!(&mut self.connection, self.next % ROWS)? != 1 {
                return Err("a counter is missing".into());
            }
            self.next = (self.next + 1) % ROWS;
            count += 1.0;
        }
        Ok(count / begin.elapsed().as_secs_f64())
    }
}
