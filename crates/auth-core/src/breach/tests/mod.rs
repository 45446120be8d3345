//! The client against a real server: what is on the wire, every kind of answer, and the breaker.

mod answers;
mod breaker;
mod server;
mod wire;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use self::server::{RangeServer, Reply};
use super::*;
use crate::breaker::BreakerConfig;
use crate::time::ManualClock;

const RECOVERY: Duration = Duration::from_secs(30);
/// Long enough for a busy machine: no test waits for it.
const PATIENT: Duration = Duration::from_mins(1);
/// For the tests that wait until it is over.
const SHORT: Duration = Duration::from_millis(300);

/// A breaker that opens after `failures`, and its clock.
fn breaker(failures: u32) -> (Arc<Breaker>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let config = BreakerConfig { failures: NonZeroU32::new(failures).unwrap(), recovery: RECOVERY };
    (Arc::new(Breaker::new(config, clock.clone())), clock)
}

fn client(url: Url, timeout: Duration, breaker: &Arc<Breaker>) -> BreachedPasswords {
    BreachedPasswords::new(BreachConfig { url, timeout }, Arc::clone(breaker)).unwrap()
}

fn password() -> Password {
    Password::new("password").unwrap()
}

/// Runs on one thread, as a test of `tokio::test` would.
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// What "password" is found to be by an answer.
fn verdict(reply: Reply) -> BreachVerdict {
    let server = RangeServer::start(reply);
    run(async { client(server.url(), PATIENT, &breaker(1).0).check(&password()).await })
}
