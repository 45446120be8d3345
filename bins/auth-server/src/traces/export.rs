//! Sending spans: a bounded queue, and a thread of its own that empties it. While the collector is away or slow, spans are
//! dropped and requests don't notice.

use std::time::Duration;

use auth_actix::{EndedRequest, TraceParent};
use auth_core::{Clock as _, SystemClock};
use opentelemetry::trace::{
    Span as _, SpanContext, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceState, Tracer as _,
    TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::EnvResourceDetector;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use url::Url;

use crate::metrics::known_method;
use crate::start::CannotStart;

/// How long the collector may take for a batch of spans.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long the last spans may take to be sent.
const FAREWELL: Duration = Duration::from_secs(3);

/// What spans are recorded with; a clone sends them the same way.
#[derive(Clone)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// Sends spans to the collector at `collector` from now on, which need not be there.
    ///
    /// # Errors
    ///
    /// When nothing can be sent from this machine, for instance for want of root certificates.
    pub(crate) fn start(collector: &Url) -> Result<Self, CannotStart> {
        let endpoint = format!("{}/v1/traces", collector.as_str().trim_end_matches('/'));
        let exporter = SpanExporter::builder().with_http().with_endpoint(endpoint).with_timeout(TIMEOUT).build();
        let exporter =
            exporter.map_err(|error| CannotStart::Setting { variable: "AUTH_OTLP_URL", problem: error.to_string() })?;
        let resource = Resource::builder_empty()
            .with_service_name("auth-server")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_detector(Box::new(EnvResourceDetector::new()))
            .build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        let tracer = provider.tracer("auth-server");
        Ok(Self { provider, tracer })
    }

    /// Records a request that has just ended, with what everybody may know of it: method, route and status, by the names
    /// of the semantic conventions for HTTP. A trace that its sender doesn't record is not recorded here.
    pub(crate) fn record(&self, request: &EndedRequest<'_>) {
        let method = known_method(request.method);
        let mut attributes = vec![KeyValue::new("http.request.method", method.unwrap_or("_OTHER"))];
        let mut name = method.unwrap_or("HTTP").to_owned();
        if let Some(route) = request.route {
            name.push(' ');
            name.push_str(route);
            attributes.push(KeyValue::new("http.route", route.to_owned()));
        }
        if let Some(status) = request.status {
            attributes.push(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        }
        let end = Duration::from_micros(u64::try_from(SystemClock.now().as_micros()).unwrap_or(0));
        let end = std::time::SystemTime::UNIX_EPOCH + end;
        let span = self
            .tracer
            .span_builder(name)
            .with_kind(SpanKind::Server)
            .with_start_time(end.checked_sub(request.duration).unwrap_or(end))
            .with_attributes(attributes);
        let mut span = self.tracer.build_with_context(span, &parent(request.trace_parent));
        if request.status.is_some_and(|status| status.is_server_error()) {
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(end);
    }

    /// Sends what has not been sent, if the collector takes it in time.
    pub(crate) fn finish(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(FAREWELL) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Where a span belongs: below the one that sent the request, or nowhere.
fn parent(sender: Option<TraceParent>) -> Context {
    let Some(sender) = sender else { return Context::new() };
    let flags = if sender.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let (trace, span) = (sender.trace_id().into(), sender.parent_id().into());
    Context::new().with_remote_span_context(SpanContext::new(trace, span, flags, true, TraceState::NONE))
}
