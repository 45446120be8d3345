//! Whether a log-in finds its user among a million as fast as among a thousand.

use std::time::Instant;

use auth_core::password::{Argon2Backend, Argon2Params, Password, PasswordHasher, Workspace};
use auth_persistence::{DatabaseConfig, DbError, user};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use super::{CHEAP, WARM_UP};
use crate::account::{PASSWORD, log_in};
use crate::database::Database;
use crate::errors::Errors;
use crate::failure::Outcome;
use crate::http::Answer;
use crate::load::Script;
use crate::report::{Required, Row};
use crate::run::Bench;
use crate::sample::percentile;
use crate::server::Server;

const FEW: u32 = 1_000;
const MANY: u32 = 1_000_000;

pub(super) fn measure(bench: &mut Bench<'_>) -> Outcome<()> {
    let (few, many) = (Database::sqlite()?, Database::sqlite()?);
    fill(&few, FEW)?;
    fill(&many, MANY)?;
    look_ups(bench, &few, &many)?;
    whole_log_ins(bench, &few, &many)
}

/// The address of user `number`, spread over the whole index.
fn email(number: u32) -> String {
    // Odd, so that no two numbers give the same.
    format!("u{:08x}@example.org", number.wrapping_mul(0x9E37_79B1))
}

/// The numbers below `users` in an order without order.
fn scattered(users: u32) -> impl Iterator<Item = u32> {
    let mut state = 0x2545_F491_u32;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state % users
    })
}

/// Makes the tables and `users` users, all with the same password, in one statement.
fn fill(database: &Database, users: u32) -> Outcome<()> {
    let opened = auth_persistence::Database::open(DatabaseConfig::new(database.url()))?;
    opened.migrate()?;
    opened.close();
    let hasher = PasswordHasher::new(Argon2Params::new(8, 1, 1)?, Argon2Backend::Auto);
    let hash = hasher.hash(&Password::new(PASSWORD)?, &mut Workspace::new())?;
    let file = database.file();
    let mut connection = SqliteConnection::establish(file.to_str().ok_or("a path that is not UTF-8")?)?;
    // Ids of rising time, as the server makes them; addresses in the order of `email`.
    let insert = format!(
        "PRAGMA synchronous = OFF; PRAGMA cache_size = -500000;
         WITH RECURSIVE n (i, address) AS (
            SELECT 0, printf('u%08x@example.org', 0)
            UNION ALL SELECT i + 1, printf('u%08x@example.org', ((i + 1) * 2654435761) & 4294967295)
            FROM n WHERE i + 1 < {users})
         INSERT INTO users (id, email, email_normalized, password_hash, role, created_at, updated_at)
         SELECT unhex(printf('%012x7%03x8%015x', 1700000000000 + i, 0, i)), address, address, '{}', 'user', 0, 0
         FROM n; PRAGMA wal_checkpoint(TRUNCATE)",
        hash.as_str()
    );
    connection.batch_execute(&insert)?;
    Ok(())
}

/// The look-up alone, through the server's own database threads.
fn look_ups(bench: &mut Bench<'_>, few: &Database, many: &Database) -> Outcome<()> {
    let open = |database: &Database| auth_persistence::Database::open(DatabaseConfig::new(database.url()));
    let (few, many) = (open(few)?, open(many)?);
    let (mut measured, mut against) = (Vec::new(), Vec::new());
    for _ in 0..bench.repetitions() {
        measured.push(micros_of_a_look_up(bench, &many, MANY)?);
        against.push(micros_of_a_look_up(bench, &few, FEW)?);
    }
    let work = "look-up of a log-in, 1 000 000 users, SQLite";
    bench.add(Row::ratio(work, "µs", &measured, ("1 000 users", &against), Required::AtMost(1.2)));
    Ok(())
}

fn micros_of_a_look_up(bench: &mut Bench<'_>, database: &auth_persistence::Database, users: u32) -> Outcome<f64> {
    let begin = Instant::now();
    let (mut count, mut errors) = (0.0, Errors::default());
    for number in scattered(users) {
        if begin.elapsed() >= bench.duration() {
            break;
        }
        let email = email(number);
        let found = database.read_blocking(move |connection| user::find_by_email(connection, &email));
        if found.map_err(|error: DbError| error.to_string())?.is_none() {
            errors.add(|| "a user was not found".to_owned());
        }
        count += 1.0;
    }
    let micros = begin.elapsed().as_secs_f64() * 1e6 / count;
    bench.count_errors(errors);
    Ok(micros)
}

/// Whole log-ins with a hash that costs next to nothing, one after the other.
fn whole_log_ins(bench: &mut Bench<'_>, few: &Database, many: &Database) -> Outcome<()> {
    let (few, many) = (Server::start(few, &CHEAP)?, Server::start(many, &CHEAP)?);
    let (mut among_few, mut among_many) = (Strangers::new(FEW), Strangers::new(MANY));
    let (mut measured, mut against) = (Vec::new(), Vec::new());
    for _ in 0..bench.repetitions() {
        let mut traffic = bench.load(many.address(), 1, &mut among_many, WARM_UP)?;
        measured.push(f64::from(percentile(&mut traffic.latencies, 50)));
        let mut traffic = bench.load(few.address(), 1, &mut among_few, WARM_UP)?;
        against.push(f64::from(percentile(&mut traffic.latencies, 50)));
    }
    let work = "whole log-in with an Argon2 of 8 KiB, 1 client, p50, 1 000 000 users, SQLite";
    bench.add(Row::ratio(work, "µs", &measured, ("1 000 users", &against), Required::Nothing));
    Ok(())
}

/// Somebody else logs in each time.
struct Strangers {
    numbers: Box<dyn Iterator<Item = u32>>,
    request: Vec<u8>,
}

impl Strangers {
    fn new(users: u32) -> Self {
        Self { numbers: Box::new(scattered(users)), request: Vec::new() }
    }
}

impl Script for Strangers {
    fn request(&mut self, _: usize) -> &[u8] {
        self.request = log_in(&email(self.numbers.next().unwrap_or_default()));
        &self.request
    }

    fn answer(&mut self, _: usize, answer: &Answer<'_>) -> bool {
        answer.status == 200
    }
}
