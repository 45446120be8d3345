//! How soon other instances hear that a session ended.

use std::time::Duration;

use crate::settings::definition::Definition;
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{DAY, MINUTE, duration, duration_text, or_off};

static POLL: Definition = Definition::new(
    "AUTH_REVOCATION_POLL",
    "500ms",
    "how often the database is asked for sessions that other instances ended, 50ms to 1m",
);
static MAX_AGE: Definition = Definition::new(
    "AUTH_REVOCATION_MAX_AGE",
    "5s",
    "with a list of ended sessions older than this, access tokens are refused rather than believed; longer than \
     AUTH_REVOCATION_POLL, at most 1d, or `off`",
);

pub(crate) static GROUP: Group = Group { title: "Revocation", rows: &[&POLL, &MAX_AGE] };

/// Settings of the revocation list.
#[derive(Clone, Copy, Debug)]
pub struct RevocationSettings {
    /// Time between two questions to the database, at least 50ms.
    pub poll: Duration,
    /// Age at which the list is no longer believed; `None` believes it at any age.
    pub max_age: Option<Duration>,
}

impl RevocationSettings {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        let shortest = Duration::from_millis(50);
        let poll = reader.value(&POLL, duration(shortest..=MINUTE));
        let max_age = reader.value(&MAX_AGE, or_off(duration(shortest..=DAY)));
        if max_age.is_some_and(|max_age| max_age <= poll) {
            let remedy = format!("write more than `{}`, the value of AUTH_REVOCATION_POLL", duration_text(poll));
            reader.refuse(&(&MAX_AGE).into(), remedy);
        }
        Self { poll, max_age }
    }
}
