//! Mail servers that somebody has to mend: nothing is lost meanwhile, and the operator is told (REQ-58).

use smtp_sink::{Mode, Options, SmtpSink, Tls};

use crate::database::{Backend, TestDatabase};
use crate::letters::check_each_got_one;
use crate::people::register_people;
use crate::process::{Launch, Process};
use crate::queue::{Queue, WAITING};
use crate::wait::until;

const PEOPLE: usize = 3;

const REFUSED: &str = "the mail server refuses this server: mails wait until that is mended";

/// 535, no STARTTLS, certificates of nobody and of somebody else.
#[test]
fn a_mail_server_that_has_to_be_mended_is_an_error_in_the_log_and_mails_wait_for_it_on_sqlite() {
    mend(&Backend::Sqlite);
}

///
#[test]
fn a_mail_server_that_has_to_be_mended_is_an_error_in_the_log_and_mails_wait_for_it_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        mend(&backend);
    }
}

fn mend(backend: &Backend) {
    let named = || Some(("gate".to_owned(), "keeper".to_owned()));
    let encrypted = |tls| Options { tls, ..Options::default() };
    for (options, mode, said) in [
        (Options { credentials: named(), ..Options::default() }, Mode::BadCredentials(535), "535"),
        (Options::default(), Mode::RefuseSender, "550"),
        (encrypted(Tls::StartTls), Mode::NoStartTls, "no STARTTLS"),
        (encrypted(Tls::StartTls), Mode::BadCertificate, "TLS: "),
        (encrypted(Tls::StartTls), Mode::ForeignCertificate, "TLS: "),
        (encrypted(Tls::Implicit), Mode::BadCertificate, "TLS: "),
    ] {
        let sink = SmtpSink::start_with(Options { mode: mode.clone(), ..options });
        mend_one(backend, &sink, &mode, said);
    }
}

fn mend_one(backend: &Backend, sink: &SmtpSink, mode: &Mode, said: &str) {
    let database = TestDatabase::new(backend);
    let queue = Queue(&database);
    let server = trusting(sink, &database).start();
    let people = register_people(server.caller(), PEOPLE);
    server.wait_for_word(REFUSED);
    check_error(&server, said);
    assert_eq!(queue.count(WAITING), 3, "{mode:?}: a mail was given up");
    assert_eq!(sink.mails().len(), 0, "{mode:?}");
    assert_eq!(server.caller().get("/health/ready").unwrap().status, 200, "{mode:?}: it serves all the same");
    sink.set_mode(Mode::Accept);
    queue.end_waits();
    queue.wait_until_all_are_sent();
    check_each_got_one(&sink.mails(), &people, 0);
}

/// Logged as an error, with what to mend and without the password.
fn check_error(server: &Process, said: &str) {
    let log = server.said();
    let line = log.lines().find(|line| line.contains(REFUSED)).unwrap();
    assert!(line.contains("\"ERROR\"") && line.contains(said), "{said}: {line}");
    assert!(!log.contains("keeper"), "{log}");
}

/// A server that trusts the mail server's authority as it does those of its system.
fn trusting(sink: &SmtpSink, database: &TestDatabase) -> Launch {
    let launch = Launch::on(database).set("AUTH_SMTP_URL", &sink.url()).set("AUTH_BREAKER_RECOVERY", "100ms");
    if !sink.url().contains("tls=required") && !sink.url().starts_with("smtps:") {
        return launch;
    }
    let roots = database.folder.path().join("roots.pem");
    std::fs::write(&roots, sink.root_certificate()).unwrap();
    launch.set("SSL_CERT_FILE", roots.to_str().unwrap())
}

/// the greeting never comes. This takes the time-out of a command, half a minute.
#[test]
fn a_mail_server_that_never_greets_keeps_no_request_waiting_and_no_mail_for_ever_on_sqlite() {
    never_greeted(&Backend::Sqlite);
}

///
#[test]
fn a_mail_server_that_never_greets_keeps_no_request_waiting_and_no_mail_for_ever_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        never_greeted(&backend);
    }
}

fn never_greeted(backend: &Backend) {
    let database = TestDatabase::new(backend);
    let (sink, queue) = (SmtpSink::start(), Queue(&database));
    sink.set_mode(Mode::NoGreeting);
    let server = trusting(&sink, &database).start();
    let mut people = register_people(server.caller(), 1);
    until("the mail server is asked", || sink.connections() > 0);
    // Meanwhile the one who sends mails waits for the greeting, and nobody else for them.
    people.push("other@example.org".to_owned());
    server.caller().registered("other@example.org");
    assert!(!server.has_said("the mail server is out of reach"), "a request waited for the mail server");
    server.wait_for_word("the mail server is out of reach");
    sink.set_mode(Mode::Accept);
    queue.end_waits();
    queue.wait_until_all_are_sent();
    check_each_got_one(&sink.mails(), &people, 0);
}
