//! Mails that a mail server puts off or refuses: the others go on (REQ-58).

use smtp_sink::{Mode, SmtpSink};

use crate::database::{Backend, TestDatabase};
use crate::letters::check_each_got_one;
use crate::people::{PATIENCE, register_people};
use crate::process::{Launch, Process};
use crate::queue::{Queue, WAITING};
use crate::sql;
use crate::wait::until;

const PEOPLE: usize = 3;

/// 550 for one recipient.
#[test]
fn a_mail_that_is_refused_fails_alone_and_can_be_tried_again_on_sqlite() {
    refuse_one(&Backend::Sqlite);
}

///
#[test]
fn a_mail_that_is_refused_fails_alone_and_can_be_tried_again_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        refuse_one(&backend);
    }
}

fn refuse_one(backend: &Backend) {
    let post = Post::open(backend, Mode::RefuseRecipient("person0@example.org".to_owned()));
    let people = register_people(post.server.caller(), PEOPLE);
    post.queue().wait_until_all_are_sent();
    check_each_got_one(&post.sink.mails(), &people[1..], 0);
    let listed = post.launch.command(&["outbox", "list"]);
    let line = listed.lines().find(|line| line.contains(&people[0])).unwrap_or_else(|| panic!("{listed}"));
    assert!(line.contains("failed") && line.contains("550"), "{listed}");
    assert_eq!(post.sink.commands("RCPT"), PEOPLE, "it was asked for once");
    post.sink.set_mode(Mode::Accept);
    // One mail of a kind a minute goes to one address, and the refused one was one.
    sql::execute(&post.database.url, "DELETE FROM mail_budgets");
    let retried = post.launch.command(&["outbox", "retry", "--all"]);
    assert!(retried.contains(": 1"), "{retried}");
    post.queue().wait_until_all_are_sent();
    check_each_got_one(&post.sink.mails(), &people, 0);
    assert_eq!(post.queue().count("failed_at IS NOT NULL"), 0);
}

/// 451 for all.
#[test]
fn mails_that_are_put_off_hold_up_no_other_and_arrive_later_on_sqlite() {
    put_off(&Backend::Sqlite);
}

///
#[test]
fn mails_that_are_put_off_hold_up_no_other_and_arrive_later_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        put_off(&backend);
    }
}

fn put_off(backend: &Backend) {
    let post = Post::open(backend, Mode::Defer(451));
    let mut people = register_people(post.server.caller(), PEOPLE);
    post.queue().wait_until_all_were_tried();
    assert_eq!(post.queue().count("failed_at IS NOT NULL"), 0);
    // For long, so that only what came later can be due.
    post.queue().wait_longer();
    post.sink.set_mode(Mode::Accept);
    people.push("late@example.org".to_owned());
    post.server.caller().registered("late@example.org");
    check_each_got_one(&post.sink.wait_for(1, PATIENCE), &people[PEOPLE..], 0);
    post.queue().end_waits();
    post.queue().wait_until_all_are_sent();
    check_each_got_one(&post.sink.mails(), &people, 0);
}

/// 421 says that the server has no time for anybody.
#[test]
fn a_mail_server_that_closes_is_no_fault_of_the_mail_on_sqlite() {
    close_on_all(&Backend::Sqlite);
}

///
#[test]
fn a_mail_server_that_closes_is_no_fault_of_the_mail_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        close_on_all(&backend);
    }
}

fn close_on_all(backend: &Backend) {
    let post = Post::open(backend, Mode::Defer(421));
    let people = register_people(post.server.caller(), PEOPLE);
    post.server.wait_for_word("the mail server is out of reach");
    until("the breaker keeps the others back", || post.queue().count(WAITING) == 3);
    post.sink.set_mode(Mode::Accept);
    post.queue().end_waits();
    post.queue().wait_until_all_are_sent();
    check_each_got_one(&post.sink.mails(), &people, 0);
    assert_eq!(post.queue().count("failed_at IS NOT NULL"), 0);
}

/// X-06, P-11: filters quote what they don't like.
#[test]
fn what_a_mail_server_quotes_reaches_neither_the_log_nor_the_database_on_sqlite() {
    quote(&Backend::Sqlite);
}

/// X-06, P-11
#[test]
fn what_a_mail_server_quotes_reaches_neither_the_log_nor_the_database_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        quote(&backend);
    }
}

fn quote(backend: &Backend) {
    let post = Post::open(backend, Mode::RefuseContent);
    let people = register_people(post.server.caller(), 1);
    post.server.wait_for_word("a mail was refused for good");
    post.queue().wait_until_all_are_sent();
    let noted = post.queue().last_error_of(&people[0]);
    assert!(noted.contains("554"), "{noted}");
    for text in [noted, post.server.said()] {
        assert!(!text.contains("token=") && !text.contains(&people[0]), "{text}");
    }
}

/// A server, and the mail server that it sends to.
struct Post {
    sink: SmtpSink,
    launch: Launch,
    server: Process,
    database: TestDatabase,
}

impl Post {
    fn open(backend: &Backend, mode: Mode) -> Self {
        let (database, sink) = (TestDatabase::new(backend), SmtpSink::start());
        sink.set_mode(mode);
        let launch = Launch::on(&database).set("AUTH_SMTP_URL", &sink.url()).set("AUTH_BREAKER_RECOVERY", "100ms");
        let server = launch.start();
        Self { sink, launch, server, database }
    }

    fn queue(&self) -> Queue<'_> {
        Queue(&self.database)
    }
}
