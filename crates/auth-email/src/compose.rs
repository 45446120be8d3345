//! A message becomes a mail: envelope and bytes.

use auth_core::Email;
use lettre::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use uuid::Uuid;

use crate::branding::Branding;
use crate::error::SendError;
use crate::layout;
use crate::message::Message;
use crate::text::ENGLISH;

/// A mail as it goes over the wire.
pub(crate) struct Mail {
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) raw: Vec<u8>,
    /// What no error may quote: the recipient, the link and its token.
    pub(crate) hidden: Vec<String>,
}

impl Mail {
    /// Whether any mail server can take it, without SMTPUTF8 (RFC 6531) and 8BITMIME (RFC 6152).
    pub(crate) fn is_ascii(&self) -> bool {
        self.raw.is_ascii() && AsRef::<str>::as_ref(&self.from).is_ascii() && AsRef::<str>::as_ref(&self.to).is_ascii()
    }
}

/// Writes the mail. The Message-ID is made of `id` alone, so that a second attempt sends the same one.
pub(crate) fn compose(
    id: Uuid,
    sender: &Mailbox,
    recipient: &Email,
    message: &Message,
    branding: &Branding,
) -> Result<Mail, SendError> {
    let to = address(recipient)?;
    let letter = (ENGLISH.letter)(message, &branding.product_name);
    let parts = MultiPart::alternative_plain_html(layout::text(&letter), layout::html(&letter, &ENGLISH));
    let mail = lettre::Message::builder()
        .from(sender.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(letter.subject)
        .message_id(Some(format!("<{id}@{}>", branding.host())))
        .header(AutoSubmitted)
        .multipart(parts)
        .map_err(|error| SendError::Refused(format!("the mail can't be written: {error}")))?;
    let mut hidden = vec![recipient.as_str().to_owned(), recipient.canonical().to_owned(), to.to_string()];
    if let Some(link) = message.link() {
        hidden.push(link.to_string());
        hidden.extend(link.query().map(str::to_owned));
        hidden.extend(link.query_pairs().filter(|(name, _)| name == "token").map(|(_, token)| token.into_owned()));
    }
    Ok(Mail { from: sender.email.clone(), to, raw: mail.formatted(), hidden })
}

/// Where the mail goes: the local part as its owner spelt it, the domain in ASCII, as the envelope needs it where
/// SMTPUTF8 is missing.
fn address(recipient: &Email) -> Result<Address, SendError> {
    let domain = recipient.canonical().rsplit('@').next().unwrap_or_default();
    Address::new(recipient.local_part(), domain)
        .map_err(|error| SendError::Refused(format!("the address can't be written into a mail: {error}")))
}

/// `Auto-Submitted: auto-generated` (RFC 3834, section 5): nobody's absence note is to answer.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    fn composed(recipient: &Email) -> Result<Mail, SendError> {
        let base_url = Url::parse("https://[2001:db8::1]:8443").unwrap();
        let branding = Branding { product_name: "Thebes".to_owned(), base_url };
        let sender = crate::sender::parse("auth@localhost").unwrap();
        compose(Uuid::nil(), &sender, recipient, &Message::AccountExists, &branding)
    }

    proptest! {
        /// P-08, E-04: what is an address for accounts is one for mails, and stays one.
        #[test]
        fn every_address_that_accounts_have_can_be_written_to(
            text in "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~äß用é\\-.]{1,64}@([a-zA-Z0-9ü例-]{1,20}\\.){0,3}[a-zä]{2,8}",
        ) {
            if let Ok(email) = Email::parse(&text) {
                let mail = composed(&email).unwrap();
                prop_assert_eq!(mail.to.to_string().to_lowercase(), email.canonical());
                prop_assert_eq!(mail.to.user(), email.local_part());
                let raw = String::from_utf8(mail.raw).unwrap();
                let head = raw.split("\r\n\r\n").next().unwrap_or_default();
                let names: Vec<_> = head.split("\r\n").filter_map(|line| line.split(':').next()).collect();
                prop_assert_eq!(names.iter().filter(|name| **name == "To").count(), 1);
                prop_assert!(!names.contains(&"Bcc") && !names.contains(&"Cc"));
            }
        }
    }

    #[test]
    fn a_message_id_takes_an_address_for_a_host() {
        let mail = composed(&Email::parse("a@b.example").unwrap()).unwrap();
        let raw = String::from_utf8(mail.raw).unwrap();
        assert!(raw.contains("\r\nMessage-ID: <00000000-0000-0000-0000-000000000000@[2001:db8::1]>\r\n"), "{raw}");
    }
}
