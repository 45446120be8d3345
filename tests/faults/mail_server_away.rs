//! A mail server that is gone for a while (REQ-58, REQ-43).

use std::collections::BTreeSet;

use smtp_sink::{ReceivedMail, SmtpSink};

use crate::caller::Caller;
use crate::database::{Backend, TestDatabase};
use crate::letters::{check_each_got_one, id_of, use_every_link};
use crate::people::{PATIENCE, ask_for_resets, register_people};
use crate::process::{Launch, Process};
use crate::queue::{Queue, WAITING};
use crate::quiet_port::quiet_port;
use crate::wait::until;

const ASKED: usize = 200;

/// Of those, whose links expire while the mail server is away.
const EXPIRED: usize = 20;

///
#[test]
fn mails_wait_for_a_mail_server_that_is_away_and_go_out_in_order_of_age_on_sqlite() {
    outlast_the_mail_server(&Backend::Sqlite);
}

///
#[test]
fn mails_wait_for_a_mail_server_that_is_away_and_go_out_in_order_of_age_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        outlast_the_mail_server(&backend);
    }
}

fn outlast_the_mail_server(backend: &Backend) {
    let database = TestDatabase::new(backend);
    let (queue, port) = (Queue(&database), quiet_port());
    let sink = SmtpSink::start_on(port);
    let launch = Launch::on(&database).set("AUTH_SMTP_URL", &sink.url()).set("AUTH_BREAKER_RECOVERY", "2s");
    let server = launch.start();
    let people = register_people(server.caller(), ASKED);
    sink.wait_for(ASKED, PATIENCE);
    queue.wait_until_all_are_sent();
    drop(sink);
    ask_for_resets(server.caller(), &people);
    server.wait_for_word("the mail server is out of reach");
    assert_eq!(queue.count(WAITING), i64::try_from(ASKED).unwrap(), "nothing is given up");
    let late: Vec<String> = people.iter().rev().take(EXPIRED).map(|email| format!("'{email}'")).collect();
    queue.expire(&format!("{WAITING} AND recipient IN ({})", late.join(",")));
    let sink = SmtpSink::start_on(port);
    // Those that were tried meanwhile wait for up to a minute; all others are due at once.
    until("what was not tried is sent", || queue.count(&format!("{WAITING} AND attempts = 0")) == 0);
    queue.end_waits();
    queue.wait_until_all_are_sent();
    let mails = sink.mails();
    check_each_got_one(&mails, &people[..ASKED - EXPIRED], 0);
    check_order(&mails, queue);
    check_expired(queue, &server);
    use_every_link(&mails[..3], server.caller());
}

/// The oldest first, but for the few by which the server was found to be away.
fn check_order(mails: &[ReceivedMail], queue: Queue<'_>) {
    let untried = queue.ids("template = 'reset_password' AND attempts = 0 AND sent_at IS NOT NULL");
    assert!(untried.len() > ASKED / 2, "{} of {ASKED} waited untouched", untried.len());
    let wanted: BTreeSet<&String> = untried.iter().collect();
    let arrived: Vec<String> = mails.iter().map(id_of).filter(|id| wanted.contains(id)).collect();
    assert_eq!(arrived, untried);
}

/// Expired ones are dropped and counted.
fn check_expired(queue: Queue<'_>, server: &Process) {
    let sent = queue.count("template = 'reset_password' AND sent_at IS NOT NULL");
    assert_eq!(sent, i64::try_from(ASKED - EXPIRED).unwrap());
    assert_eq!(queue.count("secret_sealed IS NOT NULL"), 0, "a token is kept for nothing");
    assert_eq!(sum_of("auth_mails_expired_total", server.caller()), EXPIRED);
}

/// The sum of a counter over its labels.
fn sum_of(counter: &str, caller: Caller) -> usize {
    let metrics = caller.get("/metrics").expect("an answer").text();
    let lines = metrics.lines().filter(|line| line.starts_with(counter));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
}
