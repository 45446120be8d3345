//! Refreshes that rotate, each session its own chain, against single updates of a row.

use super::{CLIENTS, WARM_UP};
use crate::account::Account;
use crate::database::Database;
use crate::failure::Outcome;
use crate::http::{self, Answer};
use crate::load::Script;
use crate::reference::{postgres, sqlite};
use crate::report::{Required, Row};
use crate::run::Bench;
use crate::server::Server;

/// No repeated answers: every refresh rotates.
pub(super) const STRICT: [(&str, &str); 1] = [("AUTH_REFRESH_GRACE", "0s")];

pub(super) fn on_sqlite(bench: &mut Bench<'_>) -> Outcome<()> {
    let database = Database::sqlite()?;
    let mut reference = sqlite::Updates::new(database.folder())?;
    let duration = bench.duration();
    let (measured, against) = in_turns(bench, &database, || reference.rate(duration))?;
    let work = "refreshes that rotate, 64 clients, SQLite";
    let against = ("updates, one per commit", &against[..]);
    bench.add(Row::ratio(work, "/s", &measured, against, Required::AtLeast(2.5)));
    Ok(())
}

pub(super) fn on_postgres(bench: &mut Bench<'_>) -> Outcome<()> {
    let work = "refreshes that rotate, 64 clients, PostgreSQL";
    let Some(database) = Database::postgres()? else {
        bench.add(Row::problem(work, "left out: no PostgreSQL".to_owned(), None));
        return Ok(());
    };
    let mut reference = postgres::Updates::new(database.url())?;
    let duration = bench.duration();
    let (measured, against) = in_turns(bench, &database, || reference.rate(duration))?;
    let against = ("prepared updates, 64 connections", &against[..]);
    bench.add(Row::ratio(work, "/s", &measured, against, Required::AtLeast(0.35)));
    Ok(())
}

fn in_turns(
    bench: &mut Bench<'_>,
    database: &Database,
    mut reference: impl FnMut() -> Outcome<f64>,
) -> Outcome<(Vec<f64>, Vec<f64>)> {
    let server = Server::start(database, &STRICT)?;
    let mut chains = Chains::new(&server.register(CLIENTS)?);
    let (mut measured, mut against) = (Vec::new(), Vec::new());
    for _ in 0..bench.repetitions() {
        measured.push(bench.load(server.address(), CLIENTS, &mut chains, WARM_UP)?.rate);
        against.push(reference()?);
    }
    Ok((measured, against))
}

/// Each client presents the token that it got last.
pub(super) struct Chains(Vec<Vec<u8>>);

impl Chains {
    pub(super) fn new(accounts: &[Account]) -> Self {
        Self(accounts.iter().map(|account| request(&account.refresh_token)).collect())
    }
}

fn request(token: &str) -> Vec<u8> {
    http::post("/auth/refresh", &format!(r#"{{"refresh_token":"{token}"}}"#))
}

impl Script for Chains {
    fn request(&mut self, client: usize) -> &[u8] {
        &self.0[client]
    }

    fn answer(&mut self, client: usize, answer: &Answer<'_>) -> bool {
        let token = answer.text("refresh_token").filter(|_| answer.status == 200);
        let Some(next) = token.map(request).filter(|next| *next != self.0[client]) else { return false };
        self.0[client] = next;
        true
    }
}
