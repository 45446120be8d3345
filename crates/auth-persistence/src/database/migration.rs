//! The embedded migrations: listed and applied by one process at a time.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::OpenError;
use crate::connection::{DbConnection, MultiBackend, quoted};
use crate::error::DbError;

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

diesel::table! {
    #[sql_name = "__diesel_schema_migrations"]
    applied_migrations (version) {
        version -> Text,
    }
}

/// Applies what is missing, each migration in a transaction of its own. Only under the startup lock: diesel takes none.
pub(crate) fn apply(connection: &mut DbConnection, schema: &str) -> Result<(), OpenError> {
    create_schema(connection, schema)?;
    if pending(connection)? {
        let versions = connection.run_pending_migrations(embedded(connection)).map_err(failed)?;
        tracing::info!(db.migrations = versions.len(), "the database was migrated");
    }
    Ok(())
}

/// Whether a migration is missing.
///
/// # Errors
///
/// [`OpenError::NewerDatabase`] when one was applied that this program does not know.
pub(crate) fn pending(connection: &mut DbConnection) -> Result<bool, OpenError> {
    let known = known(connection)?;
    let applied = applied(connection)?;
    match applied.iter().find(|version| !known.contains(version)) {
        Some(version) => Err(OpenError::NewerDatabase { version: version.clone() }),
        None => Ok(applied.len() < known.len()),
    }
}

/// Whether an older version of this program has made its tables here.
///
/// # Errors
///
/// As [`pending`] has them.
pub(crate) fn is_outdated(connection: &mut DbConnection) -> Result<bool, OpenError> {
    Ok(pending(connection)? && !applied(connection)?.is_empty())
}

const fn embedded(connection: &DbConnection) -> EmbeddedMigrations {
    match connection {
        DbConnection::Sqlite(_) => SQLITE,
        DbConnection::Pg(_) => POSTGRES,
    }
}

fn known(connection: &DbConnection) -> Result<Vec<String>, OpenError> {
    let migrations: Vec<Box<dyn Migration<MultiBackend>>> = embedded(connection).migrations().map_err(failed)?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

/// What was applied; nothing is made in the database in order to ask.
fn applied(connection: &mut DbConnection) -> Result<Vec<String>, DbError> {
    if !has_table(connection, "__diesel_schema_migrations")? {
        return Ok(Vec::new());
    }
    Ok(applied_migrations::table.select(applied_migrations::version).load(connection)?)
}

/// Whether there is a table of this name: an older version may not have made it yet.
pub(crate) fn has_table(connection: &mut DbConnection, name: &'static str) -> Result<bool, DbError> {
    let exists = match connection {
        DbConnection::Sqlite(_) => {
            format!("EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '{name}')")
        }
        DbConnection::Pg(_) => format!("to_regclass('{name}') IS NOT NULL"),
    };
    Ok(diesel::select(sql::<Bool>(&exists)).get_result(connection)?)
}

/// PostgreSQL refuses `CREATE SCHEMA IF NOT EXISTS` to a user who may not create one, even if it is there.
fn create_schema(connection: &mut DbConnection, schema: &str) -> Result<(), DbError> {
    use diesel::sql_types::Text;

    if let DbConnection::Pg(pg) = connection {
        let exists =
            sql::<Bool>("EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = ").bind::<Text, _>(schema).sql(")");
        if !diesel::select(exists).get_result::<bool>(pg)? {
            pg.batch_execute(&format!("CREATE SCHEMA {}", quoted(schema)))?;
        }
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> OpenError {
    OpenError::Migration(error.to_string())
}
