//! What is told about each request beside the log: numbers, and spans where they are wanted.

use auth_actix::{EndedRequest, RequestObserver};

use crate::metrics::HttpMetrics;
use crate::traces::Traces;

/// One worker's.
pub(crate) struct Observed {
    metrics: Option<HttpMetrics>,
    traces: Option<Traces>,
}

impl Observed {
    pub(crate) fn new(is_counted: bool, traces: Option<Traces>) -> Self {
        Self { metrics: is_counted.then(HttpMetrics::new), traces }
    }
}

impl RequestObserver for Observed {
    fn began(&self) {
        if let Some(metrics) = &self.metrics {
            metrics.began();
        }
    }

    fn ended(&self, request: &EndedRequest<'_>) {
        if let Some(metrics) = &self.metrics {
            metrics.ended(request);
        }
        if let Some(traces) = &self.traces {
            traces.record(request);
        }
    }
}
