//! A server that dies at a chosen system call: strace sends SIGKILL when the call is entered, so it isn't carried out.

use crate::caller::Caller;
use crate::database::{Backend, TestDatabase};
use crate::process::{Launch, Process};
use crate::seeded::{Seeded, rounds};
use crate::sql;
use crate::tracer::Tracer;
use crate::wait::until;

/// What is done to a server that dies meanwhile.
pub(crate) trait Deed {
    /// What it takes, such as somebody's tokens.
    type Given;

    fn prepare(&mut self, caller: Caller, number: usize) -> Self::Given;

    /// Does it; false when the server died before it was over.
    fn act(&mut self, server: &mut Process, given: &Self::Given) -> bool;

    /// Fails if it was done by half. A server runs again, if it died.
    fn check(&mut self, caller: Caller, given: &Self::Given, done: bool);
}

/// Does `deed` again and again, and has the server die at the first write of it, at a later one, and so on, until it
/// has survived twice in a row: which of the server's threads writes next is chance, and a tracer may come late. By
/// default at every third write, from a random one on; `GATEHOUSE_FAULT_ROUNDS=75` takes all.
pub(crate) fn die_at_each_write(backend: &Backend, database: &TestDatabase, launch: &Launch, deed: &mut impl Deed) {
    let step = u64::from((75 / rounds(25).max(1)).max(1));
    let seeded = 1 + Seeded::from_environment("die at each write").below(step);
    // No deed gets past its first write.
    let mut at = 1;
    let mut server = launch.start();
    let (mut deaths, mut survived) = (0, 0);
    for number in 0.. {
        let given = deed.prepare(server.caller(), number);
        let Some(tracer) = doom(&server, write_of(backend), at) else { return };
        let done = deed.act(&mut server, &given);
        drop(tracer);
        if !done || !server.is_alive() {
            server.exit();
            wait_for_orphans(database);
            server = launch.start();
        }
        deed.check(server.caller(), &given, done);
        if done {
            survived += 1;
        } else {
            (deaths, survived) = (deaths + 1, 0);
        }
        if survived == 2 {
            println!("died {deaths} times within {at} writes, tried at every {step}");
            break;
        }
        at = if number == 0 { at + seeded } else { at + step };
    }
    assert!(deaths > 0, "it never died");
    server.kill();
    sql::check_integrity(&database.url);
}

/// A server with fewer writes of its own, which would come between.
pub(crate) fn launch(database: &TestDatabase) -> Launch {
    Launch::on(database).set("AUTH_REVOCATION_POLL", "1m").set("AUTH_REVOCATION_MAX_AGE", "off")
}

/// By which call something reaches the database.
const fn write_of(backend: &Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "pwrite64",
        Backend::Postgres => "sendto",
    }
}

/// PostgreSQL finishes the last statement of a killed client.
fn wait_for_orphans(database: &TestDatabase) {
    if database.is_postgres() {
        let others = "count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
                      AND backend_type = 'client backend'";
        until("the killed server's statements have ended", || sql::number(&database.url, others) == 0);
    }
}

/// Whichever thread enters `call` for the `at`-th time kills all. None, and said plainly, where nothing can be traced.
fn doom(server: &Process, call: &str, at: u64) -> Option<Tracer> {
    Tracer::inject(server, call, &format!("signal=SIGKILL:when={at}"), "servers that die at a chosen write")
}
