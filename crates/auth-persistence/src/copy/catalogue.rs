//! Which tables are copied, and what their columns hold: read off `schema`, so that a column more is copied without a
//! word here. Tables have to be named; a test holds the names against both databases' own catalogues.

use diesel::query_source::Column as DieselColumn;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, SmallInt, SqlType, Text, is_nullable};

use crate::schema;
use crate::sql_type::{Id, Instant};

/// Tables that tell of one place alone: leases of processes that work there, and the migrations that it went through.
#[cfg(test)]
pub(super) const LOCAL: [&str; 2] = ["leases", "__diesel_schema_migrations"];

/// What a column holds, whatever either database calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Id,
    Instant,
    Bool,
    SmallInt,
    Integer,
    BigInt,
    Text,
    Binary,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: Vec<Column>,
}

impl Table {
    /// The columns' names as SQL lists them.
    pub(super) fn column_list(&self) -> String {
        self.columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
    }
}

/// A SQL type that a column may have.
trait Held {
    const KIND: Kind;
}

macro_rules! held {
    ($($sql:ty => $kind:ident),+ $(,)?) => {$(
        impl Held for $sql {
            const KIND: Kind = Kind::$kind;
        }
    )+};
}

held!(
    Id => Id, Instant => Instant, Bool => Bool, SmallInt => SmallInt, Integer => Integer, BigInt => BigInt,
    Text => Text, Binary => Binary,
);

impl<T: Held + SqlType<IsNull = is_nullable::NotNull>> Held for Nullable<T> {
    const KIND: Kind = T::KIND;
}

/// All columns of a table.
trait Columns {
    fn list() -> Vec<Column>;
}

macro_rules! columns_of_tuples {
    ($first:ident $(, $rest:ident)*) => {
        impl<$first: DieselColumn, $($rest: DieselColumn),*> Columns for ($first, $($rest,)*)
        where
            $first::SqlType: Held,
            $($rest::SqlType: Held,)*
        {
            fn list() -> Vec<Column> {
                vec![
                    Column { name: $first::NAME, kind: <$first::SqlType as Held>::KIND },
                    $(Column { name: $rest::NAME, kind: <$rest::SqlType as Held>::KIND },)*
                ]
            }
        }
        columns_of_tuples!($($rest),*);
    };
    () => {};
}

columns_of_tuples!(
    A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z, A1, B1, C1, D1, E1, F1
);

macro_rules! tables {
    ($($table:ident),+ $(,)?) => {
        /// Every table that is copied, after those that it refers to.
        pub(super) fn tables() -> Vec<Table> {
            vec![$(Table {
                name: stringify!($table),
                columns: <schema::$table::table as diesel::Table>::AllColumns::list(),
            }),+]
        }
    };
}

tables!(
    data_keys,
    signing_keys,
    users,
    pending_registrations,
    sessions,
    one_time_tokens,
    oauth_accounts,
    totp_credentials,
    backup_codes,
    devices,
    authenticator_failures,
    known_clients,
    reserved_addresses,
    mail_budgets,
    email_outbox,
    revocations,
    audit_events,
    audit_chain,
    audit_checkpoints,
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use diesel::RunQueryDsl as _;
    use diesel::dsl::sql;

    use super::*;
    use crate::{Database, DatabaseConfig, DbConnection, DbError};

    fn in_sqlite(connection: &mut DbConnection) -> Result<Vec<(String, String)>, DbError> {
        let columns = sql::<(Text, Text)>(
            "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'",
        );
        Ok(columns.load(connection)?)
    }

    /// A table that is in the database and in neither list would be lost by a copy; so would a column. That PostgreSQL has
    /// the same tables and columns is a test of its own.
    #[test]
    fn every_column_of_the_database_is_copied_or_known_to_be_local() {
        let database = Database::open(DatabaseConfig::new("sqlite::memory:")).unwrap();
        database.migrate().unwrap();
        let there = database.read_blocking(in_sqlite).unwrap();
        let there: BTreeSet<(String, String)> =
            there.into_iter().filter(|(table, _)| !LOCAL.contains(&table.as_str())).collect();
        let tables = tables();
        let listed = tables
            .iter()
            .flat_map(|table| table.columns.iter().map(|column| (table.name.to_owned(), column.name.to_owned())))
            .collect();
        assert_eq!(there, listed);
    }
}
