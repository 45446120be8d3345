//! Two instances send the mails of one database, and one of them is killed (REQ-58).

use smtp_sink::{Mode, SmtpSink};

use crate::database::{Backend, TestDatabase};
use crate::letters::check_each_got_one;
use crate::people::{PATIENCE, register_people};
use crate::process::{Launch, Process};
use crate::queue::{Queue, WAITING};
use crate::seeded::{Seeded, rounds};
use crate::wait::until;

/// In each round.
const MAILS: usize = 300;

///
#[test]
fn of_two_instances_one_is_killed_and_every_mail_arrives_once_but_for_one_copy_on_sqlite() {
    kill_one_of_two(&Backend::Sqlite);
}

///
#[test]
fn of_two_instances_one_is_killed_and_every_mail_arrives_once_but_for_one_copy_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        kill_one_of_two(&backend);
    }
}

fn kill_one_of_two(backend: &Backend) {
    let mut chance = Seeded::from_environment("kill one of two");
    let mut copies = 0;
    for _ in 0..rounds(25).div_ceil(15) {
        copies += kill_one(backend, &mut chance);
    }
    println!("copies: {copies}");
}

fn kill_one(backend: &Backend, chance: &mut Seeded) -> usize {
    let database = TestDatabase::new(backend);
    let (sink, queue) = (SmtpSink::start(), Queue(&database));
    sink.set_mode(Mode::CloseOnConnect);
    let launch = Launch::on(&database).set("AUTH_SMTP_URL", &sink.url()).set("AUTH_BREAKER_RECOVERY", "500ms");
    let mut servers: Vec<Process> = (0..2).map(|_| launch.start()).collect();
    let people = register_people(servers[0].caller(), MAILS);
    sink.set_mode(Mode::Accept);
    queue.end_waits();
    // While there is enough left for the other one to show that it goes on.
    let after = usize::try_from(chance.below(MAILS as u64 / 6)).unwrap();
    sink.wait_for(after, PATIENCE);
    let killed = usize::try_from(chance.below(2)).unwrap();
    servers[killed].kill();
    leave_the_rest_to_the_other(queue);
    let copies = check_each_got_one(&sink.mails(), &people, 1);
    let mut other = servers.remove(1 - killed);
    assert!(!other.has_said("lease had ended"), "{}", other.said());
    other.kill();
    crate::sql::check_integrity(&database.url);
    copies
}

/// The other one sends what nobody had claimed at once, and what the killed one had claimed when its lease is over.
fn leave_the_rest_to_the_other(queue: Queue<'_>) {
    let (open, last) = (queue.count(WAITING), queue.last_lease());
    assert!(open > 0, "killed too late");
    // Whatever the other one had then is sent before what it claims later.
    let unclaimed = format!("{WAITING} AND (claimed_until IS NULL OR {} > {last})", queue.lease());
    assert!(queue.count(&unclaimed) > 0, "killed too late: all of {open} are claimed");
    until("the other one has sent what the killed one had not claimed", || queue.count(&unclaimed) == 0);
    queue.end_leases("sent_at IS NULL");
    queue.wait_until_all_are_sent();
}
