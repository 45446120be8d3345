//! kill -9 at any moment of registering and refreshing.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::caller::Caller;
use crate::database::{Backend, TestDatabase};
use crate::honest::{HonestClient, Refreshed};
use crate::process::{Launch, Process};
use crate::seeded::{Seeded, rounds};
use crate::sql;
use crate::wait::until;

const SESSIONS: usize = 24;
const REFRESHERS: usize = 4;
const REGISTRARS: usize = 3;

///
#[test]
fn a_kill_at_any_moment_loses_nothing_answered_and_strands_no_honest_client_on_sqlite() {
    survive_kills(&Backend::Sqlite);
}

///
#[test]
fn a_kill_at_any_moment_loses_nothing_answered_and_strands_no_honest_client_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        survive_kills(&backend);
    }
}

fn survive_kills(backend: &Backend) {
    let mut chance = Seeded::from_environment("kill -9");
    let mut world = World::new(TestDatabase::new(backend));
    let mut found = Found::default();
    for round in 0..rounds(25) {
        let mut server = world.restart(round);
        world.settle(server.caller(), &mut chance, &mut found);
        world.kill_under_load(&mut server, &mut chance);
    }
    let mut server = world.restart(u32::MAX);
    world.settle(server.caller(), &mut chance, &mut found);
    world.check_rows();
    println!("{found:?}");
    assert!(found.lost_refreshes > 0 && found.lost_registrations > 0, "no kill met a request: {found:?}");
    server.kill();
    sql::check_integrity(&world.database.url);
}

/// What the kills hit.
#[derive(Debug, Default)]
struct Found {
    lost_refreshes: usize,
    lost_registrations: usize,
    /// Of the lost registrations: committed all the same.
    registered_unheard: usize,
}

/// Everybody who outlives the server.
struct World {
    database: TestDatabase,
    clients: Vec<HonestClient>,
    registrars: Vec<Registrar>,
}

/// Registers one user after the other.
#[derive(Default)]
struct Registrar {
    name: usize,
    count: usize,
    answered: Vec<String>,
    unanswered: Vec<String>,
}

impl World {
    fn new(database: TestDatabase) -> Self {
        let registrars = (0..REGISTRARS).map(|name| Registrar { name, ..Registrar::default() }).collect();
        Self { database, clients: Vec::new(), registrars }
    }

    /// A grace that is honest for clients that give up after three seconds.
    fn restart(&mut self, round: u32) -> Process {
        let name = format!("round_{round}");
        let mut launch = Launch::on(&self.database).set("AUTH_REFRESH_GRACE", "10s");
        if self.database.url.starts_with("postgres") {
            launch = launch.set("DATABASE_URL", &format!("{}?application_name={name}", self.database.url));
        }
        let server = launch.start();
        self.wait_for_orphans(&name);
        while self.clients.len() < SESSIONS {
            let email = format!("client{}@example.org", self.clients.len());
            let tokens = server.caller().registered(&email);
            self.clients.push(HonestClient::new(email, &tokens));
        }
        server
    }

    /// PostgreSQL finishes the last statement of a killed client. Time must not pass for it: an honest client's request
    /// is not handled long after it was sent.
    fn wait_for_orphans(&self, name: &str) {
        if self.database.url.starts_with("postgres") {
            let orphans = format!(
                "count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND application_name LIKE 'round_%' AND application_name <> '{name}'"
            );
            until("the killed server's statements have ended", || sql::number(&self.database.url, &orphans) == 0);
        }
    }

    /// Whoever lost an answer gets through, soon or long after; whatever was answered is there.
    fn settle(&mut self, caller: Caller, chance: &mut Seeded, found: &mut Found) {
        let late = chance.one_in(2);
        if late {
            sql::age_rotations(&self.database.url);
        }
        for client in &mut self.clients {
            found.lost_refreshes += usize::from(client.has_lost_an_answer());
            if client.has_lost_an_answer() {
                client.get_through(caller);
            }
        }
        for registrar in &mut self.registrars {
            registrar.settle(caller, found);
        }
        if !late {
            sql::age_rotations(&self.database.url);
        }
    }

    fn kill_under_load(&mut self, server: &mut Process, chance: &mut Seeded) {
        let (caller, load) = (server.caller(), Load::default());
        let after = usize::try_from(1 + chance.below(2 * SESSIONS as u64)).unwrap();
        let delay = Duration::from_micros(chance.below(3000));
        let per_thread = SESSIONS.div_ceil(REFRESHERS);
        thread::scope(|scope| {
            let over = Over(&load);
            for clients in self.clients.chunks_mut(per_thread) {
                let (chance, load) = (chance.split(), &load);
                scope.spawn(move || refresh_until_killed(clients, caller, chance, load));
            }
            for registrar in &mut self.registrars {
                scope.spawn(|| registrar.register_until_killed(caller, &load));
            }
            until("enough requests were begun", || load.begun.load(Ordering::Relaxed) >= after);
            thread::park_timeout(delay);
            server.kill();
            drop(over);
        });
    }

    fn check_rows(&self) {
        let url = &self.database.url;
        assert_eq!(sql::number(url, "count(*) FROM sessions WHERE revoked_at IS NOT NULL"), 0, "an innocent is out");
        assert_eq!(sql::number(url, "count(*) FROM audit_events WHERE event = 'token.reused'"), 0);
        assert_eq!(sql::number(url, "count(*) FROM audit_events WHERE event = 'token.ahead'"), 0, "a commit was lost");
        let halves = "count(*) FROM users WHERE NOT EXISTS (SELECT 1 FROM sessions WHERE user_id = users.id) \
                      OR NOT EXISTS (SELECT 1 FROM email_outbox WHERE user_id = users.id) \
                      OR NOT EXISTS (SELECT 1 FROM audit_events a WHERE a.user_id = users.id AND event = 'user.registered')";
        assert_eq!(sql::number(url, halves), 0, "half an account");
        let sessions = sql::number(url, "count(*) FROM sessions WHERE generation > 1");
        assert_eq!(sessions, i64::try_from(self.clients.len()).unwrap(), "every client has rotated");
    }
}

#[derive(Default)]
struct Load {
    begun: AtomicUsize,
    over: AtomicBool,
}

impl Load {
    /// Counts a request; false when no more shall be made.
    fn begin(&self) -> bool {
        self.begun.fetch_add(1, Ordering::Relaxed);
        !self.over.load(Ordering::Relaxed)
    }
}

/// Ends the load, also when the test fails: nobody may wait for ever.
struct Over<'a>(&'a Load);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

fn refresh_until_killed(clients: &mut [HonestClient], caller: Caller, mut chance: Seeded, load: &Load) {
    loop {
        for client in &mut *clients {
            if !load.begin() {
                return;
            }
            // Some answers are lost on their way although the server lives.
            let heard = !chance.one_in(8);
            if client.refresh(caller, heard) == Refreshed::Lost && heard {
                return;
            }
            if chance.one_in(2) {
                client.use_access_token(caller);
            }
        }
    }
}

impl Registrar {
    fn register_until_killed(&mut self, caller: Caller, load: &Load) {
        while load.begin() {
            let email = format!("user-{}-{}@example.org", self.name, self.count);
            self.count += 1;
            let Some(answer) = caller.register(&email) else { return self.unanswered.push(email) };
            assert_eq!(answer.status, 201, "{answer:?}");
            self.answered.push(email);
        }
    }

    fn settle(&mut self, caller: Caller, found: &mut Found) {
        for email in self.answered.drain(..) {
            assert_eq!(caller.log_in(&email).unwrap().status, 200, "{email} was answered and is lost");
        }
        for email in self.unanswered.drain(..) {
            found.lost_registrations += 1;
            let logged_in = caller.log_in(&email).unwrap();
            let again = caller.register(&email).unwrap();
            match logged_in.status {
                200 => {
                    found.registered_unheard += 1;
                    assert_eq!(again.error_code(), "email_taken", "{again:?}");
                }
                401 => assert_eq!(again.status, 201, "{again:?}"),
                _ => panic!("{email}: {logged_in:?}"),
            }
        }
    }
}
