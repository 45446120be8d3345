//! Sending by SMTP.
//!
//! lettre writes the mail, speaks the protocol and checks the certificate. What it leaves open is done here: a time-out
//! for each command, one connection kept for the next mail, and knowing at which step a server said no.

mod connection;
mod fault;
mod server;
mod trickle;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lettre::transport::smtp::extension::ClientId;
use secrecy::SecretString;

use self::connection::Connection;
use self::fault::unreachable;
use crate::compose::Mail;
use crate::error::SendError;

pub(crate) use self::server::Server;

/// How to reach the mail server.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// `smtp://[user:password@]host[:port][?tls=required]`, or `smtps://…` for TLS from the first byte (RFC 8314). Port
    /// 587 or 465, unless it is given; user and password percent-encoded.
    ///
    /// With `smtp`, STARTTLS is required, unless the host is this machine's loopback: there nothing is encrypted, unless
    /// `?tls=required` says so. Certificates are checked always.
    pub url: SecretString,
    /// The sender: `Name <address>`, or an address.
    pub from: String,
    /// Root certificates to trust besides the system's, for private authorities; each a PEM text.
    pub extra_roots: Vec<String>,
    /// How long things may take.
    pub timeouts: Timeouts,
}

impl SmtpConfig {
    /// A configuration with the system's root certificates and the usual time-outs.
    pub fn new(url: SecretString, from: String) -> Self {
        Self { url, from, extra_roots: Vec::new(), timeouts: Timeouts::default() }
    }
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Finding the server's addresses, and connecting to each of them until one answers: 10 s each.
    pub connect: Duration,
    /// The answer to a command or to a mail; the greeting with what belongs to it; a TLS handshake: 30 s each. Where TLS
    /// comes first (`smtps`), connecting, handshake and greeting have this and `connect` together.
    pub command: Duration,
    /// Sending one mail, all in all: 45 s.
    pub send: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), command: Duration::from_secs(30), send: Duration::from_secs(45) }
    }
}

/// A connection that waits longer than this for the next mail is given up: most servers close it after some minutes.
const LONGEST_REST: Duration = Duration::from_mins(1);

/// Sends mails to one server.
pub(crate) struct SmtpTransport {
    server: Server,
    client_id: ClientId,
    timeouts: Timeouts,
    resting: Mutex<Option<(Connection, Instant)>>,
}

impl SmtpTransport {
    pub(crate) fn new(server: Server, client_id: ClientId, timeouts: Timeouts) -> Self {
        Self { server, client_id, timeouts, resting: Mutex::new(None) }
    }

    pub(crate) async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let attempt = tokio::time::timeout(self.timeouts.send, self.attempt(mail));
        attempt.await.unwrap_or_else(|_| Err(unreachable("the mail took too long".to_owned(), false)))
    }

    async fn attempt(&self, mail: &Mail) -> Result<(), SendError> {
        let mut connection = match self.rested().await {
            Some(connection) => connection,
            None => Connection::open(&self.server, &self.client_id, self.timeouts).await?,
        };
        let result = connection.deliver(mail).await;
        // A server that refuses a mail in good order can have the next one.
        if !matches!(result, Err(SendError::Unreachable { .. })) {
            *self.resting() = Some((connection, Instant::now()));
        }
        result
    }

    /// The connection of the last mail, if it is still good.
    async fn rested(&self) -> Option<Connection> {
        let (mut connection, since) = self.resting().take()?;
        (since.elapsed() < LONGEST_REST && connection.reset().await).then_some(connection)
    }

    fn resting(&self) -> MutexGuard<'_, Option<(Connection, Instant)>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
