//! Gatehouse's mails: what they say, how they look, and how they are sent.
//!
//! - [`Message`]: every mail there is. Its words stand in one file for each language (`src/text/english.rs`); the layout,
//!   plain text and HTML, is the same for all of them.
//! - [`Mailer`]: sends a message to an address, by SMTP, or to the log while somebody develops.
//! - [`SendError`]: whether a failure belongs to the one mail or to the server, which decides what to do next.
//!
//! Nothing is queued or tried again here: that is the outbox's part.
#![deny(missing_docs)]

mod branding;
mod compose;
mod error;
mod layout;
mod mailer;
mod message;
mod sender;
mod smtp;
mod text;

pub use branding::Branding;
pub use error::{InvalidMailConfig, SendError};
pub use mailer::Mailer;
pub use message::{Alert, Message, Occasion, UnknownAlert};
pub use smtp::{SmtpConfig, Timeouts};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExample;
