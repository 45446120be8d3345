//! Mails: whether any is lost or sent twice when an instance is killed, and how fast they go out.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use auth_core::{OsRandom, Random};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use smtp_sink::{Mode, SmtpSink};

use super::CHEAP;
use crate::account;
use crate::database::Database;
use crate::failure::Outcome;
use crate::report::{Quantity, Required, Row};
use crate::run::{Bench, progress, rounded};
use crate::server::{SMTP_URL, Server, wait_for_mails};

const MAILS: usize = 1_000;

/// The lease of a killed instance is two minutes, and a mail that was put off waits for some seconds more.
const PATIENCE: Duration = Duration::from_mins(5);

pub(super) fn measure(bench: &mut Bench<'_>) -> Outcome<()> {
    match Database::postgres()? {
        Some(database) => kill_one_of_two(bench, &database)?,
        None => bench.add(Row::problem(LOST, "left out: no PostgreSQL".to_owned(), None)),
    }
    let sqlite = Quantity { value: rate(&Database::sqlite()?)?, unit: "/s" };
    bench.add(Row::figure("mails by one instance, SQLite", sqlite, Required::Nothing));
    if let Some(database) = Database::postgres()? {
        let postgres = Quantity { value: rate(&database)?, unit: "/s" };
        bench.add(Row::figure("mails by one instance, PostgreSQL", postgres, Required::Nothing));
    }
    Ok(())
}

const LOST: &str = "of 1 000 mails that were put off at first, two instances, one killed: lost";

/// The mail server puts every mail off, then takes all; somewhere in the middle one of two instances is killed.
fn kill_one_of_two(bench: &mut Bench<'_>, database: &Database) -> Outcome<()> {
    let sink = SmtpSink::start();
    sink.set_mode(Mode::Defer(451));
    let url = sink.url();
    let settings = [CHEAP[0], CHEAP[1], (SMTP_URL, url.as_str())];
    let start = || Server::start_among_faults(database, &settings);
    let mut servers = [start()?, start()?];
    account::register(servers[0].address(), MAILS)?;
    until("as many mails as there are were put off", || sink.commands("RCPT") >= MAILS)?;
    sink.set_mode(Mode::Accept);
    let accepting = Instant::now();
    let chance = chance();
    wait_for_mails(&sink, 1 + chance % (MAILS * 9 / 10), PATIENCE)?;
    servers.rotate_left(chance % 2);
    let [killed, _other] = servers;
    killed.kill();
    progress(&format!("killed one of two after {} of {MAILS} mails", sink.commands(".")));
    // A copy comes when the killed one's lease is over, when every mail may have arrived already.
    let mut queue = PgConnection::establish(database.url())?;
    until("no mail waits", || waiting(&mut queue).is_ok_and(|count| count == 0)).unwrap_or_else(|error| {
        progress(&error.to_string());
    });
    let took = Quantity { value: accepting.elapsed().as_secs_f64(), unit: "s" };
    report(bench, &sink);
    bench.add(Row::figure("until none of them waited any more", took, Required::Nothing));
    Ok(())
}

/// Mails that are neither sent nor given up.
fn waiting(queue: &mut PgConnection) -> QueryResult<i64> {
    let count = "count(*) FROM auth.email_outbox WHERE sent_at IS NULL AND failed_at IS NULL";
    diesel::select(sql::<BigInt>(count)).get_result(queue)
}

fn recipients(sink: &SmtpSink) -> usize {
    sink.mails().iter().flat_map(|mail| mail.to.clone()).collect::<BTreeSet<_>>().len()
}

fn report(bench: &mut Bench<'_>, sink: &SmtpSink) {
    let mails = sink.mails();
    let ids = mails.iter().map(smtp_sink::ReceivedMail::message_id).collect::<BTreeSet<_>>().len();
    let recipients = recipients(sink);
    let count = |count: usize| Quantity { value: rounded(count as u64), unit: "" };
    bench.add(Row::figure(LOST, count(MAILS - recipients.min(MAILS)), Required::AtMost(0.0)));
    let again = "of these: sent again, with the same Message-ID";
    bench.add(Row::figure(again, count(mails.len() - ids), Required::AtMost(1.0)));
    let twice = "of these: sent twice, with another Message-ID";
    bench.add(Row::figure(twice, count(ids - recipients.min(ids)), Required::AtMost(0.0)));
}

/// Mails a second, from the first that arrives to the last but some: a few wait because they were tried too early.
fn rate(database: &Database) -> Outcome<f64> {
    let sink = SmtpSink::start();
    sink.set_mode(Mode::CloseOnConnect);
    let url = sink.url();
    let settings = [CHEAP[0], CHEAP[1], ("AUTH_BREAKER_RECOVERY", "1s"), (SMTP_URL, url.as_str())];
    let server = Server::start_among_faults(database, &settings)?;
    account::register(server.address(), MAILS)?;
    sink.set_mode(Mode::Accept);
    wait_for_mails(&sink, 1, PATIENCE)?;
    let begin = Instant::now();
    let counted = MAILS * 9 / 10;
    wait_for_mails(&sink, 1 + counted, PATIENCE)?;
    Ok(rounded(counted as u64) / begin.elapsed().as_secs_f64())
}

/// Another number in each run.
fn chance() -> usize {
    let random: &dyn Random = &OsRandom;
    usize::from(u16::from_be_bytes(random.bytes()))
}

fn until(what: &str, mut condition: impl FnMut() -> bool) -> Outcome<()> {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        if Instant::now() > end {
            return Err(format!("waited in vain until {what}").into());
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    Ok(())
}
