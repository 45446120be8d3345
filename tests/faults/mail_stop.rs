//! Stopping in good order while mails are sent (REQ-58, REQ-56).

use rustix::process::Signal;
use smtp_sink::{Mode, SmtpSink};

use crate::database::{Backend, TestDatabase};
use crate::letters::check_each_got_one;
use crate::people::{PATIENCE, ask_for_resets, register_people};
use crate::process::Launch;
use crate::queue::{Queue, WAITING};
use crate::wait::until;

const PEOPLE: usize = 300;

///
#[test]
fn a_server_that_stops_finishes_the_mail_in_hand_and_gives_the_others_back_on_sqlite() {
    stop_while_sending(&Backend::Sqlite);
}

///
#[test]
fn a_server_that_stops_finishes_the_mail_in_hand_and_gives_the_others_back_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        stop_while_sending(&backend);
    }
}

fn stop_while_sending(backend: &Backend) {
    let database = TestDatabase::new(backend);
    let (sink, queue) = (SmtpSink::start(), Queue(&database));
    sink.set_mode(Mode::CloseOnConnect);
    let launch = Launch::on(&database).set("AUTH_SMTP_URL", &sink.url()).set("AUTH_BREAKER_RECOVERY", "500ms");
    let mut server = launch.start();
    let people = register_people(server.caller(), PEOPLE);
    sink.set_mode(Mode::Accept);
    queue.end_waits();
    sink.wait_for(5, PATIENCE);
    server.signal(Signal::TERM);
    assert_eq!(server.exit().code(), Some(0), "{}", server.said());
    assert!(queue.count(WAITING) > 0, "stopped too late to show anything");
    assert_eq!(queue.count(&format!("{WAITING} AND claimed_until IS NOT NULL")), 0, "a lease was not given back");
    let _server = launch.start();
    queue.wait_until_all_are_sent();
    check_each_got_one(&sink.mails(), &people, 0);
}

/// the mail server has the mail and says nothing. This takes the time that is left to the last mail, 15 s.
#[test]
fn a_server_that_stops_while_the_mail_server_hangs_loses_no_mail_on_sqlite() {
    stop_while_hanging(&Backend::Sqlite);
}

///
#[test]
fn a_server_that_stops_while_the_mail_server_hangs_loses_no_mail_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        stop_while_hanging(&backend);
    }
}

fn stop_while_hanging(backend: &Backend) {
    let database = TestDatabase::new(backend);
    let (sink, queue) = (SmtpSink::start(), Queue(&database));
    let launch = Launch::on(&database).set("AUTH_SMTP_URL", &sink.url());
    let mut server = launch.start();
    let people = register_people(server.caller(), 3);
    queue.wait_until_all_are_sent();
    sink.forget_mails();
    sink.set_mode(Mode::HangAfterData);
    let before = sink.commands(".");
    ask_for_resets(server.caller(), &people);
    until("a mail is on its way", || sink.commands(".") > before);
    server.signal(Signal::TERM);
    assert_eq!(server.exit().code(), Some(0), "{}", server.said());
    assert_eq!(queue.count(WAITING), 3);
    let kept = queue.count(&format!("{WAITING} AND claimed_until IS NOT NULL"));
    assert_eq!(kept, 0, "leases were not given back");
    sink.set_mode(Mode::Accept);
    let _server = launch.start();
    queue.wait_until_all_are_sent();
    check_each_got_one(&sink.mails(), &people, 0);
}
