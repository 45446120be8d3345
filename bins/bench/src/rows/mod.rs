//! The rows of the table, in groups that share a server and are measured in turns.

mod bearer;
mod clean_up;
mod codes;
mod flows;
mod forgot;
mod import;
mod limits;
mod login;
mod logs;
mod lookup;
mod memory;
mod oauth_hang;
mod oauth_starts;
mod outbox;
mod refresh;
mod revocation;
mod start;
mod storm;

use std::time::Duration;

use crate::account::{Account, log_in};
use crate::failure::Outcome;
use crate::http::Answer;
use crate::load::Script;
use crate::run::Bench;

/// Clients of most rows.
const CLIENTS: usize = 64;

/// Until caches are warm and all clients are under way.
const WARM_UP: Duration = Duration::from_millis(300);

/// Until every one of the clients that wait for each other has had a turn.
const LOG_IN_WARM_UP: Duration = Duration::from_secs(1);

/// Rows that are measured together.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) measure: fn(&mut Bench<'_>) -> Outcome<()>,
}

/// All rows.
pub(crate) const GROUPS: [Group; 21] = [
    Group { name: "login", measure: login::measure },
    Group { name: "storm", measure: storm::measure },
    Group { name: "memory", measure: memory::measure },
    Group { name: "verify", measure: bearer::verify },
    Group { name: "me-sqlite", measure: bearer::me_on_sqlite },
    Group { name: "me-postgres", measure: bearer::me_on_postgres },
    Group { name: "refresh-sqlite", measure: refresh::on_sqlite },
    Group { name: "refresh-postgres", measure: refresh::on_postgres },
    Group { name: "start", measure: start::measure },
    Group { name: "lookup", measure: lookup::measure },
    Group { name: "logs", measure: logs::measure },
    Group { name: "codes", measure: codes::measure },
    Group { name: "forgot-sqlite", measure: forgot::on_sqlite },
    Group { name: "forgot-postgres", measure: forgot::on_postgres },
    Group { name: "outbox", measure: outbox::measure },
    Group { name: "clean-up", measure: clean_up::measure },
    Group { name: "oauth-hang", measure: oauth_hang::measure },
    Group { name: "oauth-starts", measure: oauth_starts::measure },
    Group { name: "limits", measure: limits::measure },
    Group { name: "revocation", measure: revocation::measure },
    Group { name: "import", measure: import::measure },
];

/// The least that Argon2 can do, where the hash is not what is measured.
const CHEAP: [(&str, &str); 2] = [("AUTH_ARGON2_MEMORY_KIB", "8"), ("AUTH_ARGON2_ITERATIONS", "1")];

/// People who log in: so many that nobody reaches `AUTH_SESSIONS_PER_USER` in a run of usual length.
const CROWD: usize = 512;

/// The next of many people logs in, whoever of the clients asks.
struct LogIns {
    requests: Vec<Vec<u8>>,
    next: usize,
}

impl LogIns {
    fn new(crowd: &[Account]) -> Self {
        Self { requests: crowd.iter().map(|account| log_in(&account.email)).collect(), next: 0 }
    }
}

impl Script for LogIns {
    fn request(&mut self, _: usize) -> &[u8] {
        self.next = (self.next + 1) % self.requests.len();
        &self.requests[self.next]
    }

    fn answer(&mut self, _: usize, answer: &Answer<'_>) -> bool {
        answer.status == 200
    }
}

/// Everybody asks for `path` with their access token.
fn bearer_requests(path: &str, accounts: &[Account]) -> Vec<Vec<u8>> {
    accounts.iter().map(|account| crate::http::get(path, Some(&account.access_token))).collect()
}
