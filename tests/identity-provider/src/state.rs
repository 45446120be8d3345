//! What the connections and the test share.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::grants::Grants;
use crate::recorded::Recorded;
use crate::settings::Settings;

pub(crate) struct State {
    settings: Mutex<Settings>,
    grants: Mutex<Grants>,
    requests: Mutex<Vec<Recorded>>,
    connections: Mutex<Connections>,
    stopped: Condvar,
}

#[derive(Default)]
struct Connections {
    stopped: bool,
    count: usize,
    open: BTreeMap<usize, TcpStream>,
}

impl State {
    pub(crate) fn new(url: String) -> Self {
        Self {
            settings: Mutex::new(Settings::new(url)),
            grants: Mutex::default(),
            requests: Mutex::default(),
            connections: Mutex::default(),
            stopped: Condvar::new(),
        }
    }

    pub(crate) fn settings(&self) -> MutexGuard<'_, Settings> {
        lock(&self.settings)
    }

    /// To be locked after the settings where both are needed.
    pub(crate) fn grants(&self) -> MutexGuard<'_, Grants> {
        lock(&self.grants)
    }

    pub(crate) fn requests(&self) -> MutexGuard<'_, Vec<Recorded>> {
        lock(&self.requests)
    }

    /// Keeps a handle of a connection, so that stopping can close it; `None` after the stop.
    pub(crate) fn open(&self, stream: &TcpStream) -> Option<usize> {
        let mut connections = lock(&self.connections);
        if connections.stopped {
            return None;
        }
        connections.count += 1;
        let number = connections.count;
        connections.open.insert(number, stream.try_clone().ok()?);
        Some(number)
    }

    pub(crate) fn close(&self, number: usize) {
        if let Some(stream) = lock(&self.connections).open.remove(&number) {
            _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn open_connections(&self) -> usize {
        lock(&self.connections).open.len()
    }

    pub(crate) fn stop(&self) {
        let mut connections = lock(&self.connections);
        connections.stopped = true;
        for stream in connections.open.values() {
            _ = stream.shutdown(Shutdown::Both);
        }
        self.stopped.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        lock(&self.connections).stopped
    }

    /// Lets this time pass, unless the provider stops: whether it has.
    pub(crate) fn stops_within(&self, time: Duration) -> bool {
        let connections = lock(&self.connections);
        let waited = self.stopped.wait_timeout_while(connections, time, |connections| !connections.stopped);
        waited.unwrap_or_else(PoisonError::into_inner).0.stopped
    }
}

/// A thread that panicked has said so; what it left is still good to look at.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
