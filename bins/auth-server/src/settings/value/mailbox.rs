//! Senders and receivers of mail.

use std::fmt;

use auth_core::Email;

use crate::settings::fault::Parsed;

/// A mailbox of RFC 5322: an address, with a name before it if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Name that mail programs show.
    pub name: Option<String>,
    /// Address.
    pub address: String,
}

/// As RFC 5322 writes it, with the name in quotes.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "\"{name}\" <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

/// `Name <address>` or an address alone. The sender may sit in a domain without a dot, such as `auth@localhost`.
pub(crate) fn mailbox(text: &str) -> Parsed<Mailbox> {
    parse(text).ok_or_else(|| "write an address, or a name and an address: `Gatehouse <auth@example.com>`".into())
}

/// An address that accounts can have.
pub(crate) fn email(text: &str) -> Parsed<String> {
    let email = Email::parse(text).map_err(|_| "write an email address, such as `ada@example.com`")?;
    Ok(email.as_str().to_owned())
}

fn parse(text: &str) -> Option<Mailbox> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let Some((name, address)) = text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) else {
        return is_address(text).then(|| Mailbox { name: None, address: text.to_owned() });
    };
    let name = unquoted(name.trim())?;
    let name = (!name.is_empty()).then(|| name.to_owned());
    is_address(address).then(|| Mailbox { name, address: address.to_owned() })
}

/// A quoted name may hold anything but quotes and backslashes; an unquoted one none of RFC 5322's special characters.
fn unquoted(name: &str) -> Option<&str> {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(name) => (!name.contains(['"', '\\'])).then_some(name),
        None => (!name.contains(['(', ')', '<', '>', '[', ']', ':', ';', '@', '\\', ',', '"'])).then_some(name),
    }
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_atom = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let is_label = |label: &str| {
        let inner = label.chars().all(|c| c.is_alphanumeric() || c == '-');
        !label.is_empty() && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_local = local.split('.').all(|part| !part.is_empty() && part.chars().all(is_atom));
    // A bare IP address is no domain of mail.
    let is_number = domain.rsplit('.').next().is_some_and(|label| label.chars().all(|c| c.is_ascii_digit()));
    !is_number && text.len() <= Email::MAX_BYTES && local.len() <= 64 && is_local && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::value::assert_refuses;

    #[test]
    fn the_name_is_optional() {
        let read = |text| mailbox(text).map(|mailbox| (mailbox.name, mailbox.address)).unwrap();
        assert_eq!(read("Auth <auth@localhost>"), (Some("Auth".into()), "auth@localhost".into()));
        assert_eq!(read("\"Shop, Inc.\" <a.b+c@example.com>"), (Some("Shop, Inc.".into()), "a.b+c@example.com".into()));
        assert_eq!(read("auth@example.com"), (None, "auth@example.com".into()));
        assert_eq!(read("<auth@example.com>"), (None, "auth@example.com".into()));
    }

    #[test]
    fn a_mailbox_that_is_written_reads_the_same() {
        for text in ["Auth <auth@localhost>", "\"Shop, Inc.\" <a.b+c@example.com>", "auth@example.com"] {
            let read = mailbox(text).unwrap();
            assert_eq!(mailbox(&read.to_string()).unwrap(), read);
        }
    }

    #[test]
    fn anything_that_could_become_another_header_is_refused() {
        assert_refuses(
            mailbox,
            &[
                "",
                "Auth",
                "Auth <>",
                "Auth <auth>",
                "a@b@c",
                "a@",
                "@b",
                "a b@c",
                "Auth <a@b> x",
                "A <a@b>, B <b@c>",
                "Auth\r\nBcc: x@y <a@b>",
                "Shop, Inc. <a@b>",
                "\"a\"b\" <a@b>",
                "a@b..c",
                ".a@b",
                "a@-b",
            ],
        );
    }

    #[test]
    fn the_administrators_address_is_one_that_accounts_have() {
        assert_eq!(email("ada@example.com").unwrap(), "ada@example.com");
        assert_refuses(email, &["", "ada", "ada@", "Ada <ada@example.com>"]);
    }
}
