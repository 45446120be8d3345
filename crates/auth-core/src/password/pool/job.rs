//! One job's way back: from the thread that did it to whoever waits.

use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::queue::{JobId, Queue};

/// Work that was given to a [`HashPool`](super::HashPool): a [`Future`] for any runtime, or [`HashJob::wait`]
/// without one. After it gave its answer it stays pending.
///
/// Dropping it takes the work out of the queue; a hash that was begun is finished for nobody.
#[must_use = "a job that is dropped is not done"]
pub struct HashJob<T> {
    slot: Arc<Slot<T>>,
    queue: Arc<Queue>,
    /// None once there is nothing left to cancel.
    id: Option<JobId>,
}

/// Why a job gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashJobError {
    /// Too many jobs wait, or this one waited for too long. Try again later.
    #[error("too many passwords wait to be hashed")]
    Overloaded,
    /// The pool has been stopped.
    #[error("password hashing has been stopped")]
    Stopped,
    /// The hash could not be computed: memory is short, or a thread panicked.
    #[error("the password could not be hashed")]
    Failed,
}

/// Where a job's answer is left.
pub(super) struct Slot<T> {
    state: Mutex<State<T>>,
    answered: Condvar,
}

enum State<T> {
    Pending(Option<Waker>),
    Answered(Result<T, HashJobError>),
    Taken,
}

/// The duty to answer a job: dropped without an answer, as a panic does, it answers [`HashJobError::Failed`].
pub(super) struct Answer<T>(Arc<Slot<T>>);

/// A job's two ends.
pub(super) fn pair<T>() -> (Answer<T>, Arc<Slot<T>>) {
    let slot = Arc::new(Slot { state: Mutex::new(State::Pending(None)), answered: Condvar::new() });
    (Answer(Arc::clone(&slot)), slot)
}

impl<T> Answer<T> {
    pub(super) fn send(self, result: Result<T, HashJobError>) {
        self.0.answer(result);
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        self.0.answer(Err(HashJobError::Failed));
    }
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves the answer, unless there is one.
    fn answer(&self, result: Result<T, HashJobError>) {
        let mut state = self.lock();
        let State::Pending(waker) = &mut *state else { return };
        let waker = waker.take();
        *state = State::Answered(result);
        // A waker runs code of the runtime, which may come back to this job: not under the lock.
        drop(state);
        self.answered.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> State<T> {
    fn take_answer(&mut self) -> Option<Result<T, HashJobError>> {
        match std::mem::replace(self, Self::Taken) {
            Self::Answered(result) => Some(result),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl<T> HashJob<T> {
    pub(super) fn new(slot: Arc<Slot<T>>, queue: &Arc<Queue>, id: Option<JobId>) -> Self {
        Self { slot, queue: Arc::clone(queue), id }
    }

    /// Blocks the calling thread until the job is done. Not for async code: there, `.await` it.
    ///
    /// # Errors
    ///
    /// Why there is no result.
    pub fn wait(mut self) -> Result<T, HashJobError> {
        let mut state = self.slot.lock();
        loop {
            if let Some(result) = state.take_answer() {
                drop(state);
                self.id = None;
                return result;
            }
            state = self.slot.answered.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T> Future for HashJob<T> {
    type Output = Result<T, HashJobError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.slot.lock();
        if let Some(result) = state.take_answer() {
            drop(state);
            self.id = None;
            return Poll::Ready(result);
        }
        let replaced = match &mut *state {
            State::Pending(waker) => waker.replace(context.waker().clone()),
            State::Answered(_) | State::Taken => None,
        };
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl<T> Drop for HashJob<T> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.queue.cancel(id);
        }
    }
}
