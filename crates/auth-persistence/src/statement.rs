//! `UPDATE` statements that a connection parses once.
//!
//! diesel keeps `SELECT`, `INSERT` and `DELETE` prepared, but never its own `UPDATE`, because the columns of a
//! changeset could vary from call to call. Ours don't, and they are what a refresh does: on PostgreSQL each would cost
//! a second round trip.

use diesel::backend::Backend;
use diesel::expression::AppearsOnTable;
use diesel::prelude::*;
use diesel::query_builder::{AsChangeset, AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BoolOrNullableBool;

use crate::connection::DbConnection;

/// `UPDATE table SET set WHERE filter`, to be [executed](RunQueryDsl::execute).
pub(crate) fn update<T, S, F>(table: T, set: S, filter: F) -> Update<T::FromClause, S::Changeset, F>
where
    T: Table + Copy,
    S: AsChangeset<Target = T>,
    F: AppearsOnTable<T, SqlType: BoolOrNullableBool>,
{
    Update { table: table.from_clause(), set: set.as_changeset(), filter }
}

pub(crate) struct Update<T, S, F> {
    table: T,
    set: S,
    filter: F,
}

impl<DB, T, S, F> QueryFragment<DB> for Update<T, S, F>
where
    DB: Backend,
    T: QueryFragment<DB>,
    S: QueryFragment<DB>,
    F: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(" SET ");
        self.set.walk_ast(out.reborrow())?;
        out.push_sql(" WHERE ");
        self.filter.walk_ast(out)
    }
}

/// Found again by its text, not by its type: a text that varied after all would still be the right one.
impl<T, S, F> QueryId for Update<T, S, F> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T, S, F> RunQueryDsl<DbConnection> for Update<T, S, F> {}

impl<T, S, F> Update<T, S, F> {
    /// The same with `RETURNING columns`, to be [loaded](RunQueryDsl::get_result).
    pub(crate) fn returning<C>(self, columns: C) -> Returning<Self, C> {
        Returning { statement: self, columns }
    }
}

/// A statement that answers with columns of the rows that it changed.
pub(crate) struct Returning<U, C> {
    pub(crate) statement: U,
    pub(crate) columns: C,
}

impl<DB, U, C> QueryFragment<DB> for Returning<U, C>
where
    DB: Backend,
    U: QueryFragment<DB>,
    C: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.statement.walk_ast(out.reborrow())?;
        out.push_sql(" RETURNING ");
        self.columns.walk_ast(out)
    }
}

impl<U, C: Expression> Query for Returning<U, C> {
    type SqlType = C::SqlType;
}

impl<U, C> QueryId for Returning<U, C> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<U, C> RunQueryDsl<DbConnection> for Returning<U, C> {}

/// Runs a statement with `ON CONFLICT`, which diesel doesn't have for both databases in one, on the one that it is.
macro_rules! on_either {
    ($connection:expr, |$inner:ident| $run:expr) => {
        match $connection {
            $crate::connection::DbConnection::Sqlite($inner) => $run,
            $crate::connection::DbConnection::Pg($inner) => $run,
        }
    };
}
pub(crate) use on_either;
