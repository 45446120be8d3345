//! kill -9 while a mail is on its way (REQ-58).

use smtp_sink::{Mode, SmtpSink};

use crate::caller::Caller;
use crate::database::{Backend, TestDatabase};
use crate::letters::{check_each_got_one, use_every_link};
use crate::people::{PATIENCE, ask_for_resets, register_people};
use crate::process::Launch;
use crate::queue::Queue;
use crate::seeded::rounds;
use crate::wait::until;

/// Mails that are claimed together when the kill comes.
const TOGETHER: usize = 3;

/// the mail server has the whole mail and says nothing.
#[test]
fn a_kill_while_the_mail_server_hangs_loses_no_mail_on_sqlite() {
    kill_while_sending(&Backend::Sqlite, &Mode::HangAfterData);
}

///
#[test]
fn a_kill_while_the_mail_server_hangs_loses_no_mail_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        kill_while_sending(&backend, &Mode::HangAfterData);
    }
}

/// the mail server keeps the mail, and nobody hears of it.
#[test]
fn a_kill_when_the_answer_to_a_mail_is_lost_makes_one_copy_with_the_same_link_on_sqlite() {
    kill_while_sending(&Backend::Sqlite, &Mode::DropBeforeReply);
}

///
#[test]
fn a_kill_when_the_answer_to_a_mail_is_lost_makes_one_copy_with_the_same_link_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        kill_while_sending(&backend, &Mode::DropBeforeReply);
    }
}

fn kill_while_sending(backend: &Backend, mode: &Mode) {
    let database = TestDatabase::new(backend);
    let (sink, queue) = (SmtpSink::start(), Queue(&database));
    // One failure, and the mail server is left alone until the restart: nothing is handed over twice without a kill.
    let launch = Launch::on(&database)
        .set("AUTH_SMTP_URL", &sink.url())
        .set("AUTH_BREAKER_FAILURES", "1")
        .set("AUTH_BREAKER_RECOVERY", "1h");
    let kills = usize::try_from(rounds(25).div_ceil(5)).unwrap();
    let mut server = launch.start();
    let people = register_people(server.caller(), kills * TOGETHER);
    queue.wait_until_all_are_sent();
    sink.forget_mails();
    for (round, asking) in people.chunks(TOGETHER).enumerate() {
        sink.set_mode(mode.clone());
        let before = sink.commands(".");
        ask_for_resets(server.caller(), asking);
        until("a mail is on its way", || sink.commands(".") > before);
        if *mode == Mode::DropBeforeReply {
            sink.wait_for(round * TOGETHER + round + 1, PATIENCE);
        }
        server.kill();
        sink.set_mode(Mode::Accept);
        queue.end_leases("sent_at IS NULL");
        queue.end_waits();
        server = launch.start();
        queue.wait_until_all_are_sent();
    }
    check(&sink, &people, kills, mode, server.caller());
}

fn check(sink: &SmtpSink, people: &[String], kills: usize, mode: &Mode, caller: Caller) {
    let mails = sink.mails();
    let copies = check_each_got_one(&mails, people, kills);
    if *mode == Mode::DropBeforeReply {
        assert_eq!(copies, kills, "each kill met a mail that the mail server had kept");
    }
    use_every_link(&mails, caller);
}
