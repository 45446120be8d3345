//! kill -9 at each write of a registration: the account with all that belongs to it, or nothing.

use crate::caller::Caller;
use crate::database::{Backend, TestDatabase};
use crate::doom::{Deed, die_at_each_write, launch};
use crate::people::Rows;
use crate::process::Process;

///
#[test]
fn a_kill_at_a_write_of_a_registration_leaves_the_account_and_its_mail_or_nothing_on_sqlite() {
    register(&Backend::Sqlite);
}

///
#[test]
fn a_kill_at_a_write_of_a_registration_leaves_the_account_and_its_mail_or_nothing_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        register(&backend);
    }
}

fn register(backend: &Backend) {
    let database = TestDatabase::new(backend);
    die_at_each_write(backend, &database, &launch(&database), &mut Registering { url: &database.url });
}

struct Registering<'a> {
    url: &'a str,
}

impl Deed for Registering<'_> {
    type Given = String;

    fn prepare(&mut self, _: Caller, number: usize) -> String {
        format!("person{number}@example.org")
    }

    fn act(&mut self, server: &mut Process, email: &String) -> bool {
        server.caller().register(email).is_some_and(|answer| answer.status == 201)
    }

    fn check(&mut self, caller: Caller, email: &String, done: bool) {
        let rows = Rows { url: self.url, email };
        let counts = || {
            [
                rows.count("users WHERE email = $email"),
                rows.of_user("email_outbox", "template = 'verify_email'"),
                rows.of_user("sessions", "revoked_at IS NULL"),
                rows.of_user("audit_events", "event = 'user.registered'"),
                rows.count("email_outbox WHERE recipient = $email"),
            ]
        };
        let there = counts();
        assert!(there == [0; 5] || there == [1; 5], "{email}: {there:?}");
        assert!(!done || there == [1; 5], "{email} was answered and is lost");
        let again = caller.register(email).unwrap();
        assert_eq!(again.status, if there == [1; 5] { 409 } else { 201 }, "{again:?}");
        assert_eq!(counts(), [1; 5], "{email}");
    }
}

///
#[test]
fn a_kill_at_a_write_of_a_registration_to_be_verified_leaves_it_with_its_mail_or_nothing_on_sqlite() {
    register_to_be_verified(&Backend::Sqlite);
}

///
#[test]
fn a_kill_at_a_write_of_a_registration_to_be_verified_leaves_it_with_its_mail_or_nothing_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        register_to_be_verified(&backend);
    }
}

fn register_to_be_verified(backend: &Backend) {
    let database = TestDatabase::new(backend);
    let launch = launch(&database).set("AUTH_REQUIRE_VERIFIED_EMAIL", "true");
    die_at_each_write(backend, &database, &launch, &mut Waiting { url: &database.url });
}

struct Waiting<'a> {
    url: &'a str,
}

impl Deed for Waiting<'_> {
    type Given = String;

    fn prepare(&mut self, _: Caller, number: usize) -> String {
        format!("person{number}@example.org")
    }

    fn act(&mut self, server: &mut Process, email: &String) -> bool {
        server.caller().register(email).is_some_and(|answer| answer.status == 202)
    }

    fn check(&mut self, caller: Caller, email: &String, done: bool) {
        let rows = Rows { url: self.url, email };
        let registered = || rows.count("pending_registrations WHERE email = $email");
        let there = [registered(), rows.count("email_outbox WHERE recipient = $email")];
        assert!(there == [0, 0] || there == [1, 1], "{email}: {there:?}");
        assert!(!done || there == [1, 1], "{email} was answered and is lost");
        let again = caller.register(email).unwrap();
        assert_eq!((again.status, registered()), (202, 1), "{again:?}");
    }
}
