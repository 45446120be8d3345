//! To whom mails go, and to nobody else.

use auth_core::Email;
use auth_email::{InvalidMailConfig, Mailer, SendError, SmtpConfig};
use smtp_sink::{Mode, Options, SmtpSink};

use crate::bed::{ID, branding, config, mailer, send, sink, unreachable, verification};

/// P-08, E-04: there is no recipient that could be more than one.
#[test]
fn a_list_or_another_header_is_no_recipient() {
    let too_long = format!("a@{}.example", "b".repeat(320));
    for text in [
        "a@x.org,b@y.org",
        "a@x.org;b@y.org",
        "a@x.org b@y.org",
        "a@x.org\r\nBcc: b@y.org",
        "a@x.org%0d%0aBcc:b@y.org",
        "\"a@x.org b@y.org\"@z.org",
        "<a@x.org>",
        "a@x.org>\r\nRCPT TO:<b@y.org",
        "a@x.org\0",
        "a@[127.0.0.1]",
        "-oX@x.org",
        &too_long,
    ] {
        assert!(Email::parse(text).is_err(), "{text:?}");
    }
}

/// P-08.
#[test]
fn a_list_or_another_header_is_no_sender() {
    let sink = sink(Mode::Accept);
    for from in
        ["a@x.org, b@y.org", "A <a@x.org>\r\nBcc: b@y.org", "A\r\nBcc: b@y.org <a@x.org>", "a@x.org> SIZE=1", ""]
    {
        let mailer = Mailer::smtp(SmtpConfig { from: from.to_owned(), ..config(&sink) }, branding());
        assert_eq!(mailer.err(), Some(InvalidMailConfig::Sender), "{from:?}");
    }
}

/// E-04, P-10: the local part as its owner spelt it, the domain as every server understands it.
#[tokio::test]
async fn a_mail_goes_to_the_stored_spelling_with_its_domain_in_ascii() {
    let longest = format!("{}@{}.example", "a".repeat(64), ["b".repeat(60), "c".repeat(60), "d".repeat(59)].join("."));
    let sink = SmtpSink::start_with(Options { smtputf8: false, ..Options::default() });
    let mailer = mailer(&sink);
    for (address, expected) in [
        ("Ada.Lovelace+x@EXAMPLE.org", "Ada.Lovelace+x@example.org"),
        ("ada@Bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("o'hara!#$%&*+/=?^_`{|}~-@example.org", "o'hara!#$%&*+/=?^_`{|}~-@example.org"),
        ("a@localhost", "a@localhost"),
        (&longest, &longest),
    ] {
        sink.forget_mails();
        mailer.send(ID, &Email::parse(address).unwrap(), &verification()).await.unwrap();
        let [mail] = sink.mails().try_into().unwrap();
        assert_eq!(mail.to, [expected], "{address}");
        assert_eq!(mail.header("To").replace(char::is_whitespace, ""), expected, "{address}");
        assert!(mail.raw.is_ascii());
    }
    assert_eq!(sink.connections(), 1);
}

/// P-10: RFC 6531.
#[tokio::test]
async fn a_local_part_beyond_ascii_is_sent_where_the_server_can_and_else_refused_alone() {
    let address = Email::parse("用户@例え.jp").unwrap();
    let able = sink(Mode::Accept);
    mailer(&able).send(ID, &address, &verification()).await.unwrap();
    let [mail] = able.mails().try_into().unwrap();
    assert_eq!(mail.to, ["用户@xn--r8jz45g.jp"]);

    let unable = SmtpSink::start_with(Options { smtputf8: false, ..Options::default() });
    let mailer = mailer(&unable);
    let error = mailer.send(ID, &address, &verification()).await.unwrap_err();
    assert!(matches!(&error, SendError::Refused(reason) if reason.contains("SMTPUTF8")), "{error:?}");
    send(&mailer).await.unwrap();
    assert_eq!((unable.mails().len(), unable.connections()), (1, 1));
}

/// Else every mail would be dropped, one by one.
#[tokio::test]
async fn a_sender_beyond_ascii_that_the_server_can_not_take_needs_the_operator() {
    let sink = SmtpSink::start_with(Options { smtputf8: false, ..Options::default() });
    let from = "Thebes <käthe@example.com>".to_owned();
    let mailer = Mailer::smtp(SmtpConfig { from, ..config(&sink) }, branding()).unwrap();
    let (needs_operator, reason) = unreachable(send(&mailer).await);
    assert!(needs_operator && reason.contains("SMTPUTF8"), "{reason}");
}
