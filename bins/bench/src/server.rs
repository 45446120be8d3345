//! The release server, started for one group of rows.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use smtp_sink::SmtpSink;

use crate::account::{self, Account};
use crate::database::Database;
use crate::failure::Outcome;
use crate::http::{self, Connection};
use crate::process::{Output, Process};

/// What every server of the bench is started with, beside its mail server. The log says where it listens, and otherwise
/// warnings alone. Nobody out there is asked whether passwords have leaked: that would measure the way there.
pub(crate) const SETTINGS: [(&str, &str); 6] = [
    ("AUTH_LOG", "warn"),
    ("AUTH_RATE_LIMITS", "off"),
    ("AUTH_HIBP", "off"),
    ("AUTH_LOG_FORMAT", "json"),
    ("AUTH_BIND", "127.0.0.1:0"),
    ("AUTH_SECRET", "V7uQk2mZr9xT4wB8nC5jH1dF6gL3pS0yEaKiOeRt"),
];

/// How long the mails of new accounts may take.
const MAIL_PATIENCE: Duration = Duration::from_mins(1);

/// A server that is up.
pub(crate) struct Server {
    process: Process,
    /// A mail server of its own, in this process, unless the row has one.
    mails: Option<SmtpSink>,
    /// From before the process was made to the first healthy answer.
    pub(crate) start: Duration,
}

impl Server {
    /// Starts a server on `database`; `settings` go before those of all.
    pub(crate) fn start(database: &Database, settings: &[(&str, &str)]) -> Outcome<Self> {
        Self::start_with(database, settings, Output::Watched)
    }

    /// Starts a server whose log is as it is by default, and read by somebody who forgets it.
    pub(crate) fn start_logging(database: &Database) -> Outcome<Self> {
        Self::start_with(database, &[("AUTH_LOG", "info")], Output::Drained)
    }

    /// Starts a server that meets faults in its row, and says so: nobody reads it.
    pub(crate) fn start_among_faults(database: &Database, settings: &[(&str, &str)]) -> Outcome<Self> {
        Self::start_with(database, settings, Output::Drained)
    }

    fn start_with(database: &Database, settings: &[(&str, &str)], output: Output) -> Outcome<Self> {
        let mut command = Command::new(beside_this("auth-server")?);
        command.env_clear().current_dir(database.folder()).env("DATABASE_URL", database.url());
        let mails = settings.iter().all(|(name, _)| *name != SMTP_URL).then(SmtpSink::start);
        if let Some(sink) = &mails {
            command.env(SMTP_URL, sink.url());
        }
        command.envs(SETTINGS).envs(settings.iter().copied());
        let begin = Instant::now();
        let process = Process::start(command, output, address_in_log)?;
        let health = Connection::open(process.address)?.exchange(&http::get("/health", None))?.status;
        let start = begin.elapsed();
        if health != 200 {
            return Err(format!("/health answers {health}").into());
        }
        Ok(Self { process, mails, start })
    }

    /// Registers `count` people, and waits until their mails are sent: what follows is measured without them.
    pub(crate) fn register(&self, count: usize) -> Outcome<Vec<Account>> {
        let accounts = account::register(self.address(), count)?;
        if let Some(sink) = &self.mails {
            wait_for_mails(sink, count, MAIL_PATIENCE)?;
        }
        Ok(accounts)
    }

    /// SIGKILL.
    pub(crate) fn kill(self) {
        self.process.kill();
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Bytes of log since it listened.
    pub(crate) fn logged(&self) -> u64 {
        self.process.printed()
    }
}

/// Where a server finds its mail server.
pub(crate) const SMTP_URL: &str = "AUTH_SMTP_URL";

/// Waits until `sink` has taken `count` mails in all.
pub(crate) fn wait_for_mails(sink: &SmtpSink, count: usize, patience: Duration) -> Outcome<()> {
    let end = Instant::now() + patience;
    // Each mail ends with a dot, and counting dots costs nothing.
    while sink.commands(".") < count {
        if Instant::now() > end {
            return Err(format!("{} of {count} mails after {patience:?}", sink.commands(".")).into());
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    Ok(())
}

/// The program `name` in the folder of this one.
pub(crate) fn beside_this(name: &str) -> Outcome<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() { Ok(path) } else { Err(format!("{} is missing: build it first", path.display()).into()) }
}

/// The address in the log line that says where the server listens.
fn address_in_log(line: &str) -> Option<SocketAddr> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    (line["message"] == "listening").then(|| line["address"].as_str()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_stands_in_the_line_that_says_listening() {
        let line = r#"{"level":"INFO","message":"listening","address":"127.0.0.1:4711","docs":"…"}"#;
        assert_eq!(address_in_log(line), Some(SocketAddr::from(([127, 0, 0, 1], 4711))));
        for other in ["", "listening", r#"{"message":"stopped","address":"127.0.0.1:1"}"#] {
            assert_eq!(address_in_log(other), None);
        }
    }
}
