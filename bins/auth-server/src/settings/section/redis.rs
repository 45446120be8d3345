//! Redis, for state that several instances share for a short time.

use std::time::Duration;

use secrecy::SecretString;

use crate::settings::definition::Definition;
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{duration, key_prefix, redis_url};

pub(crate) static URL: Definition = Definition::unset(
    "REDIS_URL",
    "`redis://…`, `rediss://…` (TLS) or `unix:///path`: state that several instances share for a short time; unset, it is \
     kept in the process",
)
.credential_url();
static PREFIX: Definition = Definition::new(
    "AUTH_REDIS_PREFIX",
    "auth:",
    "stands before every key and channel; one for each deployment on the same Redis",
);
static TIMEOUT: Definition = Definition::new(
    "AUTH_REDIS_TIMEOUT",
    "200ms",
    "how long Redis may take for an operation, connecting included, 10ms to 10s",
);

pub(crate) static GROUP: Group = Group { title: "Redis", rows: &[&URL, &PREFIX, &TIMEOUT] };

/// Settings of Redis.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// Where it is; `None` keeps such state in the process.
    pub url: Option<SecretString>,
    /// Stands before every key and channel.
    pub prefix: String,
    /// Time for one operation.
    pub timeout: Duration,
}

impl RedisSettings {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        Self {
            url: reader.optional(&URL, redis_url),
            prefix: reader.value(&PREFIX, key_prefix),
            timeout: reader.value(&TIMEOUT, duration(Duration::from_millis(10)..=Duration::from_secs(10))),
        }
    }
}
