//! Readers of values: text in, typed value or the remedy out. None of them puts the text into the remedy, so that a
//! secret in the wrong place is not repeated; the fault quotes it, masked.

mod address;
mod choice;
mod connection_url;
mod duration;
mod log_filter;
mod mailbox;
mod number;
mod rate;
mod redis_url;
mod secret;
mod web_origin;
mod web_url;
mod word;

use super::fault::{Parsed, Remedy};

pub use connection_url::DatabaseUrl;
pub use mailbox::Mailbox;
pub use rate::Rate;
pub use secret::new_secret;
pub use web_origin::WebOrigin;
pub use web_url::BaseUrl;

pub(crate) use address::{network, socket_address};
pub(crate) use choice::{choice, switch};
pub(crate) use connection_url::{database_url, is_remote_without_tls, password_of, smtp_url};
pub(crate) use duration::{DAY, HOUR, MINUTE, SECOND, duration, duration_text};
pub(crate) use log_filter::log_filter;
pub(crate) use mailbox::{email, mailbox};
pub(crate) use number::number;
pub(crate) use rate::rate;
pub(crate) use redis_url::redis_url;
pub(crate) use secret::{admin_password, client_secret, is_default_password, is_placeholder, signing_secret};
pub(crate) use web_origin::web_origin;
pub(crate) use web_url::{base_url, is_loopback, link_page, outgoing_url};
pub(crate) use word::{issuer_name, key_prefix, one_line, schema_name, scopes, token_name};

/// A comma-separated list; white space around an item is dropped, an empty item or a repeated one is a fault.
pub(crate) fn list<T: PartialEq>(item: impl Fn(&str) -> Parsed<T>) -> impl Fn(&str) -> Parsed<Vec<T>> {
    move |text| {
        let mut items = Vec::new();
        for part in text.split(',').map(str::trim) {
            if part.is_empty() {
                return Err("remove the empty item between the commas".into());
            }
            let value = item(part)?;
            if items.contains(&value) {
                return Err("remove the item that stands there twice".into());
            }
            items.push(value);
        }
        Ok(items)
    }
}

/// `off`, or what the other reader reads.
pub(crate) fn or_off<T>(value: impl Fn(&str) -> Parsed<T>) -> impl Fn(&str) -> Parsed<Option<T>> {
    move |text| match text {
        "off" => Ok(None),
        text => value(text).map(Some).map_err(|Remedy(remedy)| Remedy(format!("{remedy}, or `off`"))),
    }
}

/// Checks values one by one, for the tables of the tests.
#[cfg(test)]
pub(crate) fn assert_refuses<T: std::fmt::Debug>(parse: impl Fn(&str) -> Parsed<T>, texts: &[&str]) {
    for text in texts {
        let Remedy(remedy) = parse(text).expect_err(text);
        assert!(!remedy.is_empty(), "{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_commas() {
        let numbers = list(number(1..=9));
        assert_eq!(numbers("1, 2,3").unwrap(), [1, 2, 3]);
        assert_refuses(numbers, &["", "1,,2", "1,", "1,1", "1,x"]);
    }

    #[test]
    fn off_is_none() {
        assert_eq!(or_off(number(1..=9))("off").unwrap(), None);
        assert_eq!(or_off(number(1..=9))("3").unwrap(), Some(3));
        assert!(or_off(number(1..=9))("OFF").unwrap_err().0.ends_with("or `off`"));
    }
}
