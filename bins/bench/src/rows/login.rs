//! Log-ins a second against hashes a second, and whether everybody gets their turn.

use auth_core::password::Argon2Backend;

use super::{CLIENTS, CROWD, LOG_IN_WARM_UP, LogIns};
use crate::database::Database;
use crate::failure::Outcome;
use crate::reference::hashes;
use crate::report::{Required, Row};
use crate::run::Bench;
use crate::sample::percentile;
use crate::server::Server;

pub(super) fn measure(bench: &mut Bench<'_>) -> Outcome<()> {
    let database = Database::sqlite()?;
    let server = Server::start(&database, &[])?;
    let mut script = LogIns::new(&server.register(CROWD)?);
    let [mut rates, mut slowest, mut middle, mut same, mut portable] = [const { Vec::new() }; 5];
    for _ in 0..bench.repetitions() {
        let mut traffic = bench.load(server.address(), CLIENTS, &mut script, LOG_IN_WARM_UP)?;
        rates.push(traffic.rate);
        slowest.push(f64::from(percentile(&mut traffic.latencies, 99)) / 1000.0);
        middle.push(f64::from(percentile(&mut traffic.latencies, 50)) / 1000.0);
        same.push(hashes::rate(Argon2Backend::Auto, bench.duration())?);
        portable.push(hashes::rate(Argon2Backend::Portable, bench.duration())?);
    }
    let work = "log-ins, 64 clients";
    bench.add(Row::ratio(work, "/s", &rates, ("raw hashes, same back end", &same), Required::AtLeast(0.95)));
    bench.add(Row::ratio(work, "/s", &rates, ("raw hashes, portable", &portable), Required::AtLeast(1.9)));
    let work = "log-in p99, 64 clients";
    bench.add(Row::ratio(work, "ms", &slowest, ("its p50", &middle), Required::AtMost(1.2)));
    Ok(())
}
