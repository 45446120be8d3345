//! The bounded queue in front of a group of threads.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::job::Job;
use crate::error::DbError;

pub(super) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    capacity: usize,
    max_wait: Duration,
    /// Jobs that a thread has taken.
    taken: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    idle_threads: usize,
    closed: bool,
}

struct Waiting {
    job: Box<dyn Job>,
    since: Instant,
}

impl Queue {
    pub(super) fn new(capacity: usize, max_wait: Duration) -> Self {
        Self { state: Mutex::default(), ready: Condvar::new(), capacity, max_wait, taken: AtomicU64::new(0) }
    }

    /// Queues `job`, or answers it at once when the queue is full or closed.
    pub(super) fn push(&self, job: Box<dyn Job>) {
        let mut state = self.state();
        if state.closed {
            drop(state);
            return refuse(job, DbError::Unavailable("the database is closed"));
        }
        if state.waiting.len() >= self.capacity {
            drop(state);
            return refuse(job, DbError::Overloaded);
        }
        state.waiting.push_back(Waiting { job, since: Instant::now() });
        // Waking costs a system call, which a thread at work doesn't need.
        if state.idle_threads > 0 {
            self.ready.notify_one();
        }
    }

    /// The next jobs in order, at least one and at most `most`; none when the queue is closed and empty.
    pub(super) fn take(&self, most: usize) -> Vec<Box<dyn Job>> {
        loop {
            let batch = self.wait_for_some(most);
            if batch.is_empty() {
                return Vec::new();
            }
            let fresh = self.refuse_old(batch);
            if !fresh.is_empty() {
                self.taken.fetch_add(fresh.len() as u64, Ordering::Relaxed);
                return fresh;
            }
        }
    }

    fn wait_for_some(&self, most: usize) -> Vec<Waiting> {
        let mut state = self.state();
        while state.waiting.is_empty() && !state.closed {
            state.idle_threads += 1;
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle_threads -= 1;
        }
        let count = state.waiting.len().min(most);
        state.waiting.drain(..count).collect()
    }

    /// Answers the jobs that waited too long, even while every thread hangs. False when the queue is closed.
    pub(super) fn expire(&self) -> bool {
        let (old, open) = {
            let mut state = self.state();
            let old = state.waiting.iter().take_while(|waiting| self.is_old(waiting)).count();
            (state.waiting.drain(..old).collect::<Vec<_>>(), !state.closed)
        };
        self.refuse_old(old);
        open
    }

    fn refuse_old(&self, jobs: Vec<Waiting>) -> Vec<Box<dyn Job>> {
        let (old, fresh): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|waiting| self.is_old(waiting));
        for waiting in old {
            refuse(waiting.job, DbError::Unavailable("waited too long for the database"));
        }
        fresh.into_iter().map(|waiting| waiting.job).collect()
    }

    fn is_old(&self, waiting: &Waiting) -> bool {
        waiting.since.elapsed() > self.max_wait
    }

    /// Lets no more jobs in; those inside are still done.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.ready.notify_all();
    }

    pub(super) fn len(&self) -> usize {
        self.state().waiting.len()
    }

    /// How many jobs were taken so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refuse(mut job: Box<dyn Job>, error: DbError) {
    job.fail(error);
    job.answer();
}
