//! Mail.

use secrecy::SecretString;

use crate::settings::definition::Definition;
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{Mailbox, mailbox, smtp_url};

pub(crate) static SMTP_URL: Definition = Definition::unset(
    "AUTH_SMTP_URL",
    "mail server: `smtps://user:password@host`, or `smtp://…`, which wants STARTTLS unless the host is a loopback address \
     (`?tls=required`: there too); unset, mails are printed to the log, which production refuses",
)
.credential_url();
pub(crate) static FROM: Definition =
    Definition::new("AUTH_MAIL_FROM", "Auth <auth@localhost>", "sender of mails: an address, or a name and an address");

pub(crate) static GROUP: Group = Group { title: "Mail", rows: &[&SMTP_URL, &FROM] };

/// Settings of mail.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Mail server; `None` prints mails to the log.
    pub smtp_url: Option<SecretString>,
    /// Sender.
    pub from: Mailbox,
}

impl MailSettings {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        Self { smtp_url: reader.optional(&SMTP_URL, smtp_url), from: reader.value(&FROM, mailbox) }
    }
}
