//! What flows cost that are begun and never ended.

use std::net::SocketAddr;

use identity_provider::{IdentityProvider, people};

use super::flows::{self, Flow};
use crate::database::Database;
use crate::failure::{Failure, Outcome};
use crate::http::{self, Connection};
use crate::memory::pss;
use crate::report::{Quantity, Required, Row};
use crate::run::{Bench, rounded};
use crate::server::Server;

const STARTS: usize = 100_000;

/// Those who begin flows, a connection each.
const CLIENTS: usize = 8;

/// Before the memory is looked at for the first time.
const WARM_UP: usize = 2_000;

/// Flows among the others that are ended after all: the first of so many parts.
const ENDED: usize = 100;

/// The longest `app_state`, in bytes.
const LONGEST_STATE: usize = 512;

pub(super) fn measure(bench: &mut Bench<'_>) -> Outcome<()> {
    let plain = measure_one("/auth/google")?;
    let page = "https://app.example.org/signed-in";
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let state = "s".repeat(LONGEST_STATE);
    let full = measure_one(&format!("/auth/google?redirect_to={page}&code_challenge={challenge}&app_state={state}"))?;
    for (work, found) in
        [("memory (PSS) that 100 000 unfinished starts add", plain), ("the same with the longest parameters", full)]
    {
        let growth = Quantity { value: found.growth, unit: "MiB" };
        bench.add(Row::figure(work, growth, Required::AtMost(64.0)));
        let ended = Quantity { value: rounded(found.ended as u64), unit: "" };
        bench.add(Row::figure("of 100 among these: could be ended after all", ended, Required::Nothing));
    }
    Ok(())
}

struct Found {
    /// In MiB.
    growth: f64,
    ended: usize,
}

fn measure_one(path: &str) -> Outcome<Found> {
    let provider = IdentityProvider::start();
    provider.set_user(people::google("1", "person@example.org"));
    let mut settings = flows::settings("google", &provider);
    settings.push(("AUTH_REDIRECT_ORIGINS".to_owned(), "https://app.example.org".to_owned()));
    let database = Database::sqlite()?;
    let server = Server::start(&database, &flows::borrowed(&settings))?;
    start(server.address(), WARM_UP, path)?;
    let before = pss(server.pid())?;
    let mut connection = Connection::open(server.address())?;
    let mut among = Vec::with_capacity(ENDED);
    for _ in 0..ENDED {
        among.push(Flow::begin(&mut connection, path)?);
        start(server.address(), STARTS / ENDED - 1, path)?;
    }
    let growth = pss(server.pid())? - before;
    let mut ended = 0;
    for flow in &among {
        let answer = connection.exchange(&flow.callback(&provider)?)?;
        let has_code = |url: &str| url.contains("code=");
        ended += usize::from(answer.status == 200 || answer.header("location").is_some_and(has_code));
    }
    Ok(Found { growth, ended })
}

/// Begins flows, and forgets them.
fn start(address: SocketAddr, count: usize, path: &str) -> Outcome<()> {
    let request = http::get(path, None);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (request, own) = (&request, (count + client) / CLIENTS);
                scope.spawn(move || {
                    let mut connection = Connection::open(address)?;
                    for _ in 0..own {
                        let answer = connection.exchange(request)?;
                        if answer.status != 302 {
                            return Err(Failure::from(answer.describe()));
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        clients.into_iter().try_for_each(|client| client.join().map_err(|_| "a client panicked")?)
    })
}
