//! The database.

use std::num::NonZeroU32;

use crate::settings::definition::Definition;
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{DatabaseUrl, database_url, number, schema_name};

pub(crate) static URL: Definition = Definition::new(
    "DATABASE_URL",
    "sqlite://data/auth.db",
    "`sqlite://PATH`, `sqlite::memory:` (one connection, gone with the process) or `postgres://…` as libpq reads it; add \
     `?sslmode=verify-full` for a server on another machine",
)
.credential_url();
static SCHEMA: Definition = Definition::new(
    "AUTH_DATABASE_SCHEMA",
    "auth",
    "PostgreSQL schema that holds all tables, that of the migrations too, so that they don't meet another application's",
);
static POOL: Definition = Definition::derived(
    "AUTH_DATABASE_POOL",
    "4 readers on SQLite, 16 on PostgreSQL",
    "connections in the pool, 1 to 1000; without effect on `sqlite::memory:`",
);

pub(crate) static COPY_TO: Definition = Definition::unset(
    "AUTH_COPY_TO_URL",
    "the empty database that `auth-server database copy` copies into, as DATABASE_URL; servers don't use it",
)
.credential_url();

pub(crate) static GROUP: Group = Group { title: "Database", rows: &[&URL, &SCHEMA, &POOL, &COPY_TO] };

const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

/// Settings of the database.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// Where it is.
    pub url: DatabaseUrl,
    /// PostgreSQL schema: `[a-z_][a-z0-9_]{0,62}`.
    pub schema: String,
    /// Connections in the pool (SQLite: of readers).
    pub pool: NonZeroU32,
    /// What `database copy` copies into.
    pub copy_to: Option<DatabaseUrl>,
}

impl DatabaseSettings {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        let url = reader.value(&URL, database_url);
        let schema = reader.value(&SCHEMA, schema_name);
        let pool = reader.optional(&POOL, number(1..=1000)).unwrap_or_else(|| {
            let pool = if url.is_postgres() { POSTGRES_CONNECTIONS } else { SQLITE_READERS };
            reader.derived(&POOL, &pool.to_string());
            pool
        });
        let copy_to = reader.optional(&COPY_TO, database_url);
        Self { url, schema, pool: NonZeroU32::new(pool).unwrap_or(NonZeroU32::MIN), copy_to }
    }
}
