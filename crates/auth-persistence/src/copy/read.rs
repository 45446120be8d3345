//! Reading a table's rows one after the other: never more than a few in memory, however long the table.

use diesel::connection::DefaultLoadingMode;
use diesel::deserialize::{self, QueryableByName};
use diesel::dsl::sql;
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::prelude::*;
use diesel::row::{Field as _, NamedRow, Row};
use diesel::sql_query;
use diesel::sql_types::BigInt;
use diesel::sqlite::{Sqlite, SqliteType};

use super::catalogue::{Kind, Table};
use super::cell::{Cell, from_postgres_time};
use super::error::{CopyError, Fault};
use crate::connection::DbConnection;
use crate::error::DbError;

/// Gives every row of `table` to `visit`; `blame` says what a fault in reading is.
pub(super) fn each_row(
    connection: &mut DbConnection,
    table: &Table,
    blame: fn(Fault) -> CopyError,
    mut visit: impl FnMut(Vec<Cell>) -> Result<(), CopyError>,
) -> Result<(), CopyError> {
    let broken = |error: diesel::result::Error| blame(Fault::Database(error.into()));
    let query = sql_query(format!("SELECT {} FROM {}", table.column_list(), table.name));
    match connection {
        DbConnection::Sqlite(sqlite) => {
            let rows = query.load_iter::<StoredRow, DefaultLoadingMode>(sqlite).map_err(broken)?;
            for row in rows {
                visit(cells(table, row.map_err(broken)?.0, Stored::into_cell).map_err(blame)?)?;
            }
        }
        DbConnection::Pg(pg) => {
            let rows = query.load_iter::<WireRow, PgRowByRowLoadingMode>(pg).map_err(broken)?;
            for row in rows {
                visit(cells(table, row.map_err(broken)?.0, wire_cell).map_err(blame)?)?;
            }
        }
    }
    Ok(())
}

/// How many rows `table` has, by the database's own count.
pub(super) fn count(connection: &mut DbConnection, table: &Table) -> Result<u64, DbError> {
    let count: i64 =
        diesel::select(sql::<BigInt>(&format!("(SELECT count(*) FROM {})", table.name))).get_result(connection)?;
    Ok(count.try_into().unwrap_or_default())
}

fn cells<T>(table: &Table, values: Vec<T>, convert: impl Fn(T, Kind) -> Option<Cell>) -> Result<Vec<Cell>, Fault> {
    let columns = table.columns.iter();
    let cells = columns.zip(values).map(|(column, value)| {
        convert(value, column.kind).ok_or(Fault::Value { table: table.name, column: column.name })
    });
    cells.collect()
}

/// A value as SQLite stores it.
enum Stored {
    Null,
    Integer(i64),
    /// UTF-8, unless somebody else wrote it.
    Text(Vec<u8>),
    Blob(Vec<u8>),
    Float,
}

impl Stored {
    /// `None`: that isn't what the column holds.
    fn into_cell(self, kind: Kind) -> Option<Cell> {
        Some(match (self, kind) {
            (Self::Null, _) => Cell::Null,
            (Self::Integer(value), Kind::Instant) => Cell::Instant(value),
            (Self::Integer(value @ (0 | 1)), Kind::Bool) => Cell::Bool(value == 1),
            (Self::Integer(value), Kind::SmallInt | Kind::Integer | Kind::BigInt) => Cell::Integer(value),
            (Self::Blob(value), Kind::Id) => Cell::Id(value.try_into().ok()?),
            (Self::Blob(value), Kind::Binary) => Cell::Binary(value),
            (Self::Text(value), Kind::Text) => Cell::Text(String::from_utf8(value).ok()?),
            _ => return None,
        })
    }
}

struct StoredRow(Vec<Stored>);

impl QueryableByName<Sqlite> for StoredRow {
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<Self> {
        let fields = (0..row.field_count()).filter_map(|index| Row::get(row, index));
        let stored = fields.map(|field| {
            let Some(mut value) = field.value() else { return Stored::Null };
            match value.value_type() {
                Some(SqliteType::Long | SqliteType::Integer | SqliteType::SmallInt) => {
                    Stored::Integer(value.read_long())
                }
                // Not as a text: what is no UTF-8 would be put right in silence.
                Some(SqliteType::Text) => Stored::Text(value.read_blob().to_vec()),
                Some(SqliteType::Binary) => Stored::Blob(value.read_blob().to_vec()),
                Some(_) => Stored::Float,
                None => Stored::Null,
            }
        });
        Ok(Self(stored.collect()))
    }
}

/// Values as PostgreSQL sends them, in its binary format.
struct WireRow(Vec<Option<Vec<u8>>>);

impl QueryableByName<Pg> for WireRow {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let fields = (0..row.field_count()).filter_map(|index| Row::get(row, index));
        Ok(Self(fields.map(|field| field.value().map(|value| value.as_bytes().to_vec())).collect()))
    }
}

fn wire_cell(value: Option<Vec<u8>>, kind: Kind) -> Option<Cell> {
    let Some(bytes) = value else { return Some(Cell::Null) };
    Some(match kind {
        Kind::Id => Cell::Id(bytes.try_into().ok()?),
        Kind::Instant => Cell::Instant(from_postgres_time(i64::from_be_bytes(bytes.try_into().ok()?))?),
        Kind::Bool => Cell::Bool(bytes != [0]),
        Kind::SmallInt => Cell::Integer(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        Kind::Integer => Cell::Integer(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        Kind::BigInt => Cell::Integer(i64::from_be_bytes(bytes.try_into().ok()?)),
        Kind::Text => Cell::Text(String::from_utf8(bytes).ok()?),
        Kind::Binary => Cell::Binary(bytes),
    })
}
