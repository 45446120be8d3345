//! How soon a session that ended at one instance is over at all, and what remembering many of them costs.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use auth_persistence::DatabaseConfig;
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};

use super::{CHEAP, CLIENTS, WARM_UP, bearer_requests};
use crate::account::Account;
use crate::database::Database;
use crate::errors::Errors;
use crate::failure::Outcome;
use crate::http::{self, Connection};
use crate::load::Repeat;
use crate::memory::pss;
use crate::report::{Quantity, Required, Row};
use crate::run::Bench;
use crate::sample::percentile;
use crate::server::Server;

/// Where Redis is, if it is there.
const REDIS: &str = "127.0.0.1:6379";

const INSTANCES: usize = 3;

/// Log-outs for each repetition of other rows.
const LOG_OUTS: usize = 30;

/// Between two questions whether a session is over: what is measured is no finer.
const PAUSE: Duration = Duration::from_millis(1);

/// How long it may take until everybody knows, before it counts as an error.
const PATIENCE: Duration = Duration::from_secs(10);

/// Revocations that are remembered.
const LISTED: u32 = 100_000;

/// Until everything that happens at the start has happened.
const SETTLED: Duration = Duration::from_secs(2);

pub(super) fn measure(bench: &mut Bench<'_>) -> Outcome<()> {
    let prefix = format!("gatehouse_bench_{}:", std::process::id());
    let url = format!("redis://{REDIS}");
    let with_redis = [("REDIS_URL", &*url), ("AUTH_REDIS_PREFIX", &*prefix)];
    let redis = TcpStream::connect(REDIS).map(drop).map_err(|_| "left out: no Redis");
    everywhere(
        bench,
        "log-out at one of 3 instances until all refuse, p99, with Redis",
        250.0,
        redis.map(|()| &with_redis[..]),
    )?;
    everywhere(bench, "log-out at one of 3 instances until all refuse, p99, without Redis", 1000.0, Ok(&[]))?;
    many_listed(bench)
}

/// How long it takes until no instance takes an access token whose session has ended.
fn everywhere(
    bench: &mut Bench<'_>,
    work: &str,
    bound: f64,
    settings: Result<&[(&str, &str)], &'static str>,
) -> Outcome<()> {
    let database = Database::postgres()?.ok_or("left out: no PostgreSQL");
    let (database, settings) = match database.and_then(|database| Ok((database, settings?))) {
        Ok(given) => given,
        Err(missing) => {
            bench.add(Row::problem(work, missing.to_owned(), None));
            return Ok(());
        }
    };
    let settings = [&CHEAP, settings].concat();
    let first = Server::start(&database, &settings)?;
    // Before there are others, which would send its mails to mail servers of their own.
    let accounts = first.register(LOG_OUTS * bench.repetitions())?;
    let others = (1..INSTANCES).map(|_| Server::start(&database, &settings));
    let servers = std::iter::once(Ok(first)).chain(others).collect::<Outcome<Vec<_>>>()?;
    let open = |server: &Server| Connection::open(server.address());
    let mut connections = servers.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let (mut latencies, mut errors) = (Vec::new(), Errors::default());
    for (number, account) in accounts.iter().enumerate() {
        match log_out(&mut connections, number % INSTANCES, account)? {
            Some(taken) => latencies.push(u32::try_from(taken.as_micros()).unwrap_or(u32::MAX)),
            None => errors.add(|| format!("a session outlived its log-out by {PATIENCE:?}")),
        }
    }
    bench.count_errors(errors);
    let taken = Quantity { value: f64::from(percentile(&mut latencies, 99)) / 1000.0, unit: "ms" };
    bench.add(Row::figure(work, taken, Required::AtMost(bound)));
    Ok(())
}

/// Signs out at instance `at`: how long after the answer the last instance refuses.
fn log_out(connections: &mut [Connection], at: usize, account: &Account) -> Outcome<Option<Duration>> {
    let verify = http::get("/auth/verify", Some(&account.access_token));
    for connection in &mut *connections {
        expect(204, connection.exchange(&verify)?.status)?;
    }
    expect(204, connections[at].exchange(&http::post_as("/auth/logout", &account.access_token))?.status)?;
    let ended = Instant::now();
    let mut believers: Vec<&mut Connection> = connections.iter_mut().collect();
    while ended.elapsed() < PATIENCE {
        let mut left = Vec::new();
        for connection in believers {
            if connection.exchange(&verify)?.status != 401 {
                left.push(connection);
            }
        }
        if left.is_empty() {
            return Ok(Some(ended.elapsed()));
        }
        believers = left;
        std::thread::park_timeout(PAUSE);
    }
    Ok(None)
}

fn expect(status: u16, got: u16) -> Outcome<()> {
    if got == status { Ok(()) } else { Err(format!("answered {got} instead of {status}").into()) }
}

/// What a list of many revocations takes, and what it costs those who aren't on it.
fn many_listed(bench: &mut Bench<'_>) -> Outcome<()> {
    let (none, many) = (Database::sqlite()?, Database::sqlite()?);
    fill(&many)?;
    let (none, many) = (Server::start(&none, &CHEAP)?, Server::start(&many, &CHEAP)?);
    std::thread::park_timeout(SETTLED);
    let memory = Quantity { value: pss(many.pid())? - pss(none.pid())?, unit: "MiB" };
    let there = listed(&many)?;
    if there != LISTED.to_string() {
        return Err(format!("{there} revocations are listed instead of {LISTED}").into());
    }
    let script = |server: &Server| -> Outcome<Repeat> {
        let requests = bearer_requests("/auth/verify", &server.register(CLIENTS)?);
        Ok(Repeat { requests, status: 204 })
    };
    let (mut beside_many, mut beside_none) = (script(&many)?, script(&none)?);
    let (mut measured, mut against) = (Vec::new(), Vec::new());
    for _ in 0..bench.repetitions() {
        measured.push(bench.load(many.address(), CLIENTS, &mut beside_many, WARM_UP)?.rate);
        against.push(bench.load(none.address(), CLIENTS, &mut beside_none, WARM_UP)?.rate);
    }
    let work = "GET /auth/verify, 64 clients, 100 000 revocations listed";
    bench.add(Row::ratio(work, "/s", &measured, ("none listed", &against), Required::AtLeast(1.0 / 1.1)));
    bench.add(Row::figure("memory (PSS) for 100 000 revocations", memory, Required::AtMost(16.0)));
    Ok(())
}

/// Makes the tables and revocations of 5 minutes ago: known from the start on, and not read again and again.
fn fill(database: &Database) -> Outcome<()> {
    let opened = auth_persistence::Database::open(DatabaseConfig::new(database.url()))?;
    opened.migrate()?;
    opened.close();
    let file = database.file();
    let mut connection = SqliteConnection::establish(file.to_str().ok_or("a path that is not UTF-8")?)?;
    connection.batch_execute(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {LISTED}),
            now (micros) AS (SELECT unixepoch() * 1000000)
         INSERT INTO revocations (id, at, session_id, expires_at)
         SELECT unhex(printf('%012x7%03x8%015x', 1700000000000 + i, 0, i)), micros - 300000000,
            unhex(printf('%012x7%03x9%015x', 1700000000000 + i, 0, i)), micros + 3600000000
         FROM n, now; PRAGMA wal_checkpoint(TRUNCATE)"
    ))?;
    Ok(())
}

/// How many revocations a server remembers, as it says itself.
fn listed(server: &Server) -> Outcome<String> {
    let mut connection = Connection::open(server.address())?;
    let answer = connection.exchange(&http::get("/metrics", None))?;
    let text = std::str::from_utf8(answer.body)?;
    let listed = text.lines().find_map(|line| line.strip_prefix("auth_revocations_listed "));
    Ok(listed.ok_or("no auth_revocations_listed in the metrics")?.to_owned())
}
