//! Statements that both databases parse once per connection.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

use crate::connection::{DbConnection, MultiBackend};

/// A statement whose text is the same at every call, so that the connection may keep it prepared.
///
/// diesel keeps `SELECT` and `INSERT`, but never `UPDATE` and `DELETE`, because the columns of a changeset could vary
/// from call to call. Ours don't; and were a text ever to vary, it would still be found by its whole text.
pub(crate) struct Prepared<Q>(pub(crate) Q);

impl<Q: QueryFragment<MultiBackend>> QueryFragment<MultiBackend> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, _: &MultiBackend) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Prepared<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<DbConnection> for Prepared<Q> {}
