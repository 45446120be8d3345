//! What operators are told when Redis fails: once for each cause, and once when it is over.

use std::sync::{Mutex, MutexGuard, PoisonError};

use redis::{ErrorKind, RedisError};

/// The trouble that was told last and is not over.
#[derive(Default)]
pub(super) struct Troubles(Mutex<Option<String>>);

impl Troubles {
    pub(super) fn note(&self, cause: String) {
        let mut last = self.last();
        if last.as_ref() != Some(&cause) {
            tracing::warn!(cause, "Redis is out of reach: half-way sign-ins and flows at providers are refused");
            *last = Some(cause);
        }
    }

    pub(super) fn end(&self) {
        if self.last().take().is_some() {
            tracing::info!("Redis answers again");
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether Redis has reached its `maxmemory` and may drop nothing. Inside of a script, Redis 6 gives it another code.
pub(super) fn is_full(error: &RedisError) -> bool {
    error.code() == Some("OOM") || error.detail().is_some_and(|detail| detail.contains("-OOM "))
}

/// What happened, in words that are ours or the system's: Redis quotes commands in its own, and some carry passwords.
pub(super) fn cause(error: &RedisError) -> String {
    match error.code() {
        _ if error.kind() == ErrorKind::Io => error.to_string(),
        Some(code) => format!("it answered {code}"),
        None => error.category().to_owned(),
    }
}
