//! What only one instance should do at a time, so that they don't do it twice or get into each other's way.
//!
//! A lease goes by the instances' own clocks, and a paused process doesn't know that its lease has run out: for a while two
//! may hold it. So whatever is done under one has to be right without it, by conditional statements as everywhere;
//! the lease spares work and waiting, no more.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use auth_core::Timestamp;
use auth_persistence::{DbError, lease};
use uuid::Uuid;

use crate::service::Inner;

/// How long an instance that died is waited for.
const LIFE: Duration = Duration::from_secs(30);

/// A lease that has less than this left is renewed: whoever asks each second writes a few times a minute.
const RENEWED_BEFORE: Duration = Duration::from_secs(20);

/// What this process holds.
#[derive(Debug)]
pub(crate) struct Leases {
    holder: Uuid,
    /// Until when, by name.
    held: Mutex<HashMap<&'static str, Timestamp>>,
}

impl Leases {
    /// `holder` names this process alone.
    pub(crate) fn new(holder: Uuid) -> Self {
        Self { holder, held: Mutex::default() }
    }

    /// Whether enough is left of the lease at `now`; one that seems to last longer than any was taken before the clock
    /// was set back.
    fn is_held(&self, name: &str, now: Timestamp) -> bool {
        let until = self.held.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        until.is_some_and(|until| until > now.plus(RENEWED_BEFORE) && until <= now.plus(LIFE))
    }

    fn note(&self, name: &'static str, until: Option<Timestamp>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match until {
            Some(until) => held.insert(name, until),
            None => held.remove(name),
        };
    }

    fn take_all(&self) -> Vec<&'static str> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).drain().map(|(name, _)| name).collect()
    }
}

impl Inner {
    /// Whether this instance may do what `name` stands for now: takes the lease if nobody holds it, and renews it. Ask
    /// before each piece of the work.
    ///
    /// # Errors
    ///
    /// When the database can't be written; the work waits then.
    pub(crate) async fn holds_lease(&self, name: &'static str) -> Result<bool, DbError> {
        let (holder, now) = (self.leases.holder, self.clock.now());
        if self.leases.is_held(name, now) {
            return Ok(true);
        }
        let until = now.plus(LIFE);
        let is_mine = self.database.write(move |conn| lease::take(conn, name, holder, now, until)).await?;
        self.leases.note(name, is_mine.then_some(until));
        Ok(is_mine)
    }

    /// Gives up all leases, so that another instance goes on at once.
    ///
    /// # Errors
    ///
    /// When the database can't be written; the leases run out then.
    pub(crate) async fn release_leases(&self) -> Result<(), DbError> {
        let holder = self.leases.holder;
        for name in self.leases.take_all() {
            self.database.write(move |conn| lease::release(conn, name, holder)).await?;
        }
        Ok(())
    }
}
