//! What a crowd that logs in costs in memory.

use super::{CROWD, LOG_IN_WARM_UP, LogIns};
use crate::database::Database;
use crate::failure::Outcome;
use crate::memory::{peak_during, pss};
use crate::report::{Required, Row};
use crate::run::{Bench, cores, rounded};
use crate::server::Server;

const CLIENTS: usize = 256;

/// Argon2's memory with default parameters, in MiB.
const PER_THREAD: f64 = 19.0;

/// What everything else may take, in MiB.
const MARGIN: f64 = 16.0;

pub(super) fn measure(bench: &mut Bench<'_>) -> Outcome<()> {
    let database = Database::sqlite()?;
    let server = Server::start(&database, &[])?;
    let idle = pss(server.pid())?;
    let mut script = LogIns::new(&server.register(CROWD)?);
    let mut peak = 0.0_f64;
    for _ in 0..bench.repetitions() {
        let load = || bench.load(server.address(), CLIENTS, &mut script, LOG_IN_WARM_UP);
        let (traffic, now) = peak_during(server.pid(), load)?;
        traffic?;
        peak = peak.max(now);
    }
    let allowed = idle + rounded(cores() as u64) * PER_THREAD + MARGIN;
    let against = ("idle + threads × 19 MiB + 16 MiB", &[allowed][..]);
    bench.add(Row::ratio("peak memory (PSS), 256 clients logging in", "MiB", &[peak], against, Required::AtMost(1.0)));
    Ok(())
}
