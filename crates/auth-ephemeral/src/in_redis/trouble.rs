//! What operators are told when Redis fails: once for each cause, and once when it is over.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redis::{Arg, Cmd, ErrorKind, RedisError};

/// The trouble that was told last and is not over.
#[derive(Default)]
pub(super) struct Troubles(Mutex<Option<String>>);

/// The same of the connection that news come on.
#[derive(Default)]
pub(super) struct NewsTroubles(Option<String>);

/// The commands that Redis refused because of who asks, or doesn't know: each is told once.
#[derive(Default)]
pub(super) struct Refusals(Mutex<BTreeSet<String>>);

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

impl NewsTroubles {
    pub(super) fn note(&mut self, cause: String) {
        if self.0.as_ref() != Some(&cause) {
            tracing::warn!(cause, "no news come by Redis: what other instances do is heard of more slowly");
            self.0 = Some(cause);
        }
    }

    pub(super) fn end(&mut self) {
        if self.0.take().is_some() {
            tracing::info!("news come by Redis again");
        }
    }
}

impl Refusals {
    pub(super) fn note(&self, command: &Cmd) {
        let Some(Arg::Simple(name)) = command.args_iter().next() else { return };
        let name = String::from_utf8_lossy(name).into_owned();
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone()) {
            tracing::warn!(
                command = name,
                "Redis refuses a command: what needs it doesn't work until this user may use it"
            );
        }
    }
}

/// Whether Redis is well and won't do this for us: by its rules for this user, or since the command was renamed. Scripts
/// that run into it answer with another code, in words.
pub(super) fn is_forbidden(error: &RedisError) -> bool {
    const WORDS: [&str; 4] =
        ["can't run this command", "can't access at least one", "nknown command", "nknown Redis command"];
    let in_words = |detail: &str| WORDS.iter().any(|words| detail.contains(words));
    error.code() == Some("NOPERM") || error.detail().is_some_and(in_words)
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
