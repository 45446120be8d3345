//! A unit of work on its way to a thread with a connection, and its answer on the way back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::running::Caller;
use crate::connection::DbConnection;
use crate::error::DbError;

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Failed,
    Panicked,
}

/// A job whose types are known to its caller alone.
pub(super) trait Job: Send {
    /// Does the work, once, and keeps the result.
    fn run(&mut self, connection: &mut DbConnection) -> Outcome;

    /// Takes back a success: what the job wrote is not kept.
    fn fail(&mut self, error: DbError);

    /// Sends the result.
    fn answer(self: Box<Self>);

    /// Whoever waits for the result.
    fn caller(&self) -> Arc<dyn Caller>;
}

/// The way back to the caller, good for one answer.
struct Reply<T, E>(Mutex<Option<oneshot::Sender<Result<T, E>>>>);

impl<T, E> Reply<T, E> {
    fn send(&self, result: Result<T, E>) {
        let caller = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A caller that stopped waiting is no error: the work is done all the same.
        let _ = caller.map(|caller| caller.send(result));
    }
}

impl<T: Send, E: From<DbError> + Send> Caller for Reply<T, E> {
    fn give_up(&self) {
        self.send(Err(DbError::Unavailable("no answer in time").into()));
    }
}

struct Work<F, T, E> {
    todo: Option<F>,
    result: Option<Result<T, E>>,
    reply: Arc<Reply<T, E>>,
}

/// The caller's end.
pub(super) struct Answer<T, E>(oneshot::Receiver<Result<T, E>>);

pub(super) fn job<F, T, E>(work: F) -> (Box<dyn Job>, Answer<T, E>)
where
    F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    let (caller, answer) = oneshot::channel();
    let reply = Arc::new(Reply(Mutex::new(Some(caller))));
    (Box::new(Work { todo: Some(work), result: None, reply }), Answer(answer))
}

impl<F, T, E> Job for Work<F, T, E>
where
    F: FnOnce(&mut DbConnection) -> Result<T, E> + Send,
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    fn run(&mut self, connection: &mut DbConnection) -> Outcome {
        let Some(work) = self.todo.take() else { return Outcome::Failed };
        // Whoever runs jobs discards or rolls back a connection that a panic went through.
        let Ok(result) = catch_unwind(AssertUnwindSafe(|| work(connection))) else {
            self.result = Some(Err(DbError::Internal("a database job panicked".into()).into()));
            return Outcome::Panicked;
        };
        let outcome = if result.is_ok() { Outcome::Done } else { Outcome::Failed };
        self.result = Some(result);
        outcome
    }

    fn fail(&mut self, error: DbError) {
        if !matches!(self.result, Some(Err(_))) {
            self.result = Some(Err(error.into()));
        }
    }

    fn answer(self: Box<Self>) {
        let Self { result, reply, .. } = *self;
        reply.send(result.unwrap_or_else(|| Err(stopped().into())));
    }

    fn caller(&self) -> Arc<dyn Caller> {
        Arc::clone(&self.reply) as Arc<dyn Caller>
    }
}

impl<T, E: From<DbError>> Answer<T, E> {
    pub(super) async fn receive(self) -> Result<T, E> {
        self.0.await.unwrap_or_else(|_| Err(stopped().into()))
    }

    /// Unlike tokio's own way of waiting, this one may be called on a runtime's thread: a service that starts there
    /// blocks it on purpose.
    pub(super) fn wait(self) -> Result<T, E> {
        pollster::block_on(self.receive())
    }
}

const fn stopped() -> DbError {
    DbError::Unavailable("the database's threads have stopped")
}
