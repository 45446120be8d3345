//! Servers that say no: to one mail, for now, or to us.

use auth_core::Email;
use auth_email::SendError;
use smtp_sink::{Mode, Options, SmtpSink};

use crate::bed::{OTHER_ID, TOKEN, mailer, send, sink, unreachable, verification};

///
#[tokio::test]
async fn a_451_defers_the_mail_and_keeps_the_connection() {
    let sink = sink(Mode::Defer(451));
    let mailer = mailer(&sink);
    let error = send(&mailer).await.unwrap_err();
    assert_eq!(error, SendError::Deferred("RCPT: 451 4.3.0 <…> later, please".to_owned()));

    sink.set_mode(Mode::Accept);
    send(&mailer).await.unwrap();
    assert_eq!((sink.mails().len(), sink.connections()), (1, 1));
}

/// one bad address never stands in the way of the others.
#[tokio::test]
async fn a_550_for_one_recipient_leaves_the_others_alone() {
    let sink = sink(Mode::RefuseRecipient("ada@example.org".to_owned()));
    let mailer = mailer(&sink);
    let error = send(&mailer).await.unwrap_err();
    assert_eq!(error, SendError::Refused("RCPT: 550 5.1.1 <…> is unknown".to_owned()));

    let other = Email::parse("jo@example.org").unwrap();
    mailer.send(OTHER_ID, &other, &verification()).await.unwrap();
    let [mail] = sink.mails().try_into().unwrap();
    assert_eq!(mail.to, ["jo@example.org"]);
    assert_eq!(sink.connections(), 1);
}

#[tokio::test]
async fn a_filters_refusal_quotes_neither_the_token_nor_the_address() {
    let sink = sink(Mode::RefuseContent);
    let error = send(&mailer(&sink)).await.unwrap_err();
    assert!(matches!(&error, SendError::Refused(reason) if reason.starts_with("DATA: 554 5.7.1")), "{error:?}");
    let text = format!("{error} {error:?}");
    assert!(!text.contains(TOKEN) && !text.to_lowercase().contains("ada@"), "{text}");
}

///
#[tokio::test]
async fn a_421_concerns_the_server() {
    let sink = sink(Mode::Defer(421));
    let mailer = mailer(&sink);
    let (needs_operator, reason) = unreachable(send(&mailer).await);
    assert!(!needs_operator && reason.contains("421"), "{reason}");
    sink.set_mode(Mode::Accept);
    send(&mailer).await.unwrap();
    assert_eq!(sink.connections(), 2);
}

/// nothing is dropped for what the operator can mend.
#[tokio::test]
async fn wrong_credentials_need_the_operator_and_are_not_told() {
    let credentials = Some(("ada".to_owned(), "hunter2".to_owned()));
    for (code, expected) in [(535, true), (534, true), (454, false)] {
        let mode = Mode::BadCredentials(code);
        let sink = SmtpSink::start_with(Options { credentials: credentials.clone(), mode, ..Options::default() });
        let (needs_operator, reason) = unreachable(send(&mailer(&sink)).await);
        assert_eq!((needs_operator, reason), (expected, format!("AUTH: {code}")));
        assert_eq!(sink.commands("MAIL"), 0);
    }
}

#[tokio::test]
async fn a_server_that_wants_a_log_in_that_is_not_configured_needs_the_operator() {
    let credentials = Some(("ada".to_owned(), "hunter2".to_owned()));
    let sink = SmtpSink::start_with(Options { credentials, ..Options::default() });
    let url = format!("smtp://127.0.0.1:{}", sink.port()).into();
    let config = auth_email::SmtpConfig { url, ..crate::bed::config(&sink) };
    let mailer = auth_email::Mailer::smtp(config, crate::bed::branding()).unwrap();
    let (needs_operator, reason) = unreachable(send(&mailer).await);
    assert!(needs_operator && reason.contains("530"), "{reason}");
}

#[tokio::test]
async fn credentials_that_the_server_can_not_take_need_the_operator() {
    let sink = sink(Mode::Accept);
    let url = format!("smtp://ada:hunter2@127.0.0.1:{}", sink.port()).into();
    let config = auth_email::SmtpConfig { url, ..crate::bed::config(&sink) };
    let mailer = auth_email::Mailer::smtp(config, crate::bed::branding()).unwrap();
    let (needs_operator, reason) = unreachable(send(&mailer).await);
    assert!(needs_operator && !reason.contains("hunter2"), "{reason}");
}

/// The sender is the same for every mail, so a refused sender must not cost mails one by one.
#[tokio::test]
async fn a_refused_sender_needs_the_operator() {
    let sink = sink(Mode::RefuseSender);
    let (needs_operator, reason) = unreachable(send(&mailer(&sink)).await);
    assert!(needs_operator && reason.starts_with("MAIL: 550"), "{reason}");
}
