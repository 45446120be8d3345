//! Log lines on standard output: for people on a terminal, for machines elsewhere.

use std::io::IsTerminal as _;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::FormatTime;

use crate::settings::section::observability::{LogFormat, LogSettings};

/// How many lines may wait to be written; room for more would only be memory.
const WAITING_LINES: usize = 8192;

/// Where the line comes from that tells the address: operators and their scripts read it whatever the filter.
pub(crate) const LISTENING: &str = "listening";

/// Starts logging; lines are written while the guard lives.
///
/// A reader that has stopped never blocks a request: lines are dropped then (the audit trail is in the database).
pub(crate) fn start(settings: &LogSettings) -> WorkerGuard {
    let (writer, guard) =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING_LINES).finish(std::io::stdout());
    let filter = filter(&settings.filter);
    let pretty = match settings.format {
        LogFormat::Pretty => true,
        LogFormat::Json => false,
        LogFormat::Auto => std::io::stdout().is_terminal(),
    };
    let subscribed = if pretty { pretty_lines(filter, writer) } else { json_lines(filter, writer) };
    if subscribed.is_err() {
        tracing::warn!("logging was started before");
    }
    guard
}

/// How long the last lines may take to be written.
const FAREWELL: Duration = Duration::from_secs(2);

/// Writes out the lines that are still waiting, unless the reader of the log has stopped: dropping the guard would then
/// wait for it without end, and the process would outlive every signal but SIGKILL.
pub(crate) fn finish(guard: WorkerGuard) {
    let (written, is_written) = mpsc::channel();
    thread::spawn(move || {
        drop(guard);
        let _ = written.send(());
    });
    let _ = is_written.recv_timeout(FAREWELL);
}

/// What `AUTH_LOG` asks for, and the line `listening` in any case but `off`. actix tells how it starts its threads at
/// `info`, which is of interest to those who ask for it by name only.
fn filter(directives: &str) -> EnvFilter {
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| EnvFilter::new("info"));
    if directives.trim() == "off" {
        return filter;
    }
    let quiet = "actix_server=warn".parse().ok().filter(|_| !directives.contains("actix"));
    let listening = format!("{LISTENING}=info").parse().ok();
    [quiet, listening].into_iter().flatten().fold(filter, EnvFilter::add_directive)
}

type Subscribed = Result<(), tracing::dispatcher::SetGlobalDefaultError>;

fn pretty_lines(filter: EnvFilter, writer: NonBlocking) -> Subscribed {
    let color = std::io::stdout().is_terminal();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_timer(Rfc3339)
        .with_ansi(color)
        .with_target(false)
        .finish();
    tracing::subscriber::set_global_default(subscriber)
}

/// REQ-53: one object a line with `timestamp`, `level`, `message`, `target` and the fields beside them.
fn json_lines(filter: EnvFilter, writer: NonBlocking) -> Subscribed {
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(writer)
        .with_timer(Rfc3339)
        .finish();
    tracing::subscriber::set_global_default(subscriber)
}

/// Times as everywhere else: RFC 3339, UTC.
struct Rfc3339;

impl FormatTime for Rfc3339 {
    fn format_time(&self, writer: &mut tracing_subscriber::fmt::format::Writer<'_>) -> std::fmt::Result {
        use auth_core::Clock as _;
        write!(writer, "{}", auth_core::SystemClock.now())
    }
}
