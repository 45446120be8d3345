//! How fast a server is there, and how little it takes while nothing happens.

use std::time::Duration;

use crate::database::Database;
use crate::failure::Outcome;
use crate::memory::pss;
use crate::report::{Quantity, Required, Row};
use crate::run::Bench;
use crate::sample::median;
use crate::server::Server;

const STARTS: usize = 20;

/// As it is by default.
const USUAL: [(&str, &str); 1] = [("AUTH_HIBP", "on")];

/// Until everything that happens at the start has happened.
const SETTLED: Duration = Duration::from_secs(2);

pub(super) fn measure(bench: &mut Bench<'_>) -> Outcome<()> {
    let database = Database::sqlite()?;
    Server::start(&database, &[])?.register(1)?;
    let starts = (0..STARTS).map(|_| Ok(Server::start(&database, &USUAL)?.start.as_secs_f64() * 1000.0));
    let starts: Vec<f64> = starts.collect::<Outcome<_>>()?;
    let start = Quantity { value: median(&starts), unit: "ms" };
    let work = "start to first healthy answer, existing database, median of 20";
    bench.add(Row::figure(work, start, Required::AtMost(50.0)));
    let server = Server::start(&database, &USUAL)?;
    std::thread::park_timeout(SETTLED);
    let idle = Quantity { value: pss(server.pid())?, unit: "MiB" };
    bench.add(Row::figure("idle memory (PSS)", idle, Required::AtMost(20.0)));
    Ok(())
}
