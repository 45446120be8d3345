//! Mails as they came.

use std::collections::BTreeSet;

use mail_parser::{MessageParser, PartType};
use url::Url;

/// A mail that was taken: its envelope, and the message as it stood between DATA and the final dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMail {
    /// The envelope's sender, as in MAIL.
    pub from: String,
    /// The envelope's recipients, as in RCPT.
    pub to: Vec<String>,
    /// Headers and body, with the dots of transparency taken off (RFC 5321, section 4.5.2).
    pub raw: Vec<u8>,
}

impl ReceivedMail {
    /// The Message-ID without its angle brackets; empty if there is none.
    pub fn message_id(&self) -> String {
        self.header("Message-ID").trim_matches(['<', '>']).to_owned()
    }

    /// The subject, decoded (RFC 2047); empty if there is none.
    pub fn subject(&self) -> String {
        let parsed = MessageParser::default().parse(&self.raw);
        parsed.as_ref().and_then(|mail| mail.subject()).unwrap_or_default().to_owned()
    }

    /// A header's value, unfolded but not decoded; empty if there is none.
    pub fn header(&self, name: &str) -> String {
        self.headers(name).into_iter().next().unwrap_or_default()
    }

    /// The values of all headers of this name, unfolded but not decoded.
    pub fn headers(&self, name: &str) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.raw);
        let head = text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ").replace("\r\n\t", " ");
        let fields = head.split("\r\n").filter_map(|line| line.split_once(':'));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()).collect()
    }

    /// The plain-text part, decoded; empty if there is none.
    pub fn text(&self) -> String {
        self.part(|part| match part {
            PartType::Text(text) => Some(text.to_string()),
            _ => None,
        })
    }

    /// The HTML part, decoded; empty if there is none.
    pub fn html(&self) -> String {
        self.part(|part| match part {
            PartType::Html(text) => Some(text.to_string()),
            _ => None,
        })
    }

    fn part(&self, wanted: impl Fn(&PartType<'_>) -> Option<String>) -> String {
        let parsed = MessageParser::default().parse(&self.raw);
        parsed.and_then(|mail| mail.parts.iter().find_map(|part| wanted(&part.body))).unwrap_or_default()
    }

    /// Every address of the web that stands in the text or the HTML part, each once.
    pub fn links(&self) -> Vec<String> {
        let texts = [self.text(), self.html().replace("&amp;", "&")];
        let links: BTreeSet<String> = texts.iter().flat_map(|text| links_in(text)).collect();
        links.into_iter().collect()
    }

    /// The value of `?token=` in the mail's one link; `None` if there is no link, more than one, or none in it.
    pub fn link_token(&self) -> Option<String> {
        let links = self.links();
        let [link] = links.as_slice() else { return None };
        let url = Url::parse(link).ok()?;
        url.query_pairs().find(|(name, _)| name == "token").map(|(_, value)| value.into_owned())
    }
}

fn links_in(text: &str) -> impl Iterator<Item = String> {
    let begins = text.match_indices("http").map(|(at, _)| &text[at..]);
    let links = begins.filter(|rest| rest.starts_with("http://") || rest.starts_with("https://"));
    links.map(|rest| {
        rest.split(|c: char| c.is_whitespace() || "\"'<>".contains(c)).next().unwrap_or_default().to_owned()
    })
}
