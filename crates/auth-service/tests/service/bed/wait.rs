//! Waiting for a condition, and holding others up.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use auth_persistence::{Database, DbConnection, DbError};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Integer;

use super::Bed;

/// Waits until `condition` holds; fails after half a minute.
pub(crate) fn until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain");
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// A write transaction that has done its work and is not committed before it is let go.
pub(crate) struct Held {
    /// Of the connection's process, on PostgreSQL.
    pid: Option<i32>,
    go: mpsc::Sender<()>,
    transaction: thread::JoinHandle<Result<(), DbError>>,
}

impl Held {
    pub(crate) fn after(
        database: &Database,
        work: impl FnOnce(&mut DbConnection) -> Result<(), DbError> + Send + 'static,
    ) -> Self {
        Self::between(database, work, |_| Ok(()))
    }

    /// One that goes on with `rest` once it is let go.
    pub(crate) fn between(
        database: &Database,
        work: impl FnOnce(&mut DbConnection) -> Result<(), DbError> + Send + 'static,
        rest: impl FnOnce(&mut DbConnection) -> Result<(), DbError> + Send + 'static,
    ) -> Self {
        let (go, may_go) = mpsc::channel::<()>();
        let (done, is_done) = mpsc::channel();
        let database = database.clone();
        let transaction = thread::spawn(move || {
            database.write_blocking(move |conn| {
                work(conn)?;
                done.send(process_of(conn)).unwrap();
                let _ = may_go.recv();
                rest(conn)
            })
        });
        Self { pid: is_done.recv().unwrap(), go, transaction }
    }

    /// Waits until somebody waits for this transaction; on SQLite nobody can get past it in any case.
    pub(crate) fn until_it_is_waited_for(&self, bed: &Bed) {
        if let Some(pid) = self.pid {
            until(|| bed.count("pg_stat_activity", &format!("{pid} = ANY(pg_blocking_pids(pid))")) > 0);
        }
    }

    pub(crate) fn let_go(self) {
        drop(self.go);
        self.transaction.join().unwrap().unwrap();
    }
}

fn process_of(conn: &mut DbConnection) -> Option<i32> {
    match conn {
        DbConnection::Sqlite(_) => None,
        DbConnection::Pg(pg) => Some(diesel::select(sql::<Integer>("pg_backend_pid()")).get_result(pg).unwrap()),
    }
}

/// Runs `work` on `threads` threads that begin together, and returns what each returned.
pub(crate) fn together<T: Send>(threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = std::sync::Barrier::new(threads);
    thread::scope(|scope| {
        let run = |number| {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                start.wait();
                work(number)
            })
        };
        let running: Vec<_> = (0..threads).map(run).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
