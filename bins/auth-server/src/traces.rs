//! Spans of requests, for a collector that speaks OTLP over HTTP. Only with the cargo feature `opentelemetry`: others
//! pay for none of its crates.

#[cfg(feature = "opentelemetry")]
mod export;
#[cfg(not(feature = "opentelemetry"))]
mod without;

#[cfg(feature = "opentelemetry")]
pub(crate) use self::export::Traces;
#[cfg(not(feature = "opentelemetry"))]
pub(crate) use self::without::Traces;

/// Said to those who name a collector where nothing can be sent to one.
pub(crate) const NOT_BUILT_IN: &str = "this server was built without the cargo feature `opentelemetry`";
