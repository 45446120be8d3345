//! How long operations take, for the metrics.

use std::time::Instant;

/// Measures from its making until it is dropped, however the operation ends.
pub(crate) struct Operation {
    name: &'static str,
    since: Instant,
}

impl Operation {
    pub(crate) fn begin(name: &'static str) -> Self {
        Self { name, since: Instant::now() }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        let elapsed = self.since.elapsed().as_secs_f64();
        metrics::histogram!("auth_operation_duration_seconds", "operation" => self.name).record(elapsed);
    }
}
