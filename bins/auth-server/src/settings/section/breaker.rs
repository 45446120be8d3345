//! Circuit breakers around services that the server calls.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::settings::definition::Definition;
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{HOUR, duration, number};

static FAILURES: Definition = Definition::new(
    "AUTH_BREAKER_FAILURES",
    "5",
    "a breaker opens after so many failures in a row, 1 to 1000 (time-outs, connection errors, 5xx, unreadable answers)",
);
static RECOVERY: Definition = Definition::new(
    "AUTH_BREAKER_RECOVERY",
    "30s",
    "an open breaker lets one probe through after this time, 100ms to 1h",
);

pub(crate) static GROUP: Group = Group { title: "Circuit breakers", rows: &[&FAILURES, &RECOVERY] };

/// Settings of circuit breakers.
#[derive(Clone, Copy, Debug)]
pub struct BreakerSettings {
    /// Failures in a row that open it.
    pub failures: NonZeroU32,
    /// Time until the first probe.
    pub recovery: Duration,
}

impl BreakerSettings {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        Self {
            failures: NonZeroU32::new(reader.value(&FAILURES, number(1..=1000))).unwrap_or(NonZeroU32::MIN),
            recovery: reader.value(&RECOVERY, duration(Duration::from_millis(100)..=HOUR)),
        }
    }
}
