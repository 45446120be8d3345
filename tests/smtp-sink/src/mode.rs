//! Ways to behave, switchable while the server runs.

/// How the server behaves. A connection looks it up anew at each step, so that a switch reaches the open ones too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Takes every mail.
    #[default]
    Accept,
    /// Answers RCPT with this code, 4xx: later, please. After 421 the connection is closed.
    Defer(u16),
    /// Answers RCPT for this one address with 550, whatever its case, and takes every other mail.
    RefuseRecipient(String),
    /// Answers every RCPT with 550.
    RefuseAll,
    /// Answers MAIL with 550: the sender may not send here.
    RefuseSender,
    /// Answers the mail itself with 554, and quotes the recipient and the link in the reply, as filters do.
    RefuseContent,
    /// Takes the mail's last line, keeps nothing, and never answers.
    HangAfterData,
    /// Keeps the mail and closes the connection where 250 was due.
    DropBeforeReply,
    /// Accepts connections and never says a word.
    NoGreeting,
    /// Accepts connections and closes them at once.
    CloseOnConnect,
    /// Answers AUTH with this code, whatever the credentials.
    BadCredentials(u16),
    /// Neither offers nor allows STARTTLS.
    NoStartTls,
    /// Appends replies to the one that begins TLS, as somebody on the line could, to be taken for encrypted ones.
    InjectAtStartTls,
    /// Shows a certificate of an authority that nobody knows.
    BadCertificate,
    /// Shows a certificate of the right authority for another host.
    ForeignCertificate,
}
