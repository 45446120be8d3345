//! One connection, step by step, each with its time-out.

use std::fmt::Display;
use std::io;

use lettre::transport::smtp;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::Timeouts;
use super::fault::{Step, fault, timed_out, unreachable};
use super::server::{Encryption, Server};
use super::trickle::Trickle;
use crate::compose::Mail;
use crate::error::SendError;

/// A connection that is encrypted and logged in as the server's URL wants it.
pub(crate) struct Connection {
    smtp: AsyncSmtpConnection,
    timeouts: Timeouts,
}

impl Connection {
    pub(crate) async fn open(server: &Server, id: &ClientId, timeouts: Timeouts) -> Result<Self, SendError> {
        let smtp = match &server.encryption {
            Encryption::None => greeted(Box::new(tcp(server, timeouts).await?), id, timeouts).await?,
            Encryption::StartTls(tls) => {
                let stream = Box::new(Trickle::new(tcp(server, timeouts).await?));
                let mut smtp = greeted(stream, id, timeouts).await?;
                if !smtp.can_starttls() {
                    return Err(unreachable("the server offers no STARTTLS".to_owned(), true));
                }
                within(timeouts, Step::Open, &[], smtp.starttls(tls.clone(), id)).await?;
                smtp
            }
            Encryption::Implicit(tls) => {
                let address = (server.host.as_str(), server.port);
                let connect = Some(timeouts.connect);
                let open = AsyncSmtpConnection::connect_tokio1(address, connect, id, Some(tls.clone()), None);
                let opened = timeout(timeouts.connect.saturating_add(timeouts.command), open).await;
                opened.map_err(|_| timed_out(Step::Open))?.map_err(|error| fault(Step::Open, &error, &[]))?
            }
        };
        let mut connection = Self { smtp, timeouts };
        if let Some(credentials) = &server.credentials {
            let log_in = connection.smtp.auth(DEFAULT_MECHANISMS, credentials);
            within(timeouts, Step::LogIn, &[], log_in).await?;
        }
        Ok(connection)
    }

    /// Forgets the last mail, and shows whether the server is still there.
    pub(crate) async fn reset(&mut self) -> bool {
        matches!(timeout(self.timeouts.command, self.smtp.command(Rset)).await, Ok(Ok(_)))
    }

    /// Hands a mail over.
    pub(crate) async fn deliver(&mut self, mail: &Mail) -> Result<(), SendError> {
        let mut parameters = Vec::new();
        // The sender may be beyond ASCII too, which would concern every mail.
        let is_special = !AsRef::<str>::as_ref(&mail.to).is_ascii();
        if !mail.is_ascii() {
            let server = self.smtp.server_info();
            let is_able = [Extension::SmtpUtfEight, Extension::EightBitMime].map(|it| server.supports_feature(it));
            if is_able != [true, true] {
                let reason = "the server takes no addresses beyond ASCII (SMTPUTF8)".to_owned();
                return Err(if is_special { SendError::Refused(reason) } else { unreachable(reason, true) });
            }
            parameters = vec![MailParameter::SmtpUtfEight, MailParameter::Body(MailBodyParameter::EightBitMime)];
        }
        self.command(Step::Sender { is_special }, MailFrom::new(Some(mail.from.clone()), parameters), mail).await?;
        self.command(Step::Recipient, Rcpt::new(mail.to.clone(), Vec::new()), mail).await?;
        self.command(Step::Content, Data, mail).await?;
        within(self.timeouts, Step::Content, &mail.hidden, self.smtp.message(&mail.raw)).await
    }

    async fn command(&mut self, step: Step, command: impl Display + Send, mail: &Mail) -> Result<(), SendError> {
        within(self.timeouts, step, &mail.hidden, self.smtp.command(command)).await
    }
}

/// Tries the server's addresses one after the other: one that swallows everything leaves time for the next.
async fn tcp(server: &Server, timeouts: Timeouts) -> Result<TcpStream, SendError> {
    let failed = |error: io::Error| unreachable(format!("connecting: {error}"), false);
    let slow = || io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
    let found = timeout(timeouts.connect, lookup_host((server.host.as_str(), server.port))).await;
    let addresses = found.unwrap_or_else(|_| Err(slow())).map_err(failed)?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        match timeout(timeouts.connect, TcpStream::connect(address)).await.unwrap_or_else(|_| Err(slow())) {
            Ok(stream) => return stream.set_nodelay(true).map(|()| stream).map_err(failed),
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

async fn greeted(
    stream: Box<dyn smtp::client::AsyncTokioStream>,
    id: &ClientId,
    timeouts: Timeouts,
) -> Result<AsyncSmtpConnection, SendError> {
    let greeted = timeout(timeouts.command, AsyncSmtpConnection::connect_with_transport(stream, id)).await;
    greeted.map_err(|_| timed_out(Step::Open))?.map_err(|error| fault(Step::Open, &error, &[]))
}

async fn within<T>(
    timeouts: Timeouts,
    step: Step,
    hidden: &[String],
    work: impl Future<Output = Result<T, smtp::Error>>,
) -> Result<(), SendError> {
    match timeout(timeouts.command, work).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(fault(step, &error, hidden)),
        Err(_) => Err(timed_out(step)),
    }
}
