//! kill -9 at each write while a mail is queued, made, sent and noted as sent (REQ-58).

use smtp_sink::SmtpSink;

use crate::caller::Caller;
use crate::database::{Backend, TestDatabase};
use crate::doom::{Deed, die_at_each_write, launch};
use crate::letters::{by_id, is_reset, use_every_link};
use crate::process::Process;
use crate::queue::{Queue, WAITING};
use crate::wait::until_some;

///
#[test]
fn a_kill_at_a_write_of_sending_a_mail_loses_none_and_makes_one_copy_at_most_on_sqlite() {
    send(&Backend::Sqlite);
}

///
#[test]
fn a_kill_at_a_write_of_sending_a_mail_loses_none_and_makes_one_copy_at_most_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        send(&backend);
    }
}

fn send(backend: &Backend) {
    let (database, sink) = (TestDatabase::new(backend), SmtpSink::start());
    let launch = launch(&database).set("AUTH_SMTP_URL", &sink.url());
    let mut sending = Sending { queue: Queue(&database), sink: &sink, copies: 0 };
    die_at_each_write(backend, &database, &launch, &mut sending);
    println!("copies: {}", sending.copies);
}

struct Sending<'a> {
    queue: Queue<'a>,
    sink: &'a SmtpSink,
    copies: usize,
}

/// Somebody who forgot their password.
struct Asking {
    email: String,
    /// Whether the request was answered.
    is_answered: std::cell::Cell<bool>,
}

impl Deed for Sending<'_> {
    type Given = Asking;

    fn prepare(&mut self, caller: Caller, number: usize) -> Asking {
        let email = format!("person{number}@example.org");
        caller.registered(&email);
        self.queue.wait_until_all_are_sent();
        self.sink.forget_mails();
        Asking { email, is_answered: std::cell::Cell::new(false) }
    }

    fn act(&mut self, server: &mut Process, asking: &Asking) -> bool {
        let answer = server.caller().forgot(&asking.email);
        asking.is_answered.set(answer.is_some_and(|answer| answer.status == 202));
        asking.is_answered.get()
            && until_some("the mail is sent, or the server has died", || {
                if !server.is_alive() {
                    return Some(false);
                }
                (self.queue.count(WAITING) == 0).then_some(true)
            })
    }

    fn check(&mut self, caller: Caller, asking: &Asking, _: bool) {
        self.queue.end_leases("sent_at IS NULL");
        self.queue.end_waits();
        self.queue.wait_until_all_are_sent();
        let mails = self.sink.mails();
        let found = by_id(&mails);
        assert!(mails.iter().all(|mail| is_reset(mail) && mail.to[0] == asking.email));
        assert!(found.len() <= 1, "{}: another mail with another Message-ID", asking.email);
        assert!(!asking.is_answered.get() || found.len() == 1, "{} was answered and its mail is lost", asking.email);
        assert!(mails.len() <= 2, "{}: {} copies by one kill", asking.email, mails.len() - 1);
        self.copies += mails.len() - found.len();
        use_every_link(&mails, caller);
    }
}
