//! What the access log costs that is on by default.

use super::{CLIENTS, WARM_UP, bearer_requests};
use crate::database::Database;
use crate::failure::Outcome;
use crate::load::Repeat;
use crate::report::{Quantity, Required, Row};
use crate::run::{Bench, rounded};
use crate::server::Server;

pub(super) fn measure(bench: &mut Bench<'_>) -> Outcome<()> {
    let (silent_database, database) = (Database::sqlite()?, Database::sqlite()?);
    let silent = Server::start(&silent_database, &[])?;
    let logging = Server::start_logging(&database)?;
    let script = |server: &Server| -> Outcome<Repeat> {
        let accounts = server.register(CLIENTS)?;
        Ok(Repeat { requests: bearer_requests("/users/me", &accounts), status: 200 })
    };
    let (mut to_logging, mut to_silent) = (script(&logging)?, script(&silent)?);
    let (mut measured, mut against) = (Vec::new(), Vec::new());
    for _ in 0..bench.repetitions() {
        measured.push(bench.load(logging.address(), CLIENTS, &mut to_logging, WARM_UP)?.rate);
        against.push(bench.load(silent.address(), CLIENTS, &mut to_silent, WARM_UP)?.rate);
    }
    let work = "GET /users/me, 64 clients, SQLite, AUTH_LOG=info to a pipe";
    bench.add(Row::ratio(work, "/s", &measured, ("AUTH_LOG=warn", &against), Required::Nothing));
    let written = Quantity { value: rounded(logging.logged() / (1024 * 1024)), unit: "MiB" };
    bench.add(Row::figure("log written meanwhile", written, Required::Nothing));
    Ok(())
}
