//! What can go wrong, by what has to be done about it.

/// Why a mail was not sent. No text of these holds a credential, an address, or anything of the mail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// This mail will never be taken (5xx): trying again is of no use, other mails are not concerned.
    #[error("refused: {0}")]
    Refused(String),
    /// This mail is not taken now (4xx): try it again later, other mails are not concerned.
    #[error("deferred: {0}")]
    Deferred(String),
    /// No mail can be sent at the moment: the server is out of reach, silent, or turns us away. Nothing tells whether
    /// the mail was taken when the connection was lost after it.
    #[error("mail server: {reason}")]
    Unreachable {
        /// What happened.
        reason: String,
        /// It won't get better by itself: credentials, certificate, encryption, or the sender's address.
        needs_operator: bool,
    },
}

/// Why no mailer can be made. None of the texts quotes what was configured, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMailConfig {
    /// Not `smtp://[user:password@]host[:port][?tls=required]` or `smtps://…`.
    #[error("the mail server's URL is not `smtp://[user:password@]host[:port][?tls=required]` or `smtps://…`")]
    Url,
    /// The sender is not one address, with or without a name.
    #[error("the sender is not an address, or a name and an address: `Gatehouse <auth@example.com>`")]
    Sender,
    /// The product's name is empty or holds control characters.
    #[error("the product's name is not one line of text")]
    ProductName,
    /// The base URL has no host.
    #[error("the base URL has no host")]
    BaseUrl,
    /// An additional root certificate is not PEM, or none that TLS can use.
    #[error("an additional root certificate can't be read")]
    RootCertificate,
}
