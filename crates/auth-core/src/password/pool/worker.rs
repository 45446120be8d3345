//! A thread that hashes.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::Verified;
use super::job::{Answer, HashJobError};
use super::priority;
use super::queue::Queue;
use crate::password::{Password, PasswordHash, PasswordHasher, Workspace};

/// What a thread is asked to do: the password, what it is checked against, and nothing else of the request.
pub(super) enum Work {
    Hash {
        password: Password,
        answer: Answer<PasswordHash>,
    },
    Verify {
        password: Password,
        hash: PasswordHash,
        is_known: bool,
        answer: Answer<Verified>,
    },
    /// Runs what a test says, on a thread of the pool.
    #[cfg(test)]
    Probe {
        run: Box<dyn FnOnce() + Send>,
        answer: Answer<()>,
    },
}

impl Work {
    pub(super) fn refuse(self, error: HashJobError) {
        match self {
            Self::Hash { answer, .. } => answer.send(Err(error)),
            Self::Verify { answer, .. } => answer.send(Err(error)),
            #[cfg(test)]
            Self::Probe { answer, .. } => answer.send(Err(error)),
        }
    }
}

/// What the threads do, in numbers for the metrics.
#[derive(Default)]
pub(super) struct Load {
    busy: AtomicUsize,
    started: AtomicU64,
    held_kib: AtomicUsize,
}

impl Load {
    pub(super) fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    pub(super) fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    pub(super) fn held_kib(&self) -> usize {
        self.held_kib.load(Ordering::Relaxed)
    }
}

pub(super) struct Worker {
    queue: Arc<Queue>,
    hasher: Arc<PasswordHasher>,
    load: Arc<Load>,
    workspace: Workspace,
    /// This thread's share of [`Load::held_kib`].
    held_kib: usize,
}

impl Worker {
    pub(super) fn new(queue: Arc<Queue>, hasher: Arc<PasswordHasher>, load: Arc<Load>) -> Self {
        Self { queue, hasher, load, workspace: Workspace::new(), held_kib: 0 }
    }

    /// Works until the queue is stopped.
    pub(super) fn run(mut self) {
        priority::lower_own();
        while let Some(work) = self.queue.pop() {
            self.load.busy.fetch_add(1, Ordering::Relaxed);
            // A panic has answered its job by unwinding. What it left in the memory isn't known, so that goes.
            if panic::catch_unwind(AssertUnwindSafe(|| self.perform(work))).is_err() {
                self.workspace = Workspace::new();
                self.report_held();
            }
            self.load.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn perform(&mut self, work: Work) {
        match work {
            Work::Hash { password, answer } => {
                self.load.started.fetch_add(1, Ordering::Relaxed);
                let result = self.hasher.hash(&password, &mut self.workspace);
                self.report_held();
                answer.send(result.map_err(|_| HashJobError::Failed));
            }
            Work::Verify { password, hash, is_known, answer } => {
                self.load.started.fetch_add(1, Ordering::Relaxed);
                let result = self.hasher.verify(&password, &hash, &mut self.workspace);
                self.report_held();
                let needs_rehash = self.hasher.needs_rehash(&hash);
                let verified = result.map(|matches| Verified { matches: matches & is_known, needs_rehash });
                answer.send(verified.map_err(|_| HashJobError::Failed));
            }
            #[cfg(test)]
            Work::Probe { run, answer } => {
                run();
                answer.send(Ok(()));
            }
        }
    }

    fn report_held(&mut self) {
        let held = self.workspace.held_kib();
        self.load.held_kib.fetch_add(held, Ordering::Relaxed);
        self.load.held_kib.fetch_sub(self.held_kib, Ordering::Relaxed);
        self.held_kib = held;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.load.held_kib.fetch_sub(self.held_kib, Ordering::Relaxed);
    }
}
