//! What the tests send, and by what.

use std::time::Duration;

use auth_core::Email;
use auth_email::{Branding, Mailer, Message, SendError, SmtpConfig, Timeouts};
use smtp_sink::{Mode, Options, SmtpSink};
use url::Url;
use uuid::Uuid;

pub(crate) const ID: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
pub(crate) const OTHER_ID: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002);
pub(crate) const TOKEN: &str = "ot_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

pub(crate) fn branding() -> Branding {
    Branding { product_name: "Thebes".to_owned(), base_url: Url::parse("https://auth.example.com/sso").unwrap() }
}

pub(crate) fn link() -> Url {
    Url::parse(&format!("https://auth.example.com/sso/link/verify-email?lang=en&token={TOKEN}")).unwrap()
}

pub(crate) fn verification() -> Message {
    Message::VerifyEmail { link: link() }
}

pub(crate) fn ada() -> Email {
    Email::parse("Ada@example.org").unwrap()
}

pub(crate) fn sink(mode: Mode) -> SmtpSink {
    SmtpSink::start_with(Options { mode, ..Options::default() })
}

pub(crate) fn config(sink: &SmtpSink) -> SmtpConfig {
    SmtpConfig::new(sink.url().into(), "Thebes <auth@example.com>".to_owned())
}

/// A mailer that trusts the sink's root certificate.
pub(crate) fn trusting(sink: &SmtpSink) -> Mailer {
    let config = SmtpConfig { extra_roots: vec![sink.root_certificate()], ..config(sink) };
    Mailer::smtp(config, branding()).unwrap()
}

pub(crate) fn mailer(sink: &SmtpSink) -> Mailer {
    Mailer::smtp(config(sink), branding()).unwrap()
}

/// A mailer that waits for a command's answer so long, and for a whole mail so long.
pub(crate) fn impatient(sink: &SmtpSink, command: Duration, send: Duration) -> Mailer {
    let timeouts = Timeouts { command, send, ..Timeouts::default() };
    Mailer::smtp(SmtpConfig { timeouts, ..config(sink) }, branding()).unwrap()
}

pub(crate) async fn send(mailer: &Mailer) -> Result<(), SendError> {
    mailer.send(ID, &ada(), &verification()).await
}

/// Sends, and expects that no mail can be sent; whether the operator is needed, and the reason.
#[track_caller]
pub(crate) fn unreachable(result: Result<(), SendError>) -> (bool, String) {
    match result {
        Err(SendError::Unreachable { reason, needs_operator }) => (needs_operator, reason),
        other => panic!("{other:?}"),
    }
}
