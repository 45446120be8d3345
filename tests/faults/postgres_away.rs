//! PostgreSQL crashes, restarts, or hangs while requests come in.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

use crate::answer::Answer;
use crate::caller::{Caller, text};
use crate::cluster::Cluster;
use crate::honest::HonestClient;
use crate::process::Launch;
use crate::sql;
use crate::wait::until;

/// X-08, W-16
#[test]
fn a_restart_of_postgres_under_load_is_503_and_heals_without_a_restart_of_the_server() {
    let Some(mut cluster) = Cluster::start_new() else { return };
    // How old is too old is the other test's.
    let server = Launch::at(&cluster.url(), cluster.folder()).set("AUTH_REVOCATION_MAX_AGE", "1m").start();
    let (caller, load) = (server.caller(), Load::new(&server.caller().registered("ada@example.org")));
    thread::scope(|scope| {
        let end = load.end_on_drop();
        for name in 0..4 {
            let load = &load;
            scope.spawn(move || load.register(caller, name));
            scope.spawn(move || load.read(caller));
        }
        for _ in 0..3 {
            load.wait_for_successes();
            cluster.crash();
            check_bearers_are_believed_for_a_while(caller, &load.access_token);
            load.wait_for_refusals();
            cluster.start();
            load.wait_for_successes();
        }
        drop(end);
    });
    let answered = load.answered.into_inner().unwrap();
    assert!(!answered.is_empty());
    for email in &answered {
        assert_eq!(caller.log_in(email).unwrap().status, 200, "{email} was answered and is lost");
    }
}

/// The list of revocations was read a moment ago.
fn check_bearers_are_believed_for_a_while(caller: Caller, token: &str) {
    assert_eq!(caller.get_as(token, "/auth/verify").unwrap().status, 204);
}

/// a list of revocations that can't be read is believed until `AUTH_REVOCATION_MAX_AGE`, and no longer.
#[test]
fn access_tokens_are_believed_until_the_list_of_revocations_is_too_old() {
    let Some(mut cluster) = Cluster::start_new() else { return };
    let server = Launch::at(&cluster.url(), cluster.folder()).set("AUTH_REVOCATION_MAX_AGE", "10s").start();
    let caller = server.caller();
    let tokens = caller.registered("ada@example.org");
    let token = text(&tokens, "access_token");
    cluster.crash();
    assert_eq!(caller.get_as(&token, "/auth/verify").unwrap().status, 204);
    until("the list is too old", || caller.get_as(&token, "/auth/verify").unwrap().status != 204);
    caller.get_as(&token, "/auth/verify").unwrap().assert_overloaded();
    cluster.start();
    until("tokens are believed again", || caller.get_as(&token, "/auth/verify").unwrap().status == 204);
    HonestClient::new("ada@example.org".to_owned(), &tokens).get_through(caller);
}

/// More than there are connections.
const REQUESTS: usize = 16;

/// a database that takes connections and answers nothing. Whoever waits for a connection is told to come back, and
/// so is whoever has one.
#[test]
fn a_postgres_that_hangs_leaves_nobody_without_an_answer_and_heals() {
    let Some(cluster) = Cluster::start_new() else { return };
    let server = Launch::at(&cluster.url(), cluster.folder()).start();
    let caller = server.caller();
    let tokens = caller.registered("ada@example.org");
    let token = text(&tokens, "access_token");
    let frozen = cluster.freeze();
    let count = AtomicUsize::new(0);
    thread::scope(|scope| {
        let requests: Vec<_> = (0..REQUESTS)
            .map(|_| {
                scope.spawn(|| {
                    let answer = caller.get_as(&token, "/users/me");
                    count.fetch_add(1, Ordering::Relaxed);
                    answer.expect("a request waits for ever")
                })
            })
            .collect();
        assert_eq!(caller.get("/health").unwrap().status, 200);
        until("requests are refused", || count.load(Ordering::Relaxed) == REQUESTS);
        let ready = caller.get("/health/ready").expect("an answer");
        drop(frozen);
        assert_eq!(ready.status, 503, "{ready:?}");
        let answers: Vec<Answer> = requests.into_iter().map(|request| request.join().unwrap()).collect();
        let overloaded: Vec<&Answer> = answers.iter().filter(|answer| answer.status != 200).collect();
        assert_eq!(overloaded.len(), REQUESTS, "{answers:?}");
        for answer in overloaded {
            answer.assert_overloaded();
        }
    });
    until("requests are answered again", || caller.get_as(&token, "/users/me").unwrap().status == 200);
    HonestClient::new("ada@example.org".to_owned(), &tokens).get_through(caller);
    assert_eq!(sql::number(&cluster.url(), "count(*) FROM audit_events WHERE event = 'token.reused'"), 0);
}

/// Requests without pause, and what became of them.
struct Load {
    access_token: String,
    answered: Mutex<Vec<String>>,
    successes: AtomicUsize,
    refusals: AtomicUsize,
    over: AtomicBool,
}

impl Load {
    fn new(tokens: &Value) -> Self {
        Self {
            access_token: text(tokens, "access_token"),
            answered: Mutex::default(),
            successes: AtomicUsize::new(0),
            refusals: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        }
    }

    fn register(&self, caller: Caller, name: usize) {
        for number in 0.. {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let email = format!("user-{name}-{number}@example.org");
            let answer = caller.register(&email).expect("an answer");
            if self.note(&answer, 201) {
                self.answered.lock().unwrap().push(email);
            }
        }
    }

    fn read(&self, caller: Caller) {
        while !self.over.load(Ordering::Relaxed) {
            let answer = caller.get_as(&self.access_token, "/users/me").expect("an answer");
            self.note(&answer, 200);
        }
    }

    /// Anything but success and "come back" is a failure.
    fn note(&self, answer: &Answer, success: u16) -> bool {
        let succeeded = answer.status == success;
        if !succeeded {
            answer.assert_overloaded();
        }
        let count = if succeeded { &self.successes } else { &self.refusals };
        count.fetch_add(1, Ordering::Relaxed);
        succeeded
    }

    fn wait_for_successes(&self) {
        self.wait_for_more("requests succeed", &self.successes);
    }

    fn wait_for_refusals(&self) {
        self.wait_for_more("requests are refused", &self.refusals);
    }

    fn wait_for_more(&self, what: &str, count: &AtomicUsize) {
        let before = count.load(Ordering::Relaxed);
        until(what, || count.load(Ordering::Relaxed) >= before + 20 || self.over.load(Ordering::Relaxed));
    }

    fn end_on_drop(&self) -> End<'_> {
        End(&self.over)
    }
}

/// Ends the load, also when the test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
