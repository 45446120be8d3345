//! The work that waits: first in, first out, bounded in length and in time.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::job::HashJobError;
use super::worker::Work;
use crate::time::Clock;

/// The number of a job, one more than that of the job before.
pub(super) type JobId = u64;

/// The queue between those who ask and the threads that hash.
///
/// Answering a job, and dropping one, runs code of whoever waits for it, so neither is done under the lock.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    bound: usize,
    max_wait: Duration,
    clock: Arc<dyn Clock>,
    shed: AtomicU64,
    observer: OnceLock<WaitObserver>,
}

/// Is told how long each job that is begun has waited.
pub(super) type WaitObserver = Box<dyn Fn(Duration) + Send + Sync>;

#[derive(Default)]
struct State {
    /// By rising id.
    entries: VecDeque<Entry>,
    next_id: JobId,
    is_stopped: bool,
}

struct Entry {
    id: JobId,
    /// By the clock that never jumps: setting the machine's clock sheds nobody.
    since: Duration,
    work: Work,
}

impl Queue {
    pub(super) fn new(bound: NonZeroUsize, max_wait: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            bound: bound.get(),
            max_wait,
            clock,
            shed: AtomicU64::new(0),
            observer: OnceLock::new(),
        }
    }

    /// Tells `observer` from now on. The first one stays.
    pub(super) fn observe(&self, observer: WaitObserver) {
        let _ = self.observer.set(observer);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues `work`, or answers it at once.
    pub(super) fn push(&self, work: Work) -> Option<JobId> {
        let now = self.clock.monotonic();
        let mut state = self.lock();
        if state.is_stopped {
            drop(state);
            work.refuse(HashJobError::Stopped);
            return None;
        }
        let late = if state.entries.len() >= self.bound { state.take_late(now, self.max_wait) } else { Vec::new() };
        let refused = if state.entries.len() < self.bound {
            let id = state.append(now, work);
            drop(state);
            self.changed.notify_one();
            Ok(id)
        } else {
            drop(state);
            Err(work)
        };
        for entry in late {
            self.shed(entry.work);
        }
        refused.map_err(|work| self.shed(work)).ok()
    }

    /// Waits for work that may still be started. None when the queue has been stopped.
    pub(super) fn pop(&self) -> Option<Work> {
        loop {
            let entry = self.next()?;
            let waited = self.clock.monotonic().saturating_sub(entry.since);
            if waited <= self.max_wait {
                if let Some(observer) = self.observer.get() {
                    observer(waited);
                }
                return Some(entry.work);
            }
            self.shed(entry.work);
        }
    }

    fn next(&self) -> Option<Entry> {
        let state = self.lock();
        let mut state = self
            .changed
            .wait_while(state, |state| state.entries.is_empty() && !state.is_stopped)
            .unwrap_or_else(PoisonError::into_inner);
        state.entries.pop_front()
    }

    /// Takes a job out that nobody waits for any more, if it wasn't begun.
    pub(super) fn cancel(&self, id: JobId) {
        let cancelled = self.lock().remove(id);
        drop(cancelled);
    }

    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.is_stopped = true;
        let entries = std::mem::take(&mut state.entries);
        drop(state);
        self.changed.notify_all();
        for entry in entries {
            entry.work.refuse(HashJobError::Stopped);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    pub(super) fn shed_count(&self) -> u64 {
        self.shed.load(Ordering::Relaxed)
    }

    fn shed(&self, work: Work) {
        self.shed.fetch_add(1, Ordering::Relaxed);
        work.refuse(HashJobError::Overloaded);
    }
}

impl State {
    fn append(&mut self, since: Duration, work: Work) -> JobId {
        let id = self.next_id;
        self.next_id += 1;
        self.entries.push_back(Entry { id, since, work });
        id
    }

    fn remove(&mut self, id: JobId) -> Option<Entry> {
        let position = self.entries.binary_search_by_key(&id, |entry| entry.id).ok()?;
        self.entries.remove(position)
    }

    /// The jobs at the front that may not be started any more. What came first is late first.
    fn take_late(&mut self, now: Duration, max_wait: Duration) -> Vec<Entry> {
        let count = self.entries.iter().take_while(|entry| now.saturating_sub(entry.since) > max_wait).count();
        self.entries.drain(..count).collect()
    }
}
