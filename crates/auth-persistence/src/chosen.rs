//! Statements that change a bounded number of rows: what workers do, a batch at a time.
//!
//! diesel has no `LIMIT` for `UPDATE` and `DELETE`, and no subquery on the same table. Several workers on one database
//! must neither wait for each other nor choose the same rows, so PostgreSQL skips what another one has chosen; SQLite
//! has one writer. `MATERIALIZED` makes PostgreSQL choose once: joined to the table it could choose again for each of
//! its rows, and exceed the limit.

use diesel::backend::Backend;
use diesel::expression::AppearsOnTable;
use diesel::prelude::*;
use diesel::query_builder::{AsChangeset, AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, BoolOrNullableBool, HasSqlType};

use crate::connection::DbConnection;
use crate::statement::Returning;

/// The first `limit` rows of a table, by `order`, that pass `filter`.
pub(crate) struct Chosen<T, K, F, O> {
    table: T,
    key: K,
    filter: F,
    order: O,
    limit: i64,
    skip_locked: bool,
}

/// Chooses rows; `key` is the primary key of `table`.
pub(crate) fn choose<T, F, O>(
    connection: &DbConnection,
    table: T,
    filter: F,
    order: O,
    limit: u32,
) -> Chosen<T::FromClause, T::PrimaryKey, F, O>
where
    T: Table + Copy,
    F: AppearsOnTable<T, SqlType: BoolOrNullableBool>,
    O: AppearsOnTable<T>,
{
    let skip_locked = matches!(connection, DbConnection::Pg(_));
    Chosen { table: table.from_clause(), key: table.primary_key(), filter, order, limit: limit.into(), skip_locked }
}

impl<T, K, F, O> Chosen<T, K, F, O> {
    /// Deletes them.
    pub(crate) fn delete(self) -> DeleteChosen<Self> {
        DeleteChosen(self)
    }

    /// Changes them, and answers with `columns` of each, in any order.
    pub(crate) fn update<S: AsChangeset, C>(
        self,
        set: S,
        columns: C,
    ) -> Returning<UpdateChosen<Self, S::Changeset>, C> {
        Returning { statement: UpdateChosen { chosen: self, set: set.as_changeset() }, columns }
    }
}

impl<DB, T, K, F, O> QueryFragment<DB> for Chosen<T, K, F, O>
where
    DB: Backend + HasSqlType<BigInt>,
    T: QueryFragment<DB>,
    K: QueryFragment<DB>,
    F: QueryFragment<DB>,
    O: QueryFragment<DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("WITH chosen AS MATERIALIZED (SELECT ");
        self.key.walk_ast(out.reborrow())?;
        out.push_sql(" FROM ");
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(" WHERE ");
        self.filter.walk_ast(out.reborrow())?;
        out.push_sql(" ORDER BY ");
        self.order.walk_ast(out.reborrow())?;
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(if self.skip_locked { " FOR UPDATE SKIP LOCKED) " } else { ") " });
        Ok(())
    }
}

impl<T, K, F, O> Chosen<T, K, F, O> {
    fn is_chosen<'b, DB>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend,
        K: QueryFragment<DB>,
    {
        out.push_sql(" WHERE (");
        self.key.walk_ast(out.reborrow())?;
        out.push_sql(") IN (SELECT * FROM chosen)");
        Ok(())
    }
}

pub(crate) struct DeleteChosen<C>(C);

impl<DB, T, K, F, O> QueryFragment<DB> for DeleteChosen<Chosen<T, K, F, O>>
where
    DB: Backend,
    T: QueryFragment<DB>,
    K: QueryFragment<DB>,
    Chosen<T, K, F, O>: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql("DELETE FROM ");
        self.0.table.walk_ast(out.reborrow())?;
        self.0.is_chosen(out)
    }
}

pub(crate) struct UpdateChosen<C, S> {
    chosen: C,
    set: S,
}

impl<DB, T, K, F, O, S> QueryFragment<DB> for UpdateChosen<Chosen<T, K, F, O>, S>
where
    DB: Backend,
    T: QueryFragment<DB>,
    K: QueryFragment<DB>,
    S: QueryFragment<DB>,
    Chosen<T, K, F, O>: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.chosen.walk_ast(out.reborrow())?;
        out.push_sql("UPDATE ");
        self.chosen.table.walk_ast(out.reborrow())?;
        out.push_sql(" SET ");
        self.set.walk_ast(out.reborrow())?;
        self.chosen.is_chosen(out)
    }
}

/// Found again by its text, like [`crate::statement::Update`].
impl<C> QueryId for DeleteChosen<C> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C> RunQueryDsl<DbConnection> for DeleteChosen<C> {}
