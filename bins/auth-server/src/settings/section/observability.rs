//! Logs, metrics and traces.

use std::net::SocketAddr;

use url::Url;

use super::server::ServerSettings;
use crate::settings::definition::Definition;
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{choice, log_filter, outgoing_url, socket_address, switch};
use crate::traces;

static LOG: Definition = Definition::new(
    "AUTH_LOG",
    "info",
    "what is logged: a level (`error`, `warn`, `info`, `debug`, `trace`, `off`), or levels by module, \
     `info,auth_service=debug`",
);
static FORMAT: Definition =
    Definition::new("AUTH_LOG_FORMAT", "auto", "`json`, `pretty`, or `auto`, which is pretty on a terminal");
static METRICS: Definition = Definition::derived(
    "AUTH_METRICS",
    "on in development; in production on if AUTH_METRICS_BIND is set",
    "`on` or `off`: whether `GET /metrics` answers; in production only on AUTH_METRICS_BIND",
);
static METRICS_BIND: Definition = Definition::unset(
    "AUTH_METRICS_BIND",
    "address of its own for metrics, such as `127.0.0.1:9090`; unset, development serves them on AUTH_BIND",
);

static OTLP_URL: Definition = Definition::unset(
    "AUTH_OTLP_URL",
    "collector that gets a span of each request by OTLP over HTTP, such as `http://127.0.0.1:4318`; only in a server that \
     was built with the cargo feature `opentelemetry`",
);

pub(crate) static GROUP: Group =
    Group { title: "Logs and metrics", rows: &[&LOG, &FORMAT, &METRICS, &METRICS_BIND, &OTLP_URL] };

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object.
    Json,
    /// For people.
    Pretty,
    /// Pretty on a terminal, else JSON.
    Auto,
}

/// Settings of the log.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// A text that tracing's `EnvFilter` reads.
    pub filter: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// Where metrics are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsSettings {
    /// Nowhere.
    Off,
    /// On the server's own address.
    WithServer,
    /// On an address of their own.
    On(SocketAddr),
}

/// Where spans are sent.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// The collector's URL, to which `/v1/traces` is appended; `None` sends none.
    pub collector: Option<Url>,
}

impl TraceSettings {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        let collector = reader.optional(&OTLP_URL, outgoing_url);
        if collector.is_some() && !cfg!(feature = "opentelemetry") {
            reader.refuse(&(&OTLP_URL).into(), traces::NOT_BUILT_IN);
        }
        Self { collector }
    }
}

impl LogSettings {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        let format = choice(&[("json", LogFormat::Json), ("pretty", LogFormat::Pretty), ("auto", LogFormat::Auto)]);
        Self { filter: reader.value(&LOG, log_filter), format: reader.value(&FORMAT, format) }
    }
}

impl MetricsSettings {
    pub(crate) fn read(reader: &mut Reader, server: &ServerSettings) -> Self {
        let wanted = reader.optional(&METRICS, switch);
        let bind = reader.optional(&METRICS_BIND, socket_address);
        let production = server.environment.is_production();
        let on = wanted.unwrap_or(!production || bind.is_some());
        reader.derived(&METRICS, if on { "on" } else { "off" });
        match (on, bind) {
            (false, _) => Self::Off,
            (true, Some(bind)) => Self::on(reader, server, bind),
            (true, None) if production => {
                reader.missing(&(&METRICS_BIND).into(), "production serves metrics on an address of their own alone");
                Self::Off
            }
            (true, None) => Self::WithServer,
        }
    }

    fn on(reader: &mut Reader, server: &ServerSettings, bind: SocketAddr) -> Self {
        if bind == server.bind && bind.port() != 0 {
            reader.refuse(&(&METRICS_BIND).into(), "name another address than AUTH_BIND");
        }
        Self::On(bind)
    }
}
