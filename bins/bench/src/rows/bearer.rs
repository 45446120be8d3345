//! Requests with an access token, against a route that does nothing.

use super::{CLIENTS, WARM_UP, bearer_requests};
use crate::database::Database;
use crate::failure::Outcome;
use crate::http;
use crate::load::Repeat;
use crate::reference::route;
use crate::report::{Required, Row};
use crate::run::Bench;
use crate::server::Server;

/// What the rows are measured against.
const ROUTE: &str = "actix route that answers 204";

pub(super) fn verify(bench: &mut Bench<'_>) -> Outcome<()> {
    let work = Work { name: "GET /auth/verify, 64 clients", path: "/auth/verify", status: 204, required: 0.5 };
    work.measure(bench, &Database::sqlite()?)
}

pub(super) fn me_on_sqlite(bench: &mut Bench<'_>) -> Outcome<()> {
    let work = Work { name: "GET /users/me, 64 clients, SQLite", path: "/users/me", status: 200, required: 0.2 };
    work.measure(bench, &Database::sqlite()?)
}

pub(super) fn me_on_postgres(bench: &mut Bench<'_>) -> Outcome<()> {
    let work = Work { name: "GET /users/me, 64 clients, PostgreSQL", path: "/users/me", status: 200, required: 0.1 };
    let Some(database) = Database::postgres()? else {
        bench.add(Row::problem(work.name, "left out: no PostgreSQL".to_owned(), None));
        return Ok(());
    };
    work.measure(bench, &database)
}

struct Work {
    name: &'static str,
    path: &'static str,
    status: u16,
    required: f64,
}

impl Work {
    fn measure(&self, bench: &mut Bench<'_>, database: &Database) -> Outcome<()> {
        let server = Server::start(database, &[])?;
        let route = route::start()?;
        let accounts = server.register(CLIENTS)?;
        let mut ours = Repeat { requests: bearer_requests(self.path, &accounts), status: self.status };
        let mut bare = Repeat { requests: vec![http::get(route::PATH, None); CLIENTS], status: 204 };
        let (mut measured, mut against) = (Vec::new(), Vec::new());
        for _ in 0..bench.repetitions() {
            measured.push(bench.load(server.address(), CLIENTS, &mut ours, WARM_UP)?.rate);
            against.push(bench.load(route.address, CLIENTS, &mut bare, WARM_UP)?.rate);
        }
        bench.add(Row::ratio(self.name, "/s", &measured, (ROUTE, &against), Required::AtLeast(self.required)));
        Ok(())
    }
}
