//! Ways to behave, switchable while the provider runs.

/// What can be asked over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// Where browsers go: approves at once, and sends back with 302.
    Authorize,
    /// `…/.well-known/openid-configuration`
    Discovery,
    /// The public keys.
    Jwks,
    /// Where codes are exchanged.
    Token,
    /// The user.
    Userinfo,
    /// The user's addresses, as GitHub has them.
    Emails,
}

/// How an endpoint answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// As it should.
    #[default]
    Normal,
    /// With this status and a page of HTML.
    Status(u16),
    /// With this, whatever was asked.
    Body {
        /// Status code.
        status: u16,
        /// Content type; empty for none.
        content_type: &'static str,
        /// The body, as it is.
        body: String,
    },
    /// Not at all, until the client or the provider goes.
    Hang,
    /// Rightly, the head at once and then one byte of the body a second.
    Drip,
    /// Rightly at first, and then with white space without end.
    Endless,
    /// Rightly, but filled up with white space to so many bytes.
    Large(usize),
    /// With 302 to this URL.
    Redirect(String),
    /// By closing the connection.
    Close,
}
