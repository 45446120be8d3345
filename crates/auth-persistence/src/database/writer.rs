//! SQLite's one writer: requests that wait together are committed together, so that one flush of the disk serves
//! many.
//!
//! Each job has a savepoint of its own, so a failed one takes back its own writes alone, and nobody gets an answer
//! before the commit. When SQLite ends the transaction by itself (a full disk, an I/O error), all jobs of the group
//! that succeeded so far fail.

use std::collections::VecDeque;
use std::sync::Arc;

use diesel::connection::TransactionManager;

use super::job::{Job, Outcome};
use super::queue::Queue;
use super::running::{Caller, Slot};
use crate::connection::{Address, DbConnection, Purpose};
use crate::error::DbError;
use crate::transaction::{begin_write, commit, depth, roll_back_to};

/// The most jobs in one transaction: about 10 ms of work, the longest that a job waits for others.
const GROUP: usize = 256;

/// The depth of the transaction around the group.
const OUTER: u32 = 1;

/// All who wait for one commit.
struct Group(Vec<Arc<dyn Caller>>);

impl Caller for Group {
    fn give_up(&self) {
        for caller in &self.0 {
            caller.give_up();
        }
    }
}

pub(super) struct Writer {
    address: Address,
    connection: Option<DbConnection>,
}

impl Writer {
    pub(super) const fn new(address: Address, connection: DbConnection) -> Self {
        Self { address, connection: Some(connection) }
    }

    /// Works until `queue` is closed and empty.
    pub(super) fn work(mut self, queue: &Queue, slot: &Slot) {
        loop {
            let mut jobs = VecDeque::from(queue.take(GROUP));
            if jobs.is_empty() {
                return;
            }
            while !jobs.is_empty() {
                slot.begin(Arc::new(Group(jobs.iter().map(|job| job.caller()).collect())));
                self.group(&mut jobs);
                slot.end();
            }
        }
    }

    /// Takes jobs off `jobs`, one at least, and answers them.
    fn group(&mut self, jobs: &mut VecDeque<Box<dyn Job>>) {
        let (done, result) = match self.connection() {
            Ok(connection) => run_group(connection, jobs),
            Err(error) => (jobs.drain(..).collect(), Err(error)),
        };
        for mut job in done {
            if let Err(error) = &result {
                job.fail(error.clone());
            }
            job.answer();
        }
        // Nothing may be left open; a connection that can't be put in order is replaced.
        if self.connection.as_mut().is_some_and(|connection| !roll_back_to(connection, 0)) {
            self.connection = None;
        }
    }

    fn connection(&mut self) -> Result<&mut DbConnection, DbError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.address.connect(Purpose::Write).map_err(|_| DbError::Unavailable("can't be opened"))?,
        };
        Ok(self.connection.insert(connection))
    }
}

/// The jobs that were run (or can't be), and whether what they wrote is kept.
fn run_group(
    connection: &mut DbConnection,
    jobs: &mut VecDeque<Box<dyn Job>>,
) -> (Vec<Box<dyn Job>>, Result<(), DbError>) {
    if let Err(error) = begin_write(connection) {
        return (jobs.drain(..).collect(), Err(error));
    }
    let mut done = Vec::with_capacity(jobs.len());
    while let Some(mut job) = jobs.pop_front() {
        let result = run_in_savepoint(connection, &mut *job);
        done.push(job);
        if result.is_err() {
            return (done, result);
        }
    }
    (done, commit(connection))
}

/// Runs `job`; an `Err` says that the transaction around it is gone.
fn run_in_savepoint(connection: &mut DbConnection, job: &mut dyn Job) -> Result<(), DbError> {
    DbConnection::begin_transaction(connection)?;
    let outcome = job.run(connection);
    if outcome == Outcome::Done {
        if depth(connection) == Some(OUTER + 1) {
            return commit(connection).map_err(|error| gone(&error));
        }
        job.fail(DbError::Internal("a database job left a transaction open".into()));
    }
    if roll_back_to(connection, OUTER) { Ok(()) } else { Err(DbError::Unavailable("the transaction was given up")) }
}

/// A savepoint that can't be released went with its transaction; why was told by the statement that ended it.
const fn gone(_: &DbError) -> DbError {
    DbError::Unavailable("the transaction was given up")
}
