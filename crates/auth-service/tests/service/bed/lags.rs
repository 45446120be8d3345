//! How late news of revocations were, as operators see it, of what one thread does.

use std::sync::{Arc, Mutex};

use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// What was recorded, in seconds.
#[derive(Default)]
struct Lags(Mutex<Vec<f64>>);

struct Recorded(Arc<Lags>);

/// Does `work`, and returns the lags that were recorded meanwhile, in seconds.
pub(crate) fn lags(work: impl FnOnce()) -> Vec<f64> {
    let lags = Arc::new(Lags::default());
    metrics::with_local_recorder(&Recorded(Arc::clone(&lags)), work);
    let recorded = lags.0.lock().unwrap();
    recorded.clone()
}

impl HistogramFn for Lags {
    fn record(&self, value: f64) {
        self.0.lock().unwrap().push(value);
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        if key.name() == "auth_revocation_lag_seconds" {
            Histogram::from_arc(Arc::clone(&self.0))
        } else {
            Histogram::noop()
        }
    }
}
