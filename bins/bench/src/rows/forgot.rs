//! Whether the answer to "I forgot my password" tells a stranger anything, and whether it waits for the mail server.

use std::time::Instant;

use smtp_sink::SmtpSink;

use super::CHEAP;
use crate::database::Database;
use crate::errors::Errors;
use crate::failure::Outcome;
use crate::http::{self, Connection};
use crate::report::{Required, Row};
use crate::run::Bench;
use crate::sample::median;
use crate::server::{SMTP_URL, Server};

/// Requests of each kind in one repetition. Everybody asks once in the whole run, since a second mail within a minute
/// would not be sent.
const SAMPLES: usize = 300;

pub(super) fn on_sqlite(bench: &mut Bench<'_>) -> Outcome<()> {
    let work = Work {
        by_stranger: "POST /auth/password/forgot by strangers, SQLite, p50",
        without_mail_server: "POST /auth/password/forgot, mail server dead, SQLite, p50",
    };
    work.measure(bench, &Database::sqlite()?, &Database::sqlite()?)
}

pub(super) fn on_postgres(bench: &mut Bench<'_>) -> Outcome<()> {
    let work = Work {
        by_stranger: "POST /auth/password/forgot by strangers, PostgreSQL, p50",
        without_mail_server: "POST /auth/password/forgot, mail server dead, PostgreSQL, p50",
    };
    let (Some(alive), Some(dead)) = (Database::postgres()?, Database::postgres()?) else {
        bench.add(Row::problem(work.by_stranger, "left out: no PostgreSQL".to_owned(), None));
        return Ok(());
    };
    work.measure(bench, &alive, &dead)
}

struct Work {
    by_stranger: &'static str,
    without_mail_server: &'static str,
}

impl Work {
    fn measure(&self, bench: &mut Bench<'_>, alive: &Database, dead: &Database) -> Outcome<()> {
        // A port where nobody listens any more.
        let nobody = SmtpSink::start().url();
        let dead = Server::start_among_faults(dead, &[CHEAP[0], CHEAP[1], (SMTP_URL, &nobody)])?;
        let alive = Server::start(alive, &CHEAP)?;
        let mut askers = Askers { count: 2 * SAMPLES * bench.repetitions(), next: 0 };
        alive.register(askers.count)?;
        dead.register(askers.count)?;
        let mut errors = Errors::default();
        let [mut strangers, mut users, mut without, mut with] = [const { Vec::new() }; 4];
        for _ in 0..bench.repetitions() {
            let sides = [(&alive, "nobody"), (&alive, "person")];
            let [stranger, user] = askers.in_turns(sides, &mut errors)?;
            strangers.push(stranger);
            users.push(user);
            let [dead, alive] = askers.in_turns([(&dead, "person"), (&alive, "person")], &mut errors)?;
            without.push(dead);
            with.push(alive);
        }
        bench.count_errors(errors);
        let against = ("by users", &users[..]);
        bench.add(Row::ratio(self.by_stranger, "µs", &strangers, against, Required::Within(0.05)));
        let against = ("mail server alive", &with[..]);
        bench.add(Row::ratio(self.without_mail_server, "µs", &without, against, Required::AtMost(1.1)));
        Ok(())
    }
}

/// People who forgot their password, each once.
struct Askers {
    count: usize,
    next: usize,
}

impl Askers {
    /// The medians, in microseconds, of requests that are sent to both sides in turns, one at a time: to a server, by
    /// those whose address begins with a word. Which of a pair is first changes with each.
    fn in_turns(&mut self, sides: [(&Server, &str); 2], errors: &mut Errors) -> Outcome<[f64; 2]> {
        let mut connections = [Connection::open(sides[0].0.address())?, Connection::open(sides[1].0.address())?];
        let mut samples = [const { Vec::new() }; 2];
        for pair in 0..SAMPLES {
            let number = self.next % self.count;
            self.next += 1;
            for turn in 0..2 {
                let side = (pair + turn) % 2;
                let body = format!(r#"{{"email":"{}{number}@example.org"}}"#, sides[side].1);
                let request = http::post("/auth/password/forgot", &body);
                let begin = Instant::now();
                let answer = connections[side].exchange(&request)?;
                let micros = begin.elapsed().as_secs_f64() * 1e6;
                if answer.status == 202 {
                    samples[side].push(micros);
                } else {
                    errors.add(|| answer.describe());
                }
            }
        }
        Ok(samples.map(|samples| median(&samples)))
    }
}
