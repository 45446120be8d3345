//! The secret that wraps the data keys.

use secrecy::{ExposeSecret as _, SecretString};

use super::database::DatabaseSettings;
use crate::settings::definition::{Definition, Row};
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{DatabaseUrl, signing_secret};

pub(crate) static SECRET: Definition = Definition::derived(
    "AUTH_SECRET",
    "in development on SQLite made once, in `auth.secret` beside the database, or at each start for `sqlite::memory:`; \
     else it must be set",
    "at least 32 bytes, such as `openssl rand -base64 48` gives; it wraps the data keys and nothing else",
)
.secret();
static PREVIOUS: Definition = Definition::unset(
    "AUTH_SECRET_PREVIOUS",
    "a second secret that also opens the data keys, while AUTH_SECRET is being changed",
)
.secret();

pub(crate) static GROUP: Group = Group { title: "Secret", rows: &[&SECRET, &PREVIOUS] };

/// The secrets that wrap the data keys.
#[derive(Clone, Debug)]
pub struct SecretSettings {
    /// The secret in force. `None` only on SQLite outside production: then one is made beside the database.
    pub current: Option<SecretString>,
    /// Also good for opening.
    pub previous: Option<SecretString>,
}

impl SecretSettings {
    pub(crate) fn read(reader: &mut Reader, database: &DatabaseSettings) -> Self {
        let current = reader.optional(&SECRET, signing_secret);
        let previous = reader.optional(&PREVIOUS, signing_secret);
        if current.is_none() {
            without_secret(reader, &database.url);
        }
        warn_of_the_same(reader, current.as_ref(), previous.as_ref());
        Self { current, previous }
    }
}

fn without_secret(reader: &mut Reader, database: &DatabaseUrl) {
    match database {
        DatabaseUrl::SqliteFile(_) => reader.derived(&SECRET, "(made once, in auth.secret beside the database)"),
        DatabaseUrl::SqliteMemory => reader.derived(&SECRET, "(made at each start)"),
        DatabaseUrl::Postgres(_) => {
            let remedy = "PostgreSQL may serve several instances, which must share it; `openssl rand -base64 48` makes a \
                          good one";
            reader.missing(&(&SECRET).into(), remedy);
        }
    }
}

fn warn_of_the_same(reader: &mut Reader, current: Option<&SecretString>, previous: Option<&SecretString>) {
    let (Some(current), Some(previous)) = (current, previous) else { return };
    if current.expose_secret() == previous.expose_secret() {
        let row: Row = (&PREVIOUS).into();
        reader.warn(&row, "is the same as AUTH_SECRET, so it has no effect; remove it");
    }
}
