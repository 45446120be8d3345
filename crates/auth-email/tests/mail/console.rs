//! The transport of development, and what is never printed.

use std::io;
use std::sync::{Arc, Mutex};

use auth_email::{Branding, InvalidMailConfig, Mailer};
use tracing_subscriber::fmt::MakeWriter;
use url::Url;

use crate::bed::{TOKEN, branding, config, link, send, sink, verification};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// REQ-58.
#[tokio::test]
async fn the_console_tells_recipient_subject_and_text() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let mailer = Mailer::console("Auth <auth@localhost>", branding()).unwrap();
    send(&mailer).await.unwrap();
    drop(guard);

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for part in [" INFO mail:", "Ada@example.org", "Verify your email address for Thebes", link().as_str()] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn neither_tokens_nor_credentials_are_printed() {
    let sink = sink(smtp_sink::Mode::Accept);
    let message = format!("{:?}", verification());
    assert_eq!(message, "Message(verify_email)");
    let mut config = config(&sink);
    config.url = "smtps://ada:hunter2@mail.example".into();
    let printed = format!("{config:?} {:?}", Mailer::smtp(config.clone(), branding()).unwrap());
    assert!(!printed.contains("hunter2") && !printed.contains(TOKEN), "{printed}");
}

#[test]
fn what_can_not_be_used_is_told_when_the_mailer_is_made() {
    let with =
        |product: &str, base: &str| Branding { product_name: product.to_owned(), base_url: Url::parse(base).unwrap() };
    for (branding, from, expected) in [
        (with("", "https://x.example"), "a@b.example", InvalidMailConfig::ProductName),
        (with("a\r\nBcc: x@y.example", "https://x.example"), "a@b.example", InvalidMailConfig::ProductName),
        (with("a", "data:x"), "a@b.example", InvalidMailConfig::BaseUrl),
        (with("a", "https://x.example"), "a", InvalidMailConfig::Sender),
    ] {
        assert_eq!(Mailer::console(from, branding).err(), Some(expected));
    }
    let config = auth_email::SmtpConfig::new("smtp://hunter2@h".into(), "a@b.example".to_owned());
    let error = Mailer::smtp(config, branding()).unwrap_err();
    assert_eq!(error, InvalidMailConfig::Url);
    assert!(!error.to_string().contains("hunter2"));
}
