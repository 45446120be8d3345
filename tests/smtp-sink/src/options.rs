//! What a server is started with.

use crate::mode::Mode;

/// How connections are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    #[default]
    None,
    /// After STARTTLS; nothing is taken before it.
    StartTls,
    /// From the first byte.
    Implicit,
}

/// What a server is started with. The default takes any mail in clear text, on a free port.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port on 127.0.0.1; 0 for a free one.
    pub port: u16,
    /// How connections are encrypted.
    pub tls: Tls,
    /// The name and password without which nothing is taken.
    pub credentials: Option<(String, String)>,
    /// Whether SMTPUTF8 is offered, which addresses beyond ASCII need.
    pub smtputf8: bool,
    /// How it behaves at first.
    pub mode: Mode,
}

impl Default for Options {
    fn default() -> Self {
        Self { port: 0, tls: Tls::None, credentials: None, smtputf8: true, mode: Mode::Accept }
    }
}
