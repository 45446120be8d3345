//! The audit trail, as it lies in the database.

use crate::support::TestDatabase;

/// How many rows there are of `event` about the user with this id.
pub(crate) fn count(database: &TestDatabase, event: &str, user: &str) -> i64 {
    database.count(&format!("audit_events WHERE event = '{event}' AND user_id = {}", database.id(user)))
}
