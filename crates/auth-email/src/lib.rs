//! Gatehouse's mails: what they say, how they look, and how they are sent.
//!
//! - [`Message`]: every mail there is. Its words stand in one file for each language (`src/text/english.rs`); the layout,
//!   plain text and HTML, is the same for all of them.
//! - [`Mailer`]: sends a message to an address, by SMTP, or to the log while somebody develops.
//! - [`SendError`]: whether a failure belongs to the one mail or to the server, which decides what to do next.
//!
//! Nothing is queued or tried again here: that is the outbox's part.
//!
//! ```
//! use auth_core::{Clock as _, Email, OsRandom, SystemClock, new_uuid};
//! use auth_email::{Branding, Mailer, Message};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let branding = Branding { product_name: "Thebes".to_owned(), base_url: "https://auth.example.com".parse()? };
//! // In production: `Mailer::smtp(SmtpConfig::new(url, from), branding)`.
//! let mailer = Mailer::console("Thebes <auth@example.com>", branding)?;
//! let link = "https://auth.example.com/link/verify-email?token=ot_…".parse()?;
//! // Makes the Message-ID: whoever tries again takes the same one.
//! let id = new_uuid(SystemClock.now(), &OsRandom);
//! mailer.send(id, &Email::parse("ada@example.org")?, &Message::VerifyEmail { link }).await?;
//! # Ok(())
//! # }
//! ```
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
