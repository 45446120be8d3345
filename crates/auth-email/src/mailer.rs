//! Sends messages.

use std::fmt;
use std::sync::Arc;

use auth_core::Email;
use lettre::message::Mailbox;
use uuid::Uuid;

use crate::branding::Branding;
use crate::compose::compose;
use crate::error::{InvalidMailConfig, SendError};
use crate::layout;
use crate::message::Message;
use crate::sender;
use crate::smtp::{Server, SmtpConfig, SmtpTransport};
use crate::text::ENGLISH;

/// Sends messages. A clone is the same mailer, with the same connection to the server.
#[derive(Clone)]
pub struct Mailer {
    inner: Arc<Inner>,
}

struct Inner {
    sender: Mailbox,
    branding: Branding,
    transport: Transport,
}

enum Transport {
    Smtp(Box<SmtpTransport>),
    Console,
}

impl Mailer {
    /// A mailer that sends by SMTP. Nothing is sent yet, not even a greeting.
    ///
    /// # Errors
    ///
    /// When something of the configuration can't be used; what, and never its value.
    pub fn smtp(config: SmtpConfig, branding: Branding) -> Result<Self, InvalidMailConfig> {
        branding.check()?;
        let SmtpConfig { url, from, extra_roots, timeouts } = config;
        let sender = sender::parse(&from)?;
        let server = Server::new(&url, &extra_roots)?;
        let transport = Transport::Smtp(Box::new(SmtpTransport::new(server, branding.client_id(), timeouts)));
        Ok(Self { inner: Arc::new(Inner { sender, branding, transport }) })
    }

    /// A mailer that writes each mail's recipient, subject and plain text to the log (target `mail`, level `INFO`), for
    /// development: whoever reads the log can use the links.
    ///
    /// # Errors
    ///
    /// When `from` is no sender, or the branding can't be used.
    pub fn console(from: &str, branding: Branding) -> Result<Self, InvalidMailConfig> {
        branding.check()?;
        let sender = sender::parse(from)?;
        Ok(Self { inner: Arc::new(Inner { sender, branding, transport: Transport::Console }) })
    }

    /// Sends `message` to `recipient`, once: trying again is the caller's part, with the same `id`, which makes the
    /// Message-ID, so that programs that see a mail twice know it.
    ///
    /// Needs a tokio runtime. If the future is dropped, nothing tells whether the mail was taken.
    ///
    /// # Errors
    ///
    /// [`SendError`] says whom the failure concerns.
    pub async fn send(&self, id: Uuid, recipient: &Email, message: &Message) -> Result<(), SendError> {
        let Inner { sender, branding, transport } = &*self.inner;
        match transport {
            Transport::Smtp(transport) => transport.send(&compose(id, sender, recipient, message, branding)?).await,
            Transport::Console => {
                let letter = (ENGLISH.letter)(message, &branding.product_name);
                let text = layout::text(&letter);
                tracing::info!(target: "mail", recipient = recipient.as_str(), subject = letter.subject, "{text}");
                Ok(())
            }
        }
    }
}

/// Tells the kind alone: the rest is addresses and credentials.
impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.inner.transport {
            Transport::Smtp(_) => "Mailer(smtp)",
            Transport::Console => "Mailer(console)",
        })
    }
}
