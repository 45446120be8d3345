//! Whether people who are signed in notice that many others sign in.

use std::time::Duration;

use super::{CLIENTS, CROWD, LOG_IN_WARM_UP, LogIns, bearer_requests};
use crate::database::Database;
use crate::failure::{Failure, Outcome};
use crate::load::{self, Traffic};
use crate::pace::{self, Paced};
use crate::report::{Required, Row};
use crate::run::Bench;
use crate::sample::percentile;
use crate::server::Server;

/// Between two requests of those who are signed in: 200 a second.
const INTERVAL: Duration = Duration::from_millis(5);

pub(super) fn measure(bench: &mut Bench<'_>) -> Outcome<()> {
    let database = Database::sqlite()?;
    let server = Server::start(&database, &[])?;
    let accounts = server.register(CLIENTS + CROWD)?;
    let (signed_in, crowd) = accounts.split_at(CLIENTS);
    let (requests, mut script) = (bearer_requests("/users/me", signed_in), LogIns::new(crowd));
    let [mut calm, mut stormy, mut undisturbed, mut disturbed] = [const { Vec::new() }; 4];
    for _ in 0..bench.repetitions() {
        let alone = pace::run(server.address(), &requests, INTERVAL, bench.duration());
        calm.push(p99(bench, alone));
        undisturbed.push(bench.load(server.address(), CLIENTS, &mut script, LOG_IN_WARM_UP)?.rate);
        let (paced, traffic) = both(bench, &server, &requests, &mut script)?;
        stormy.push(p99(bench, paced));
        disturbed.push(traffic.rate);
    }
    let work = "p99 of GET /users/me at 200/s while 64 clients log in";
    bench.add(Row::ratio(work, "ms", &stormy, ("its p99 alone", &calm), Required::AtMost(2.0)));
    let work = "log-ins while GET /users/me is asked 200/s";
    bench.add(Row::ratio(work, "/s", &disturbed, ("log-ins alone", &undisturbed), Required::AtLeast(0.95)));
    Ok(())
}

/// The 99th percentile in milliseconds.
fn p99(bench: &mut Bench<'_>, mut paced: Paced) -> f64 {
    bench.count_errors(paced.errors);
    f64::from(percentile(&mut paced.latencies, 99)) / 1000.0
}

fn both(
    bench: &mut Bench<'_>,
    server: &Server,
    requests: &[Vec<u8>],
    script: &mut LogIns,
) -> Outcome<(Paced, Traffic)> {
    let (address, span) = (server.address(), bench.span(LOG_IN_WARM_UP));
    std::thread::scope(|scope| {
        let storm = scope.spawn(|| load::run(address, CLIENTS, script, span));
        std::thread::park_timeout(span.warm_up);
        let paced = pace::run(address, requests, INTERVAL, span.measured);
        let mut traffic = storm.join().map_err(|_| Failure::from("the load panicked"))??;
        bench.count_errors(std::mem::take(&mut traffic.errors));
        Ok((paced, traffic))
    })
}
