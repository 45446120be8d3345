//! A corner of a Redis that others may use, too: keys under a prefix of one test's own, gone at its end.

use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::{OsRandom, Random as _, SystemClock};
use auth_ephemeral::{EphemeralStore, Redis, RedisConfig};
use redis::{Client, Connection, FromRedisValue, cmd};

use crate::contract::Subject;

/// Longer than any test takes: what is over by the test's time is deleted, and nothing else may end by Redis's.
const SLACK: Duration = Duration::from_hours(1);

/// Longer than any entry of the contract lives by the test's time, and shorter than one with slack by Redis's.
const LONGEST_LIFE: Duration = Duration::from_mins(30);

/// The store under test, in a corner of its own.
pub(crate) struct InRedis {
    corner: Corner,
    store: EphemeralStore,
}

pub(crate) struct Corner {
    pub(crate) prefix: String,
    admin: Mutex<Connection>,
}

impl Subject for InRedis {
    /// Nothing is bounded here but Redis as a whole.
    const FLOOD: u64 = 2_000;

    fn new() -> Option<Self> {
        let corner = Corner::new()?;
        let store = store(&corner.prefix);
        Some(Self { corner, store })
    }

    fn store(&self) -> &EphemeralStore {
        &self.store
    }

    /// Brings the end of each entry nearer. Redis's own time goes on meanwhile, so an entry that has some left by the
    /// test's time gets an hour on top, which is taken off it the next time.
    fn pass(&self, span: Duration) {
        for name in self.names() {
            let left = Duration::from_millis(self.ask("PTTL", &[&name]));
            let slack = if left > LONGEST_LIFE { SLACK } else { Duration::ZERO };
            match left.checked_sub(slack + span).filter(|left| !left.is_zero()) {
                None => self.ask::<()>("DEL", &[&name]),
                Some(left) => self.ask::<()>("PEXPIRE", &[&name, &(left + SLACK).as_millis().to_string()]),
            }
        }
    }
}

impl Deref for InRedis {
    type Target = Corner;

    fn deref(&self) -> &Corner {
        &self.corner
    }
}

impl Corner {
    pub(crate) fn new() -> Option<Self> {
        let admin = connect()?;
        let mut random = [0; 8];
        OsRandom.fill(&mut random);
        let prefix = format!("gatehouse_test:{:016x}:", u64::from_be_bytes(random));
        Some(Self { prefix, admin: Mutex::new(admin) })
    }

    /// What another instance has.
    pub(crate) fn redis(&self) -> Redis {
        redis(&self.prefix)
    }

    /// The names of all entries.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.ask("KEYS", &[&format!("{}*", self.prefix)]);
        names.sort_unstable();
        names
    }

    /// What Redis says to a command, beside the store.
    pub(crate) fn ask<T: FromRedisValue>(&self, name: &str, arguments: &[&str]) -> T {
        cmd(name).arg(arguments).query(&mut *self.admin.lock().unwrap()).unwrap()
    }

    pub(crate) fn set(&self, name: &str, value: &[u8]) {
        cmd("SET").arg(name).arg(value).arg("KEEPTTL").exec(&mut *self.admin.lock().unwrap()).unwrap();
    }
}

impl Drop for Corner {
    fn drop(&mut self) {
        for name in self.names() {
            self.ask::<()>("DEL", &[&name]);
        }
    }
}

/// A store of another instance.
pub(crate) fn store(prefix: &str) -> EphemeralStore {
    EphemeralStore::in_redis(&redis(prefix))
}

fn redis(prefix: &str) -> Redis {
    let mut config = RedisConfig::new(url());
    prefix.clone_into(&mut config.prefix);
    // On a machine with other work nobody knows how long an answer takes.
    config.timeout = Duration::from_mins(1);
    Redis::open(config, Arc::new(SystemClock), Arc::new(OsRandom)).unwrap()
}

fn url() -> String {
    std::env::var("GATEHOUSE_TEST_REDIS").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned())
}

/// A continuous integration without Redis would prove half of what it seems to prove.
fn connect() -> Option<Connection> {
    match Client::open(url()).and_then(|client| client.get_connection()) {
        Ok(connection) => Some(connection),
        Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => panic!("Redis is not reachable: {error}"),
        Err(_) => {
            // Straight to standard error, and once: what a passing test prints by macro is not shown.
            static ONCE: std::sync::Once = std::sync::Once::new();
            ONCE.call_once(|| {
                let _ = std::io::Write::write_all(&mut std::io::stderr(), b"LEFT OUT: Redis is not reachable\n");
            });
            None
        }
    }
}
