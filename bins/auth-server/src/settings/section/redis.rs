//! Redis, for state that several instances share for a short time.

use secrecy::SecretString;

use crate::settings::definition::Definition;
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{key_prefix, redis_url};

const FEATURE: &str = "Redis";

pub(crate) static URL: Definition = Definition::unset(
    "REDIS_URL",
    "`redis://…` or `rediss://…` (TLS): state that several instances share for a short time; unset, it is kept in the process",
)
.credential_url()
.later(FEATURE);
static PREFIX: Definition = Definition::new(
    "AUTH_REDIS_PREFIX",
    "auth:",
    "stands before every key and channel; one for each deployment on the same Redis",
)
.later(FEATURE);

pub(crate) static GROUP: Group = Group { title: "Redis", rows: &[&URL, &PREFIX] };

/// Settings of Redis.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// Where it is; `None` keeps such state in the process.
    pub url: Option<SecretString>,
    /// Stands before every key and channel.
    pub prefix: String,
}

impl RedisSettings {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        Self { url: reader.optional(&URL, redis_url), prefix: reader.value(&PREFIX, key_prefix) }
    }
}
