//! What mails say. One file for each language, with nothing in it but words.

mod english;
mod shown;

use crate::message::Message;

pub(crate) use english::ENGLISH;

/// A language: another one is another file with a value of this.
pub(crate) struct Language {
    /// Its tag (BCP 47).
    pub(crate) tag: &'static str,
    /// What a message says, in the name of a product.
    pub(crate) letter: fn(&Message, &str) -> Letter,
    /// Stands before the link that is shown as text.
    pub(crate) link_as_text: &'static str,
}

/// What one mail says, as text without any markup.
pub(crate) struct Letter {
    /// One line, and nothing in it that a stranger wrote.
    pub(crate) subject: String,
    pub(crate) heading: String,
    /// Paragraphs before the facts and the link.
    pub(crate) opening: Vec<String>,
    /// When, from where, and the like: name and value.
    pub(crate) facts: Vec<(&'static str, String)>,
    pub(crate) action: Option<Action>,
    /// Paragraphs after the link.
    pub(crate) closing: Vec<String>,
    pub(crate) footer: String,
}

/// What a mail asks for.
pub(crate) struct Action {
    /// What the link does, in a few words.
    pub(crate) label: &'static str,
    pub(crate) link: String,
    /// How long the link is good.
    pub(crate) life: String,
}
