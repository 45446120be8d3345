//! All that the database holds, as text.

use std::collections::BTreeMap;

use auth_persistence::{DbConnection, DbError};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::Bed;

impl Bed {
    /// Every row of every table: texts as they are, bytes in hexadecimal digits.
    pub(crate) fn dump(&self) -> String {
        let tables = self.tables();
        self.read(move |conn| {
            let mut all = Vec::new();
            for table in &tables {
                all.extend(rows(conn, table)?.into_iter().map(|row| format!("{table}: {row}")));
            }
            Ok(all.join("\n"))
        })
    }

    /// How many rows each table holds.
    pub(crate) fn row_counts(&self) -> BTreeMap<String, i64> {
        self.tables().into_iter().map(|table| (table.clone(), self.count(&table, "true"))).collect()
    }

    fn tables(&self) -> Vec<String> {
        self.read(|conn| match conn {
            DbConnection::Sqlite(_) => {
                texts(conn, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
            }
            DbConnection::Pg(_) => {
                texts(conn, "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()")
            }
        })
    }
}

fn rows(conn: &mut DbConnection, table: &str) -> Result<Vec<String>, DbError> {
    if let DbConnection::Pg(_) = conn {
        return texts(conn, &format!("SELECT row_to_json(r)::text FROM {table} r"));
    }
    let columns = texts(conn, &format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')"))?;
    texts(conn, &format!("SELECT {} FROM {table}", columns.join(" || ' ' || ")))
}

/// The one column of a query.
fn texts(conn: &mut DbConnection, query: &str) -> Result<Vec<String>, DbError> {
    let query = query.strip_prefix("SELECT ").unwrap();
    let query = diesel::select(sql::<Text>(query));
    Ok(match conn {
        DbConnection::Sqlite(sqlite) => query.load(sqlite)?,
        DbConnection::Pg(pg) => query.load(pg)?,
    })
}
