//! TLS: required, checked, and not to be talked out of. 12.3.2 of ASVS 5.

use smtp_sink::{Mode, Options, SmtpSink, Tls};

use crate::bed::{mailer, send, trusting, unreachable};

fn encrypting(tls: Tls, mode: Mode) -> SmtpSink {
    let credentials = Some(("ada".to_owned(), "hunter2".to_owned()));
    SmtpSink::start_with(Options { tls, credentials, mode, ..Options::default() })
}

#[tokio::test]
async fn mails_go_over_starttls_and_over_smtps() {
    for tls in [Tls::StartTls, Tls::Implicit] {
        let sink = encrypting(tls, Mode::Accept);
        let mailer = trusting(&sink);
        send(&mailer).await.unwrap();
        send(&mailer).await.unwrap();
        assert_eq!((sink.mails().len(), sink.connections()), (2, 1), "{tls:?}");
        assert_eq!(sink.commands("STARTTLS"), usize::from(tls == Tls::StartTls));
    }
}

/// neither a mail nor a password goes to a server that can't show who it is.
#[tokio::test]
async fn a_bad_certificate_is_refused_and_needs_the_operator() {
    for tls in [Tls::StartTls, Tls::Implicit] {
        for (mode, why) in [(Mode::BadCertificate, "UnknownIssuer"), (Mode::ForeignCertificate, "not valid for name")] {
            let sink = encrypting(tls, mode.clone());
            let (needs_operator, reason) = unreachable(send(&trusting(&sink)).await);
            assert!(
                needs_operator && reason.starts_with("TLS: ") && reason.contains(why),
                "{tls:?} {mode:?}: {reason}"
            );
            assert_eq!((sink.commands("AUTH"), sink.commands("MAIL")), (0, 0));
        }
    }
}

#[tokio::test]
async fn a_private_authority_is_not_trusted_unless_it_is_named() {
    let sink = encrypting(Tls::Implicit, Mode::Accept);
    let (needs_operator, reason) = unreachable(send(&mailer(&sink)).await);
    assert!(needs_operator && reason.contains("UnknownIssuer"), "{reason}");
    assert_eq!(sink.commands("EHLO"), 0);
}

/// whoever strips the offer of STARTTLS gets nothing.
#[tokio::test]
async fn without_starttls_nothing_is_sent_where_it_is_required() {
    let sink = encrypting(Tls::StartTls, Mode::NoStartTls);
    assert_eq!(unreachable(send(&trusting(&sink)).await), (true, "the server offers no STARTTLS".to_owned()));
    assert_eq!((sink.commands("AUTH"), sink.commands("MAIL")), (0, 0));
}

/// CVE-2011-0411 and its kin.
#[tokio::test]
async fn replies_that_were_slipped_in_before_the_handshake_are_not_taken_for_encrypted_ones() {
    let sink = encrypting(Tls::StartTls, Mode::InjectAtStartTls);
    let (needs_operator, reason) = unreachable(send(&trusting(&sink)).await);
    assert!(needs_operator && reason.starts_with("TLS: "), "{reason}");
    assert_eq!((sink.commands("AUTH"), sink.commands("MAIL"), sink.mails().len()), (0, 0, 0));
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_where_it_should_needs_the_operator() {
    let plain = SmtpSink::start();
    let url = format!("smtps://127.0.0.1:{}", plain.port()).into();
    let config = auth_email::SmtpConfig { url, ..crate::bed::config(&plain) };
    let mailer = auth_email::Mailer::smtp(config, crate::bed::branding()).unwrap();
    let (needs_operator, reason) = unreachable(send(&mailer).await);
    assert!(needs_operator && reason.starts_with("TLS: "), "{reason}");
}
