//! Prepared updates of one row over many connections to PostgreSQL, a thread each.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use super::prepared::count_up;
use crate::failure::Outcome;

/// Connections, as many as the server has clients.
const CONNECTIONS: i32 = 64;

/// Rows that take turns, so that no two connections meet in one, and hardly ever in a page.
const ROWS: i32 = 10_000;

/// Open connections to a database with a table of counters.
pub(crate) struct Updates {
    connections: Vec<PgConnection>,
}

impl Updates {
    /// Makes the table in the database at `url`, beside the server's.
    pub(crate) fn new(url: &str) -> Outcome<Self> {
        let mut first = PgConnection::establish(url)?;
        first.batch_execute(
            "CREATE TABLE counters (id integer PRIMARY KEY, value bigint NOT NULL) WITH (fillfactor = 80); \
             INSERT INTO counters SELECT i, 0 FROM generate_series(0, 9999) AS i",
        )?;
        let connections = (0..CONNECTIONS).map(|_| PgConnection::establish(url)).collect::<Result<_, _>>()?;
        Ok(Self { connections })
    }

    /// Updates a second over all connections.
    pub(crate) fn rate(&mut self, duration: Duration) -> Outcome<f64> {
        let barrier = Barrier::new(self.connections.len());
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..)
                .zip(&mut self.connections)
                .map(|(number, connection)| {
                    let barrier = &barrier;
                    scope.spawn(move || rate_of_one(connection, number, barrier, duration))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("an update panicked".into()))).sum()
        })
    }
}

fn rate_of_one(connection: &mut PgConnection, number: i32, barrier: &Barrier, duration: Duration) -> Outcome<f64> {
    // The first one also parses the statement.
    let mut row = number;
    let prepared = count_up!(connection, row);
    barrier.wait();
    prepared?;
    let begin = Instant::now();
    let mut count = 0.0;
    while begin.elapsed() < duration {
        row = (row + CONNECTIONS) % ROWS;
        if count_up!(connection, row)? != 1 {
            return Err("a counter is missing".into());
        }
        count += 1.0;
    }
    Ok(count / begin.elapsed().as_secs_f64())
}
