//! Updates that a connection parses once: diesel prepares every `UPDATE` anew, since its columns might differ.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};

/// A statement whose text never changes.
pub(super) struct Prepared<Q>(pub(super) Q);

impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q, C> RunQueryDsl<C> for Prepared<Q> {}

diesel::table! {
    /// What is counted up, a row at a time.
    counters (id) {
        id -> Integer,
        value -> BigInt,
    }
}

/// Counts the row `id` up.
macro_rules! count_up {
    ($connection:expr, $id:expr) => {{
        use $crate::reference::prepared::counters;
        let update = diesel::update(counters::table.find($id)).set(counters::value.eq(counters::value + 1));
        $crate::reference::prepared::Prepared(update).execute($connection)
    }};
}
pub(super) use count_up;
