//! What the threads are working on, so that a caller is answered in time also when the database hangs in the middle of
//! a statement: its own time-out counts on the database's side, which a hanging one doesn't.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a caller waits for a job that has begun. Statements end by themselves sooner, in a database that works.
const MAX_RUN: Duration = Duration::from_secs(8);

/// Whoever waits for a job.
pub(super) trait Caller: Send + Sync {
    /// Answers that the database is unavailable, unless the job has been answered.
    fn give_up(&self);
}

/// One thread's place: what it is doing now, and since when.
#[derive(Default)]
pub(super) struct Slot {
    current: Mutex<Option<(Instant, Arc<dyn Caller>)>>,
    /// Also while it hangs and the caller has been answered.
    busy: AtomicBool,
}

/// The places of all threads.
#[derive(Default)]
pub(super) struct Running(Mutex<Vec<Arc<Slot>>>);

impl Running {
    /// A place for one thread more.
    pub(super) fn slot(&self) -> Arc<Slot> {
        let slot = Arc::default();
        lock(&self.0).push(Arc::clone(&slot));
        slot
    }

    /// How many threads there are, and how many of them are at work.
    pub(super) fn threads(&self) -> (usize, usize) {
        let slots = lock(&self.0);
        (slots.len(), slots.iter().filter(|slot| slot.busy.load(Ordering::Relaxed)).count())
    }

    /// Answers whoever has waited too long for a job that has begun. The job goes on; nobody knows how it ends.
    pub(super) fn expire(&self) {
        for slot in &*lock(&self.0) {
            let mut current = lock(&slot.current);
            if current.as_ref().is_some_and(|(since, _)| since.elapsed() > MAX_RUN)
                && let Some((_, caller)) = current.take()
            {
                caller.give_up();
            }
        }
    }
}

impl Slot {
    /// Notes what the thread is about to do.
    pub(super) fn begin(&self, caller: Arc<dyn Caller>) {
        self.busy.store(true, Ordering::Relaxed);
        *lock(&self.current) = Some((Instant::now(), caller));
    }

    /// Notes that it is done.
    pub(super) fn end(&self) {
        *lock(&self.current) = None;
        self.busy.store(false, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
