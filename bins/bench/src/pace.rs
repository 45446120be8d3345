//! Open-loop load: requests leave at their time, whether earlier ones were answered or not, as those of many people
//! do. A closed loop would ask a slow server less often and so hide how slow it is.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::errors::Errors;
use crate::http::Connection;

/// Connections that take turns: an answer may take this many intervals before it holds up a request.
const CONNECTIONS: u32 = 16;

/// What the callers saw.
#[derive(Debug, Default)]
pub(crate) struct Paced {
    /// How long each right answer took, in microseconds, from when its request was due.
    pub(crate) latencies: Vec<u32>,
    pub(crate) errors: Errors,
}

/// Sends one of `requests` every `interval` for as long as `duration`, and expects 200.
pub(crate) fn run(address: SocketAddr, requests: &[Vec<u8>], interval: Duration, duration: Duration) -> Paced {
    let begin = Instant::now() + interval;
    let mut all = Paced::default();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let caller = Caller {
                    request: &requests[number as usize % requests.len()],
                    first: begin + interval * number,
                    every: interval * CONNECTIONS,
                    until: begin + duration,
                };
                scope.spawn(move || caller.call(address))
            })
            .collect();
        for caller in callers {
            match caller.join() {
                Ok(Ok(mut paced)) => {
                    all.latencies.append(&mut paced.latencies);
                    all.errors.merge(paced.errors);
                }
                Ok(Err(error)) => all.errors.add(|| error.to_string()),
                Err(_) => all.errors.add(|| "a caller panicked".to_owned()),
            }
        }
    });
    all
}

struct Caller<'a> {
    request: &'a [u8],
    first: Instant,
    every: Duration,
    until: Instant,
}

impl Caller<'_> {
    fn call(&self, address: SocketAddr) -> io::Result<Paced> {
        let mut connection = Connection::open(address)?;
        let mut paced = Paced::default();
        let mut due = self.first;
        while due < self.until {
            // How late this thread itself wakes is no matter of the server's, but a late last answer is.
            let from = if Instant::now() < due { wait_until(due) } else { due };
            let answer = connection.exchange(self.request)?;
            match answer.status {
                200 => {
                    let micros = from.elapsed().as_micros();
                    paced.latencies.push(u32::try_from(micros).unwrap_or(u32::MAX));
                }
                _ => paced.errors.add(|| answer.describe()),
            }
            due += self.every;
        }
        Ok(paced)
    }
}

/// Waits, and tells when it really was.
fn wait_until(due: Instant) -> Instant {
    loop {
        let now = Instant::now();
        match due.checked_duration_since(now) {
            None | Some(Duration::ZERO) => return now,
            Some(left) => std::thread::park_timeout(left),
        }
    }
}
