//! Three servers on one database: what ends at one is over at all (REQ-12, T-20), with Redis and without.

use std::time::Instant;

use serde_json::Value;

use crate::contract::assert_problem;
use crate::redis_corner::Corner;
use crate::support::{Backend, Server, ServerOptions, TestDatabase, eventually};

/// How often news that came by a reading after all are thrown again.
const TRIES: usize = 5;

/// Instances that could stand behind one balancer.
struct Three([Server; 3]);

impl Three {
    fn start(backend: &Backend, settings: &[(&str, &str)]) -> Self {
        let database = std::sync::Arc::new(TestDatabase::new(backend));
        Self([0, 1, 2].map(|_| {
            let options =
                settings.iter().fold(ServerOptions::default(), |options, (name, value)| options.set(name, value));
            Server::start_on(database.clone(), options)
        }))
    }

    fn statuses(&self, tokens: &Value) -> [u16; 3] {
        self.0.each_ref().map(|server| server.as_user(tokens).get("/auth/verify").status)
    }

    /// Signs `tokens` out at instance `at` and waits until no instance takes them.
    fn end_at(&self, at: usize, tokens: &Value) {
        assert_eq!(self.0[at].as_user(tokens).send("POST", "/auth/logout", None).status, 204);
        assert_problem(&self.0[at].as_user(tokens).get("/users/me"), 401, "session_revoked");
        eventually("all instances refuse", || self.statuses(tokens) == [401; 3]);
    }
}

/// How long ago a server read the feed, in seconds.
fn list_age(server: &Server) -> f64 {
    let text = server.client.get("/metrics").text();
    let age = text.lines().find_map(|line| line.strip_prefix("auth_revocation_list_age_seconds "));
    age.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}

/// REQ-12, REQ-60: the feed is read once a minute, and the others know long before.
#[test]
fn with_redis_all_instances_know_without_a_look_at_the_database() {
    let Some(backend) = Backend::postgres() else { return };
    let Some(corner) = Corner::new() else { return };
    let slow = [("AUTH_REVOCATION_POLL", "1m"), ("AUTH_REVOCATION_MAX_AGE", "10m")];
    let three = Three::start(&backend, &corner.settings(&slow));
    let kept = three.0[0].register("ada@example.org");
    // A reading may come in between, and then it isn't known which way the news came.
    let by_redis = (0..TRIES).any(|number| {
        let tokens = three.0[2].log_in("ada@example.org");
        assert_eq!(three.statuses(&tokens), [204; 3]);
        let begun = Instant::now();
        three.end_at(number % 3, &tokens);
        let taken = begun.elapsed().as_secs_f64();
        three.0.iter().all(|server| list_age(server) > taken)
    });
    assert!(by_redis, "each time some instance read the feed first");
    assert_eq!(three.statuses(&kept), [204; 3]);
}

fn without_redis(backend: &Backend) {
    let three = Three::start(backend, &[]);
    let kept = three.0[1].register("ada@example.org");
    for at in 0..3 {
        let tokens = three.0[0].log_in("ada@example.org");
        assert_eq!(three.statuses(&tokens), [204; 3]);
        three.end_at(at, &tokens);
    }
    assert_eq!(three.statuses(&kept), [204; 3]);
    assert_eq!(three.0[2].as_user(&kept).send("POST", "/auth/logout-all", None).status, 204);
    eventually("all instances refuse", || three.statuses(&kept) == [401; 3]);
}

/// REQ-12
#[test]
fn without_redis_all_instances_know_by_reading_on_sqlite() {
    without_redis(&Backend::Sqlite);
}

/// REQ-12
#[test]
fn without_redis_all_instances_know_by_reading_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        without_redis(&backend);
    }
}
