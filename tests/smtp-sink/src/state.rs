//! What the connections and the test share.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::mail::ReceivedMail;
use crate::mode::Mode;

#[derive(Default)]
pub(crate) struct State {
    mode: Mutex<Mode>,
    mails: Mutex<Vec<ReceivedMail>>,
    arrived: Condvar,
    counts: Mutex<Counts>,
    connections: Mutex<Connections>,
}

#[derive(Default)]
struct Counts {
    connections: usize,
    commands: BTreeMap<String, usize>,
}

#[derive(Default)]
struct Connections {
    stopped: bool,
    open: BTreeMap<usize, TcpStream>,
}

impl State {
    pub(crate) fn mode(&self) -> Mode {
        lock(&self.mode).clone()
    }

    pub(crate) fn set_mode(&self, mode: Mode) {
        *lock(&self.mode) = mode;
    }

    pub(crate) fn mails(&self) -> Vec<ReceivedMail> {
        lock(&self.mails).clone()
    }

    pub(crate) fn keep(&self, mail: ReceivedMail) {
        lock(&self.mails).push(mail);
        self.arrived.notify_all();
    }

    pub(crate) fn forget_mails(&self) {
        lock(&self.mails).clear();
    }

    /// Blocks until the mails are as wanted, or the time is over; returns those there are.
    pub(crate) fn wait(
        &self,
        wanted: impl Fn(&[ReceivedMail]) -> bool,
        within: Duration,
    ) -> Result<Vec<ReceivedMail>, usize> {
        let end = Instant::now() + within;
        let mut mails = lock(&self.mails);
        while !wanted(&mails) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(mails.len());
            }
            mails = self.arrived.wait_timeout(mails, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(mails.clone())
    }

    pub(crate) fn count_command(&self, verb: &str) {
        *lock(&self.counts).commands.entry(verb.to_owned()).or_default() += 1;
    }

    pub(crate) fn commands(&self, verb: &str) -> usize {
        lock(&self.counts).commands.get(verb).copied().unwrap_or_default()
    }

    pub(crate) fn connections(&self) -> usize {
        lock(&self.counts).connections
    }

    pub(crate) fn open_connections(&self) -> usize {
        lock(&self.connections).open.len()
    }

    /// Counts a connection and keeps a handle of it, so that stopping can close it; `None` after the stop.
    pub(crate) fn open(&self, stream: &TcpStream) -> Option<usize> {
        let number = {
            let mut counts = lock(&self.counts);
            counts.connections += 1;
            counts.connections
        };
        let mut connections = lock(&self.connections);
        if connections.stopped {
            return None;
        }
        connections.open.insert(number, stream.try_clone().ok()?);
        Some(number)
    }

    pub(crate) fn close(&self, number: usize) {
        if let Some(stream) = lock(&self.connections).open.remove(&number) {
            _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn stop(&self) {
        let mut connections = lock(&self.connections);
        connections.stopped = true;
        for stream in connections.open.values() {
            _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        lock(&self.connections).stopped
    }
}

/// A thread that panicked has said so; what it left is still good to look at.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
