//! Writing rows, many in one statement.

use diesel::data_types::PgTimestamp;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::BoxedSqlQuery;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, SmallInt, Text, Timestamptz};
use diesel::sqlite::Sqlite;
use uuid::Uuid;

use super::catalogue::{Column, Kind, Table};
use super::cell::{Cell, to_postgres_time};
use super::error::Fault;
use crate::connection::DbConnection;
use crate::sql_type::{Id, key};

/// How many rows one statement writes: with 32 columns each, half of the values that SQLite and PostgreSQL take.
pub(super) const BATCH: usize = 500;

/// Writes `rows` into `table`.
pub(super) fn insert(connection: &mut DbConnection, table: &Table, rows: &[Vec<Cell>]) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let written = match connection {
        DbConnection::Sqlite(sqlite) => {
            let mut query = sql_query(statement(table, rows.len(), |_| "?".to_owned())).into_boxed::<Sqlite>();
            for (column, cell) in cells(table, rows) {
                query = bind_sqlite(query, column, cell);
            }
            query.execute(sqlite)
        }
        DbConnection::Pg(pg) => {
            let mut query = sql_query(statement(table, rows.len(), |number| format!("${number}"))).into_boxed::<Pg>();
            for (column, cell) in cells(table, rows) {
                let fault = Fault::Value { table: table.name, column: column.name };
                query = bind_postgres(query, column, cell).ok_or(fault)?;
            }
            query.execute(pg)
        }
    };
    match written.map_err(|error| Fault::Database(error.into()))? {
        count if count == rows.len() => Ok(()),
        _ => Err(Fault::Lost { table: table.name }),
    }
}

fn cells<'a>(table: &'a Table, rows: &'a [Vec<Cell>]) -> impl Iterator<Item = (&'a Column, &'a Cell)> {
    rows.iter().flat_map(|row| table.columns.iter().zip(row))
}

fn statement(table: &Table, rows: usize, placeholder: impl Fn(usize) -> String) -> String {
    let width = table.columns.len();
    let row = |row: usize| {
        let values: Vec<String> = (1..=width).map(|column| placeholder(row * width + column)).collect();
        format!("({})", values.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!("INSERT INTO {} ({}) VALUES {}", table.name, table.column_list(), rows.join(", "))
}

type ToSqlite<'f> = BoxedSqlQuery<'f, Sqlite, diesel::query_builder::SqlQuery>;
type ToPostgres<'f> = BoxedSqlQuery<'f, Pg, diesel::query_builder::SqlQuery>;

fn bind_sqlite<'f>(query: ToSqlite<'f>, column: &Column, cell: &'f Cell) -> ToSqlite<'f> {
    match cell {
        Cell::Null => match column.kind {
            Kind::Text => query.bind::<Nullable<Text>, _>(None::<&str>),
            Kind::Id | Kind::Binary => query.bind::<Nullable<Binary>, _>(None::<&[u8]>),
            _ => query.bind::<Nullable<BigInt>, _>(None::<i64>),
        },
        Cell::Bool(value) => query.bind::<Bool, _>(*value),
        Cell::Integer(value) | Cell::Instant(value) => query.bind::<BigInt, _>(*value),
        Cell::Id(value) => query.bind::<Binary, _>(value.as_slice()),
        Cell::Text(value) => query.bind::<Text, _>(value.as_str()),
        Cell::Binary(value) => query.bind::<Binary, _>(value.as_slice()),
    }
}

/// `None`: PostgreSQL has no such value.
fn bind_postgres<'f>(query: ToPostgres<'f>, column: &Column, cell: &'f Cell) -> Option<ToPostgres<'f>> {
    Some(match (cell, column.kind) {
        (Cell::Null, kind) => bind_postgres_null(query, kind),
        (Cell::Bool(value), _) => query.bind::<Bool, _>(*value),
        (Cell::Integer(value), Kind::SmallInt) => query.bind::<SmallInt, _>(i16::try_from(*value).ok()?),
        (Cell::Integer(value), Kind::Integer) => query.bind::<Integer, _>(i32::try_from(*value).ok()?),
        (Cell::Integer(value), _) => query.bind::<BigInt, _>(*value),
        (Cell::Instant(value), _) => query.bind::<Timestamptz, _>(PgTimestamp(to_postgres_time(*value)?)),
        (Cell::Id(value), _) => query.bind::<Id, _>(key(Uuid::from_bytes(*value))),
        // PostgreSQL's texts are without NUL.
        (Cell::Text(value), _) if value.contains('\0') => return None,
        (Cell::Text(value), _) => query.bind::<Text, _>(value.as_str()),
        (Cell::Binary(value), _) => query.bind::<Binary, _>(value.as_slice()),
    })
}

fn bind_postgres_null(query: ToPostgres<'_>, kind: Kind) -> ToPostgres<'_> {
    match kind {
        Kind::Id => query.bind::<Nullable<Id>, _>(None::<crate::sql_type::Key>),
        Kind::Instant => query.bind::<Nullable<Timestamptz>, _>(None::<PgTimestamp>),
        Kind::Bool => query.bind::<Nullable<Bool>, _>(None::<bool>),
        Kind::SmallInt => query.bind::<Nullable<SmallInt>, _>(None::<i16>),
        Kind::Integer => query.bind::<Nullable<Integer>, _>(None::<i32>),
        Kind::BigInt => query.bind::<Nullable<BigInt>, _>(None::<i64>),
        Kind::Text => query.bind::<Nullable<Text>, _>(None::<&str>),
        Kind::Binary => query.bind::<Nullable<Binary>, _>(None::<&[u8]>),
    }
}
