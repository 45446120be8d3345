//! Whether people who are signed in notice that a million outdated rows are deleted.

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::{CHEAP, CLIENTS, LOG_IN_WARM_UP, bearer_requests};
use crate::database::Database;
use crate::failure::Outcome;
use crate::pace;
use crate::report::{Required, Row};
use crate::run::{Bench, progress};
use crate::sample::percentile;
use crate::server::Server;

/// Between two requests of those who are signed in: 200 a second.
const INTERVAL: Duration = Duration::from_millis(5);

/// Sessions that are over: so many of each of the [`CLIENTS`] make a million.
const OVER_EACH: usize = 1_000_000 / CLIENTS;

pub(super) fn measure(bench: &mut Bench<'_>) -> Outcome<()> {
    one(bench, "SQLite", || Database::sqlite().map(Some))?;
    one(bench, "PostgreSQL", Database::postgres)
}

/// Two databases of the same people, one of them with what is to be deleted; their servers run in turns. A server begins to
/// delete when it starts.
fn one(bench: &mut Bench<'_>, name: &str, make: impl Fn() -> Outcome<Option<Database>>) -> Outcome<()> {
    let work = format!("p99 of GET /users/me at 200/s while a million expired sessions are deleted, {name}");
    let (Some(full), Some(clean)) = (make()?, make()?) else {
        bench.add(Row::problem(&work, "left out: no PostgreSQL".to_owned(), None));
        return Ok(());
    };
    let people = |database: &Database| {
        let accounts = Server::start(database, &CHEAP)?.register(CLIENTS)?;
        Outcome::Ok(bearer_requests("/users/me", &accounts))
    };
    let (at_full, at_clean) = (people(&full)?, people(&clean)?);
    let [mut measured, mut against] = [const { Vec::new() }; 2];
    for _ in 0..bench.repetitions() {
        against.push(p99(bench, &clean, &at_clean)?);
        fill(&full)?;
        let before = over(&full)?;
        measured.push(p99(bench, &full, &at_full)?);
        let left = over(&full)?;
        progress(&format!("{} of {before} rows were deleted meanwhile", before - left));
        if left == before || left == 0 {
            return Err(format!(
                "{left} of {before} rows were left: nothing was deleted for as long as it was measured"
            )
            .into());
        }
    }
    bench.add(Row::ratio(&work, "ms", &measured, ("its p99 alone", &against), Required::AtMost(1.5)));
    Ok(())
}

/// The 99th percentile in milliseconds, at a server that was started for it.
fn p99(bench: &mut Bench<'_>, database: &Database, requests: &[Vec<u8>]) -> Outcome<f64> {
    let server = Server::start(database, &CHEAP)?;
    std::thread::park_timeout(LOG_IN_WARM_UP);
    let mut paced = pace::run(server.address(), requests, INTERVAL, bench.duration());
    bench.count_errors(paced.errors);
    Ok(f64::from(percentile(&mut paced.latencies, 99)) / 1000.0)
}

/// A connection to the database beside the server's.
enum Beside {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

fn beside(database: &Database) -> Outcome<Beside> {
    if database.url().starts_with("postgres") {
        return Ok(Beside::Postgres(PgConnection::establish(database.url())?));
    }
    let file = database.file();
    Ok(Beside::Sqlite(SqliteConnection::establish(file.to_str().ok_or("a path that is not UTF-8")?)?))
}

/// Has everybody have sessions that have been over for years, with ids in the order of time, as the server makes them. The
/// lease of the server before, which was killed, must not be waited for.
fn fill(database: &Database) -> Outcome<()> {
    let columns = "id, user_id, generation, salt, created_at, authenticated_at, expires_at, last_used_at, auth_methods";
    match beside(database)? {
        Beside::Sqlite(mut connection) => connection.batch_execute(&format!(
            "PRAGMA synchronous = OFF; PRAGMA cache_size = -500000;
             DELETE FROM leases; DELETE FROM sessions WHERE expires_at < 1600000000000000;
             WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {OVER_EACH})
             INSERT INTO sessions ({columns})
             SELECT unhex(printf('%012x', 1500000000000 + i) || '70008' || substr(hex(randomblob(8)), 1, 15)), users.id, 1,
                 zeroblob(32), 0, 0, 1500000000000000 + i, 0, 'pwd'
             FROM n CROSS JOIN users;
             PRAGMA wal_checkpoint(TRUNCATE)"
        ))?,
        Beside::Postgres(mut connection) => {
            connection.batch_execute(&format!(
                "SET search_path = auth;
                 DELETE FROM leases; DELETE FROM sessions WHERE expires_at < to_timestamp(1600000000);
                 INSERT INTO sessions ({columns})
                 SELECT (lpad(to_hex(1500000000000 + i), 12, '0') || '70008' || substr(md5(random()::text), 1, 15))::uuid,
                     users.id, 1, decode(repeat('00', 32), 'hex'), to_timestamp(0), to_timestamp(0),
                     to_timestamp(1500000000 + i), to_timestamp(0), 'pwd'
                 FROM generate_series(0, {OVER_EACH} - 1) AS n (i) CROSS JOIN users"
            ))?;
            // What follows a change of a million rows is done before anything is measured.
            connection.batch_execute("VACUUM (ANALYZE) auth.sessions")?;
            connection.batch_execute("CHECKPOINT")?;
        }
    }
    Ok(())
}

/// How many sessions are left that are over.
fn over(database: &Database) -> Outcome<i64> {
    Ok(match beside(database)? {
        Beside::Sqlite(mut connection) => {
            let count = "(SELECT count(*) FROM sessions WHERE expires_at < 1600000000000000)";
            diesel::select(sql::<BigInt>(count)).get_result(&mut connection)?
        }
        Beside::Postgres(mut connection) => {
            let count = "(SELECT count(*) FROM auth.sessions WHERE expires_at < to_timestamp(1600000000))";
            diesel::select(sql::<BigInt>(count)).get_result(&mut connection)?
        }
    })
}
