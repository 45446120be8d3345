//! kill -9 at each write of signing in by a provider, of linking and of unlinking: all of it or nothing.

use std::io::Write as _;

use identity_provider::{IdentityProvider, people};
use serde_json::Value;

use crate::answer::Answer;
use crate::caller::{Caller, head, text};
use crate::database::{Backend, TestDatabase};
use crate::doom::{Deed, die_at_each_write, launch};
use crate::people::Rows;
use crate::process::Process;
use crate::provider_flow::{Flow, begin_link, built_in, sign_in, start};

///
#[test]
fn a_kill_at_a_write_of_a_first_sign_in_leaves_the_account_with_its_link_or_nothing_on_sqlite() {
    first_sign_in(&Backend::Sqlite);
}

///
#[test]
fn a_kill_at_a_write_of_a_first_sign_in_leaves_the_account_with_its_link_or_nothing_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        first_sign_in(&backend);
    }
}

fn first_sign_in(backend: &Backend) {
    let (database, provider) = (TestDatabase::new(backend), IdentityProvider::start());
    let launch = built_in(launch(&database), "google", &provider);
    let mut deed = SigningIn { url: &database.url, provider: &provider };
    die_at_each_write(backend, &database, &launch, &mut deed);
}

struct SigningIn<'a> {
    url: &'a str,
    provider: &'a IdentityProvider,
}

impl Deed for SigningIn<'_> {
    type Given = String;

    fn prepare(&mut self, _: Caller, number: usize) -> String {
        let email = format!("person{number}@example.org");
        self.provider.set_user(people::google(&number.to_string(), &email));
        email
    }

    fn act(&mut self, server: &mut Process, _: &String) -> bool {
        let caller = server.caller();
        let begun = start(caller, "google").map(|answer| Flow::of(&answer));
        let answer = begun.and_then(|flow| flow.approve(self.provider).finish(caller));
        answer.is_some_and(|answer| answer.status == 200)
    }

    fn check(&mut self, caller: Caller, email: &String, done: bool) {
        let rows = Rows { url: self.url, email };
        let account = || {
            [
                rows.count("users WHERE email = $email AND email_verified_at IS NOT NULL"),
                rows.of_user("oauth_accounts", "provider = 'google'"),
                rows.of_user("audit_events", "event = 'user.registered'"),
                rows.of_user("audit_events", "event = 'oauth.linked'"),
            ]
        };
        let sessions = || rows.of_user("sessions", "revoked_at IS NULL");
        let (there, open) = (account(), sessions());
        assert!(there == [0; 4] || there == [1; 4], "{email}: {there:?}");
        assert!(open <= there[0], "{email}: {open} sessions");
        assert!(!done || (there, open) == ([1; 4], 1), "{email} was answered and is lost");
        let again = sign_in(caller, "google", self.provider);
        assert_eq!(again.status, 200, "{again:?}");
        assert_eq!((account(), sessions()), ([1; 4], open + 1), "{email}");
    }
}

///
#[test]
fn a_kill_at_a_write_of_linking_leaves_the_link_with_its_mail_or_nothing_on_sqlite() {
    link(&Backend::Sqlite);
}

///
#[test]
fn a_kill_at_a_write_of_linking_leaves_the_link_with_its_mail_or_nothing_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        link(&backend);
    }
}

fn link(backend: &Backend) {
    let (database, provider) = (TestDatabase::new(backend), IdentityProvider::start());
    let launch = built_in(launch(&database), "google", &provider);
    let mut deed = Linking { url: &database.url, provider: &provider };
    die_at_each_write(backend, &database, &launch, &mut deed);
}

/// Somebody with a password, who is signed in.
struct Person {
    email: String,
    tokens: Value,
}

struct Linking<'a> {
    url: &'a str,
    provider: &'a IdentityProvider,
}

impl Linking<'_> {
    fn person(&self, caller: Caller, number: usize) -> Person {
        let email = format!("person{number}@example.org");
        self.provider.set_user(people::google(&number.to_string(), "elsewhere@example.org"));
        let tokens = caller.registered(&email);
        Person { email, tokens }
    }

    /// Links the person: the answer to the callback.
    fn link(&self, caller: Caller, person: &Person) -> Option<Answer> {
        let flow = begin_link(caller, "google", &text(&person.tokens, "access_token"))?;
        flow.approve(self.provider).finish(caller)
    }

    /// Links, their mails and what is noted of them.
    fn linked(&self, person: &Person) -> [i64; 3] {
        let rows = Rows { url: self.url, email: &person.email };
        [
            rows.of_user("oauth_accounts", "provider = 'google'"),
            rows.of_user("email_outbox", "template = 'security_alert'"),
            rows.of_user("audit_events", "event = 'oauth.linked'"),
        ]
    }
}

impl Deed for Linking<'_> {
    type Given = Person;

    fn prepare(&mut self, caller: Caller, number: usize) -> Person {
        self.person(caller, number)
    }

    fn act(&mut self, server: &mut Process, person: &Person) -> bool {
        self.link(server.caller(), person).is_some_and(|answer| answer.status == 200)
    }

    fn check(&mut self, caller: Caller, person: &Person, done: bool) {
        let there = self.linked(person);
        assert!(there == [0; 3] || there == [1; 3], "{}: {there:?}", person.email);
        assert!(!done || there == [1; 3], "{} was answered and is lost", person.email);
        let again = self.link(caller, person).unwrap();
        assert_eq!(again.status, if there == [1; 3] { 409 } else { 200 }, "{again:?}");
        assert_eq!(self.linked(person), [1; 3], "{}", person.email);
    }
}

///
#[test]
fn a_kill_at_a_write_of_unlinking_leaves_the_link_or_takes_it_with_its_trace_on_sqlite() {
    unlink(&Backend::Sqlite);
}

///
#[test]
fn a_kill_at_a_write_of_unlinking_leaves_the_link_or_takes_it_with_its_trace_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        unlink(&backend);
    }
}

fn unlink(backend: &Backend) {
    let (database, provider) = (TestDatabase::new(backend), IdentityProvider::start());
    let launch = built_in(launch(&database), "google", &provider);
    let mut deed = Unlinking(Linking { url: &database.url, provider: &provider });
    die_at_each_write(backend, &database, &launch, &mut deed);
}

struct Unlinking<'a>(Linking<'a>);

impl Unlinking<'_> {
    fn unlink(caller: Caller, person: &Person) -> Option<Answer> {
        let token = text(&person.tokens, "access_token");
        let mut stream = caller.connect().ok()?;
        stream.write_all(head("DELETE", "/users/me/link/google", Some(&token), None).as_bytes()).ok()?;
        Answer::read(&mut stream)
    }
}

impl Deed for Unlinking<'_> {
    type Given = Person;

    fn prepare(&mut self, caller: Caller, number: usize) -> Person {
        let person = self.0.person(caller, number);
        assert_eq!(self.0.link(caller, &person).unwrap().status, 200);
        person
    }

    fn act(&mut self, server: &mut Process, person: &Person) -> bool {
        Self::unlink(server.caller(), person).is_some_and(|answer| answer.status == 204)
    }

    fn check(&mut self, caller: Caller, person: &Person, done: bool) {
        let rows = Rows { url: self.0.url, email: &person.email };
        let gone = || {
            [
                1 - rows.of_user("oauth_accounts", "provider = 'google'"),
                rows.of_user("audit_events", "event = 'oauth.unlinked'"),
                rows.count("users WHERE email = $email AND security_epoch = 1"),
            ]
        };
        let there = gone();
        assert!(there == [0; 3] || there == [1; 3], "{}: {there:?}", person.email);
        assert!(!done || there == [1; 3], "{} was answered and is lost", person.email);
        let again = Self::unlink(caller, person).unwrap();
        assert_eq!(again.status, if there == [1; 3] { 404 } else { 204 }, "{again:?}");
        assert_eq!(gone(), [1; 3], "{}", person.email);
    }
}
