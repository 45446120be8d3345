//! kill -9 at each write of changing a password and of resetting it: all of it or nothing.

use serde_json::Value;
use smtp_sink::{ReceivedMail, SmtpSink};

use crate::caller::{Caller, text};
use crate::database::{Backend, TestDatabase};
use crate::doom::{Deed, die_at_each_write, launch};
use crate::letters::is_reset;
use crate::people::{PATIENCE, Rows};
use crate::process::Process;

const NEW_PASSWORD: &str = "a new gate for old Thebes";

///
#[test]
fn a_kill_at_a_write_of_a_password_change_leaves_the_new_one_with_sessions_ended_or_nothing_on_sqlite() {
    change(&Backend::Sqlite);
}

///
#[test]
fn a_kill_at_a_write_of_a_password_change_leaves_the_new_one_with_sessions_ended_or_nothing_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        change(&backend);
    }
}

fn change(backend: &Backend) {
    let database = TestDatabase::new(backend);
    die_at_each_write(backend, &database, &launch(&database), &mut Changing { url: &database.url });
}

/// Somebody who is signed in twice.
struct Person {
    email: String,
    here: Value,
    elsewhere: Value,
}

impl Person {
    fn new(caller: Caller, number: usize) -> Self {
        let email = format!("person{number}@example.org");
        let here = caller.registered(&email);
        let elsewhere = caller.log_in(&email).unwrap();
        assert_eq!(elsewhere.status, 200, "{elsewhere:?}");
        Self { email, here, elsewhere: elsewhere.json() }
    }

    /// Whether the new password is in force; it or the old one is.
    fn has_new_password(&self, caller: Caller) -> bool {
        let log_in = |password| caller.log_in_with(&self.email, password).unwrap().status;
        match [log_in(NEW_PASSWORD), caller.log_in(&self.email).unwrap().status] {
            [200, 401] => true,
            [401, 200] => false,
            other => panic!("{}: {other:?}", self.email),
        }
    }
}

fn is_alive(caller: Caller, tokens: &Value) -> bool {
    match caller.refresh(&text(tokens, "refresh_token")).unwrap().status {
        200 => true,
        401 => false,
        status => panic!("{status}"),
    }
}

struct Changing<'a> {
    url: &'a str,
}

impl Deed for Changing<'_> {
    type Given = Person;

    fn prepare(&mut self, caller: Caller, number: usize) -> Person {
        Person::new(caller, number)
    }

    fn act(&mut self, server: &mut Process, person: &Person) -> bool {
        let answer = server.caller().change_password(&text(&person.here, "access_token"), NEW_PASSWORD);
        answer.is_some_and(|answer| answer.status == 204)
    }

    fn check(&mut self, caller: Caller, person: &Person, done: bool) {
        let rows = Rows { url: self.url, email: &person.email };
        let changed = person.has_new_password(caller);
        assert!(changed || !done, "{} was answered and is lost", person.email);
        assert_eq!(is_alive(caller, &person.elsewhere), !changed, "{}: the other session", person.email);
        assert!(is_alive(caller, &person.here), "{}: the session that asked", person.email);
        let told = [
            rows.of_user("email_outbox", "template = 'password_changed'"),
            rows.of_user("audit_events", "event = 'password.changed'"),
            rows.count("users WHERE email = $email AND security_epoch = 1"),
        ];
        assert_eq!(told, [i64::from(changed); 3], "{}", person.email);
    }
}

///
#[test]
fn a_kill_at_a_write_of_a_password_reset_spends_the_link_with_its_effect_or_not_at_all_on_sqlite() {
    reset(&Backend::Sqlite);
}

///
#[test]
fn a_kill_at_a_write_of_a_password_reset_spends_the_link_with_its_effect_or_not_at_all_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        reset(&backend);
    }
}

fn reset(backend: &Backend) {
    let (database, sink) = (TestDatabase::new(backend), SmtpSink::start());
    let launch = launch(&database).set("AUTH_SMTP_URL", &sink.url());
    die_at_each_write(backend, &database, &launch, &mut Resetting { url: &database.url, sink: &sink });
}

struct Resetting<'a> {
    url: &'a str,
    sink: &'a SmtpSink,
}

impl Deed for Resetting<'_> {
    type Given = (Person, String);

    fn prepare(&mut self, caller: Caller, number: usize) -> (Person, String) {
        let person = Person::new(caller, number);
        caller.forgot(&person.email).unwrap();
        let is_theirs = |mail: &&ReceivedMail| is_reset(mail) && mail.to[0] == person.email;
        let mails = self.sink.wait_until(|mails| mails.iter().any(|mail| is_theirs(&mail)), PATIENCE);
        let token = mails.iter().find(is_theirs).and_then(ReceivedMail::link_token);
        (person, token.expect("a link"))
    }

    fn act(&mut self, server: &mut Process, (_, token): &(Person, String)) -> bool {
        server.caller().reset(token, NEW_PASSWORD).is_some_and(|answer| answer.status == 204)
    }

    fn check(&mut self, caller: Caller, (person, token): &(Person, String), done: bool) {
        let rows = Rows { url: self.url, email: &person.email };
        let changed = person.has_new_password(caller);
        assert!(changed || !done, "{} was answered and is lost", person.email);
        for tokens in [&person.here, &person.elsewhere] {
            assert_eq!(is_alive(caller, tokens), !changed, "{}: a session", person.email);
        }
        let effects = [
            rows.of_user("one_time_tokens", "purpose = 'reset_password' AND used_at IS NOT NULL"),
            rows.of_user("email_outbox", "template = 'password_changed'"),
            rows.of_user("audit_events", "event = 'password.reset'"),
            rows.count("users WHERE email = $email AND email_verified_at IS NOT NULL"),
        ];
        assert_eq!(effects, [i64::from(changed); 4], "{}", person.email);
        let again = caller.reset(token, NEW_PASSWORD).unwrap();
        assert_eq!(again.status, if changed { 400 } else { 204 }, "{again:?}");
    }
}
