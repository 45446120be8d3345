//! An SMTP server for tests: it takes mails over TCP, keeps them, counts what it was asked, and misbehaves on demand.
//!
//! It speaks what a mail client needs: EHLO and HELO, MAIL, RCPT, DATA, RSET, NOOP, QUIT (RFC 5321), PIPELINING
//! (RFC 2920), SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531), AUTH PLAIN and LOGIN (RFC 4954), STARTTLS
//! (RFC 3207), and TLS from the first byte (RFC 8314). It is as strict as the standards allow: what a real server could
//! refuse, it refuses.
//!
//! ```
//! use smtp_sink::{Mode, SmtpSink};
//!
//! let sink = SmtpSink::start();
//! assert!(sink.url().starts_with("smtp://127.0.0.1:"));
//! sink.set_mode(Mode::Defer(451));
//! assert!(sink.mails().is_empty());
//! ```
#![deny(missing_docs)]
#![expect(clippy::unwrap_used, reason = "a test whose mail server can't start has failed")]

mod certificate;
mod mail;
mod mode;
mod options;
mod session;
mod sink;
mod state;
mod stream;

pub use mail::ReceivedMail;
pub use mode::Mode;
pub use options::{Options, Tls};
pub use sink::SmtpSink;
