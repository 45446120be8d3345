//! The sender of all mails.

use lettre::Address;
use lettre::message::Mailbox;
use url::Host;

use crate::error::InvalidMailConfig;

/// Reads `Name <address>`, `"Name" <address>`, or an address alone: the spellings that the configuration takes.
pub(crate) fn parse(text: &str) -> Result<Mailbox, InvalidMailConfig> {
    if text.chars().any(char::is_control) {
        return Err(InvalidMailConfig::Sender);
    }
    let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => (unquoted(name.trim())?, address),
        None => ("", text),
    };
    let (local, domain) = address.rsplit_once('@').ok_or(InvalidMailConfig::Sender)?;
    if local.contains(['"', '@']) || domain.contains('%') {
        return Err(InvalidMailConfig::Sender);
    }
    // What mail servers have in common is ASCII.
    let Ok(Host::Domain(domain)) = Host::parse(domain) else { return Err(InvalidMailConfig::Sender) };
    let address = Address::new(local, domain).map_err(|_| InvalidMailConfig::Sender)?;
    Ok(Mailbox::new((!name.is_empty()).then(|| name.to_owned()), address))
}

fn unquoted(name: &str) -> Result<&str, InvalidMailConfig> {
    let (inner, special) = match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(inner) => (inner, "\"\\"),
        None => (name, "()<>[]:;@\\,\""),
    };
    if inner.contains(|c| special.contains(c)) { Err(InvalidMailConfig::Sender) } else { Ok(inner.trim()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        for (text, name, address) in [
            ("auth@localhost", None, "auth@localhost"),
            ("<auth@example.com>", None, "auth@example.com"),
            ("Auth <auth@localhost>", Some("Auth"), "auth@localhost"),
            ("\"Shop, Inc.\" <a.b+c@example.com>", Some("Shop, Inc."), "a.b+c@example.com"),
            ("Müller & Söhne e.K. <auth@bücher.example>", Some("Müller & Söhne e.K."), "auth@xn--bcher-kva.example"),
        ] {
            let mailbox = parse(text).unwrap();
            assert_eq!((mailbox.name.as_deref(), mailbox.email.as_ref()), (name, address), "{text}");
        }
    }

    /// P-08.
    #[test]
    fn a_sender_can_not_become_a_list_or_another_header() {
        for text in [
            "",
            "Auth",
            "Auth <auth>",
            "Auth <>",
            "a@b@c",
            "a@",
            "@b",
            "A <a@b>, B <b@c>",
            "a@b, c@d",
            "a@b;c@d",
            "Auth\r\nBcc: x@y <a@b>",
            "a@b\r\nBcc: x@y",
            "Shop, Inc. <a@b>",
            "\"a\"b\" <a@b>",
            "\"a b\"@c",
            "a b@c",
            "a@127.0.0.1",
            "a@[::1]",
            "a@b%2Ec",
        ] {
            assert_eq!(parse(text), Err(InvalidMailConfig::Sender), "{text:?}");
        }
    }
}
