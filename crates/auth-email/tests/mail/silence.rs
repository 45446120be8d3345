//! Servers that say nothing, or go in the middle of a sentence.

use std::time::{Duration, Instant};

use smtp_sink::{Mode, Options, SmtpSink, Tls};

use crate::bed::{impatient, mailer, send, sink, unreachable};

const MOMENT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_mins(1);

///
#[tokio::test]
async fn a_server_that_hangs_after_the_mail_is_left_and_not_used_again() {
    let sink = sink(Mode::HangAfterData);
    let mailer = impatient(&sink, MOMENT, LONG);
    assert_eq!(unreachable(send(&mailer).await), (false, "DATA: no answer in time".to_owned()));
    assert_eq!((sink.commands("."), sink.mails().len()), (1, 0));

    sink.set_mode(Mode::Accept);
    send(&mailer).await.unwrap();
    assert_eq!((sink.mails().len(), sink.connections()), (1, 2));
}

///
#[tokio::test]
async fn a_connection_that_ends_before_the_answer_leaves_it_open_whether_the_mail_was_taken() {
    let sink = sink(Mode::DropBeforeReply);
    let (needs_operator, _) = unreachable(send(&mailer(&sink)).await);
    assert!(!needs_operator);
    assert_eq!(sink.mails().len(), 1);
}

///
#[tokio::test]
async fn a_greeting_that_never_comes_is_not_waited_for() {
    for tls in [Tls::None, Tls::StartTls, Tls::Implicit] {
        let sink = SmtpSink::start_with(Options { tls, mode: Mode::NoGreeting, ..Options::default() });
        let [connect, command] = [MOMENT, MOMENT / 4];
        let timeouts = auth_email::Timeouts { connect, command, ..auth_email::Timeouts::default() };
        let config = auth_email::SmtpConfig { timeouts, ..crate::bed::config(&sink) };
        let extra_roots = if tls == Tls::None { Vec::new() } else { vec![sink.root_certificate()] };
        let config = auth_email::SmtpConfig { extra_roots, ..config };
        let mailer = auth_email::Mailer::smtp(config, crate::bed::branding()).unwrap();
        let began = Instant::now();
        assert_eq!(unreachable(send(&mailer).await), (false, "opening: no answer in time".to_owned()), "{tls:?}");
        assert!(began.elapsed() < LONG / 2);
    }
}

#[tokio::test]
async fn a_mail_has_a_time_limit_of_its_own() {
    let sink = sink(Mode::HangAfterData);
    let mailer = impatient(&sink, LONG, MOMENT);
    assert_eq!(unreachable(send(&mailer).await), (false, "the mail took too long".to_owned()));
    sink.set_mode(Mode::Accept);
    send(&mailer).await.unwrap();
    assert_eq!(sink.connections(), 2);
}

///
#[tokio::test]
async fn a_server_that_is_away_is_out_of_reach() {
    let sink = sink(Mode::CloseOnConnect);
    let mailer = mailer(&sink);
    assert!(!unreachable(send(&mailer).await).0);
    drop(sink);
    let (needs_operator, reason) = unreachable(send(&mailer).await);
    assert!(!needs_operator && reason.starts_with("connecting: "), "{reason}");
}

/// `localhost` has an IPv6 address too on most machines, where the server doesn't listen.
#[tokio::test]
async fn a_hosts_other_addresses_are_tried() {
    let sink = sink(Mode::Accept);
    let url = format!("smtp://localhost:{}", sink.port()).into();
    let config = auth_email::SmtpConfig { url, ..crate::bed::config(&sink) };
    send(&auth_email::Mailer::smtp(config, crate::bed::branding()).unwrap()).await.unwrap();
    assert_eq!(sink.mails().len(), 1);
}

///
#[test]
fn the_usual_time_limits_are_10_30_and_45_seconds() {
    let usual = auth_email::Timeouts::default();
    assert_eq!([usual.connect, usual.command, usual.send], [10, 30, 45].map(Duration::from_secs));
}
