//! What rate limits cost those who stay below them, and whether three instances together keep to them.

use std::net::TcpStream;
use std::sync::Barrier;

use super::refresh::{Chains, STRICT};
use super::{CHEAP, CLIENTS, WARM_UP};
use crate::account;
use crate::database::Database;
use crate::errors::Errors;
use crate::failure::{Failure, Outcome};
use crate::http::Connection;
use crate::report::{Required, Row};
use crate::run::{Bench, rounded};
use crate::server::Server;

/// Where Redis is, if it is there.
const REDIS: &str = "127.0.0.1:6379";

const INSTANCES: usize = 3;

/// Log-ins at once, at all instances together.
const AT_ONCE: usize = INSTANCES * 50;

/// How many of them a limit lets through.
const QUOTA: f64 = 10.0;

pub(super) fn measure(bench: &mut Bench<'_>) -> Outcome<()> {
    refreshes(bench)?;
    exactly(bench, "account", &[("AUTH_RATE_LOGIN", "off"), ("AUTH_RATE_LOGIN_ACCOUNT", "10/1h")])?;
    exactly(bench, "address", &[("AUTH_RATE_LOGIN", "10/1h"), ("AUTH_RATE_LOGIN_ACCOUNT", "off")])
}

/// With a limit that nobody reaches: what is measured is the counting.
fn refreshes(bench: &mut Bench<'_>) -> Outcome<()> {
    let (limited, free) = (Database::sqlite()?, Database::sqlite()?);
    let limits = [("AUTH_RATE_LIMITS", "on"), ("AUTH_RATE_REGISTER", "off"), ("AUTH_RATE_REFRESH", "1000000/1s")];
    let limited = Server::start(&limited, &[&STRICT[..], &limits].concat())?;
    let free = Server::start(&free, &STRICT)?;
    let mut counted = Chains::new(&limited.register(CLIENTS)?);
    let mut uncounted = Chains::new(&free.register(CLIENTS)?);
    let (mut measured, mut against) = (Vec::new(), Vec::new());
    for _ in 0..bench.repetitions() {
        measured.push(bench.load(limited.address(), CLIENTS, &mut counted, WARM_UP)?.rate);
        against.push(bench.load(free.address(), CLIENTS, &mut uncounted, WARM_UP)?.rate);
    }
    let work = "refreshes that rotate, 64 clients, SQLite, limits on";
    bench.add(Row::ratio(work, "/s", &measured, ("limits off", &against), Required::AtLeast(0.95)));
    Ok(())
}

/// How many of the log-ins at once are looked at: for one account or, by a name each, from one address. Each repetition has
/// counts and instances of its own.
fn exactly(bench: &mut Bench<'_>, of: &str, limits: &[(&str, &str)]) -> Outcome<()> {
    let work = &format!("log-ins of one {of} that pass, of {AT_ONCE} at once, {INSTANCES} instances with Redis");
    if TcpStream::connect(REDIS).is_err() {
        bench.add(Row::problem(work, "left out: no Redis".to_owned(), None));
        return Ok(());
    }
    let Some(database) = Database::postgres()? else {
        bench.add(Row::problem(work, "left out: no PostgreSQL".to_owned(), None));
        return Ok(());
    };
    let identifier = |number| if of == "account" { "nobody@example.org".to_owned() } else { format!("nobody{number}") };
    let url = format!("redis://{REDIS}");
    let requests: Vec<Vec<u8>> = (0..AT_ONCE).map(|number| account::log_in(&identifier(number))).collect();
    let mut passed = Vec::new();
    for repetition in 0..bench.repetitions() {
        let prefix = format!("gatehouse_bench_{}_{of}_{repetition}:", std::process::id());
        // Waited for longer than by default: an instance that gives Redis up counts for itself, and that is another row.
        let redis = [("REDIS_URL", &*url), ("AUTH_REDIS_PREFIX", &*prefix), ("AUTH_REDIS_TIMEOUT", "10s")];
        let settings = [&CHEAP[..], &[("AUTH_RATE_LIMITS", "on")], &redis, limits].concat();
        let servers = (0..INSTANCES).map(|_| Server::start(&database, &settings)).collect::<Outcome<Vec<_>>>()?;
        passed.push(rounded(at_once(bench, &servers, &requests)?));
    }
    let quota = vec![QUOTA; passed.len()];
    bench.add(Row::ratio(work, "", &passed, ("the quota", &quota), Required::Within(0.0)));
    Ok(())
}

/// Sends all requests at the same moment, by turns to all instances: how many were not refused by a limit.
fn at_once(bench: &mut Bench<'_>, servers: &[Server], requests: &[Vec<u8>]) -> Outcome<u64> {
    let open = |server: &Server| Connection::open(server.address());
    let connections = servers.iter().cycle().zip(requests).map(|(server, _)| open(server));
    let connections = connections.collect::<Result<Vec<_>, _>>()?;
    let begin = Barrier::new(connections.len());
    let (mut passed, mut errors) = (0, Errors::default());
    std::thread::scope(|scope| {
        let callers: Vec<_> = connections
            .into_iter()
            .zip(requests)
            .map(|(mut connection, request)| {
                let begin = &begin;
                scope.spawn(move || {
                    begin.wait();
                    connection.exchange(request).map(|answer| answer.status)
                })
            })
            .collect();
        for caller in callers {
            match caller.join().map_err(|_| Failure::from("a caller panicked"))?? {
                401 => passed += 1,
                429 => {}
                other => errors.add(|| format!("/auth/login answers {other}")),
            }
        }
        Ok::<_, Failure>(())
    })?;
    bench.count_errors(errors);
    Ok(passed)
}
