//! Log lines on standard output: for people on a terminal, for machines elsewhere.

use std::io::IsTerminal as _;

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::FormatTime;

use crate::settings::section::observability::{LogFormat, LogSettings};

/// Starts logging; lines are written while the guard lives.
///
/// A reader that has stopped never blocks a request: lines are dropped then (the audit trail is in the database).
pub(crate) fn start(settings: &LogSettings) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default().lossy(true).finish(std::io::stdout());
    let filter = EnvFilter::try_new(&settings.filter).unwrap_or_else(|_| EnvFilter::new("info"));
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
