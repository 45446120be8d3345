//! What arrives, and over how many connections.

use auth_email::Mailer;
use smtp_sink::{Mode, Options, SmtpSink};

use crate::bed::{ID, OTHER_ID, TOKEN, ada, branding, config, link, mailer, send, sink, verification};

#[tokio::test]
async fn a_mail_arrives_with_its_headers_both_parts_and_one_link() {
    let sink = sink(Mode::Accept);
    send(&mailer(&sink)).await.unwrap();

    let [mail] = sink.mails().try_into().unwrap();
    assert_eq!((mail.from.as_str(), mail.to.as_slice()), ("auth@example.com", &["Ada@example.org".to_owned()][..]));
    assert_eq!(mail.message_id(), "01900000-0000-7000-8000-000000000001@auth.example.com");
    assert_eq!(mail.header("From"), "Thebes <auth@example.com>");
    assert_eq!(mail.header("To"), "Ada@example.org");
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.header("MIME-Version"), "1.0");
    assert!(mail.header("Date").ends_with("+0000"), "{}", mail.header("Date"));
    assert!(mail.header("Content-Type").starts_with("multipart/alternative"), "{}", mail.header("Content-Type"));
    assert_eq!(mail.subject(), "Verify your email address for Thebes");
    assert!(mail.text().contains(link().as_str()));
    assert_eq!(mail.links(), [link().to_string()]);
    assert_eq!(mail.link_token().as_deref(), Some(TOKEN));
    for name in ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type"] {
        assert_eq!(mail.headers(name).len(), 1, "{name}");
    }
    assert!(mail.headers("Bcc").is_empty() && mail.headers("Cc").is_empty());
}

/// whoever gets a mail twice can see that it is one.
#[tokio::test]
async fn the_second_attempt_of_a_mail_has_the_message_id_and_the_token_of_the_first() {
    let sink = sink(Mode::DropBeforeReply);
    let mailer = mailer(&sink);
    send(&mailer).await.unwrap_err();
    sink.set_mode(Mode::Accept);
    send(&mailer).await.unwrap();

    let [first, second] = sink.mails().try_into().unwrap();
    assert_eq!(first.message_id(), second.message_id());
    assert_eq!(first.link_token(), second.link_token());
    assert_eq!(sink.duplicates().len(), 1);
}

#[tokio::test]
async fn mails_that_follow_each_other_use_one_connection() {
    let sink = sink(Mode::Accept);
    let mailer = mailer(&sink);
    for _ in 0..3 {
        send(&mailer.clone()).await.unwrap();
    }
    assert_eq!((sink.mails().len(), sink.connections()), (3, 1));
}

#[tokio::test]
async fn mails_at_the_same_time_get_connections_of_their_own() {
    let sink = sink(Mode::Accept);
    let mailer = mailer(&sink);
    let sent = [ID, OTHER_ID].map(|id| {
        let mailer = mailer.clone();
        tokio::spawn(async move { mailer.send(id, &ada(), &verification()).await })
    });
    for sent in sent {
        sent.await.unwrap().unwrap();
    }
    assert_eq!((sink.mails().len(), sink.duplicates().len()), (2, 0));
}

///
#[tokio::test]
async fn a_server_that_comes_back_on_its_port_gets_the_next_mail_at_once() {
    let first = sink(Mode::Accept);
    let (port, mailer) = (first.port(), mailer(&first));
    send(&mailer).await.unwrap();
    drop(first);
    assert!(send(&mailer).await.is_err());
    let second = SmtpSink::start_on(port);
    send(&mailer).await.unwrap();
    assert_eq!(second.mails().len(), 1);
}

#[tokio::test]
async fn a_connection_that_died_in_between_costs_no_mail() {
    let first = sink(Mode::Accept);
    let (port, mailer) = (first.port(), mailer(&first));
    send(&mailer).await.unwrap();
    drop(first);
    let second = SmtpSink::start_on(port);
    send(&mailer).await.unwrap();
    assert_eq!(second.mails().len(), 1);
}

#[tokio::test]
async fn credentials_from_the_url_are_used_once_for_each_connection() {
    let credentials = Some(("ada@example.com".to_owned(), "p:w/ä%".to_owned()));
    let sink = SmtpSink::start_with(Options { credentials, ..Options::default() });
    let mailer = mailer(&sink);
    send(&mailer).await.unwrap();
    send(&mailer).await.unwrap();
    assert_eq!((sink.mails().len(), sink.commands("AUTH")), (2, 1));
}

#[tokio::test]
async fn a_name_beyond_ascii_is_encoded_and_a_long_one_folded() {
    let sink = sink(Mode::Accept);
    let mut branding = branding();
    branding.product_name = "Die Sieben Tore Thebens – für Menschen und für Götter – αβγ".to_owned();
    let from = "Müller & Söhne e.K. <auth@example.com>".to_owned();
    let mailer = Mailer::smtp(auth_email::SmtpConfig { from, ..config(&sink) }, branding.clone()).unwrap();
    send(&mailer).await.unwrap();

    let [mail] = sink.mails().try_into().unwrap();
    assert_eq!(mail.subject(), format!("Verify your email address for {}", branding.product_name));
    assert!(mail.text().contains(&branding.product_name) && mail.html().contains(&branding.product_name));
    assert!(mail.header("From").ends_with("<auth@example.com>") && mail.header("From").starts_with("=?utf-8?"));
    assert!(mail.raw.is_ascii());
    assert!(mail.raw.split(|byte| *byte == b'\n').all(|line| line.len() <= 998));
}
