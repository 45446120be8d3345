//! The queue of mails as it lies in the database, and what only time would do to it otherwise.

use crate::database::TestDatabase;
use crate::sql;
use crate::wait::until;

/// A mail that waits to be sent.
pub(crate) const WAITING: &str = "sent_at IS NULL AND failed_at IS NULL";

/// The queue of mails in one database.
#[derive(Clone, Copy)]
pub(crate) struct Queue<'a>(pub(crate) &'a TestDatabase);

impl Queue<'_> {
    /// How many mails are as `condition` says.
    pub(crate) fn count(self, condition: &str) -> i64 {
        sql::number(&self.0.url, &format!("count(*) FROM email_outbox WHERE {condition}"))
    }

    pub(crate) fn wait_until_all_are_sent(self) {
        until("no mail waits", || self.count(WAITING) == 0);
    }

    /// Waits until somebody has taken a first look at every mail: it was tried, or dropped.
    pub(crate) fn wait_until_all_were_tried(self) {
        until("every mail was tried", || self.count(&format!("{WAITING} AND attempts = 0")) == 0);
    }

    /// Two minutes pass for the leases of `condition`: those of the killed.
    pub(crate) fn end_leases(self, condition: &str) {
        let earlier = self.0.earlier("claimed_until", 600);
        self.execute(&format!(
            "UPDATE email_outbox SET claimed_until = {earlier} WHERE claimed_until IS NOT NULL AND {condition}"
        ));
    }

    /// When a lease ends, as a number that grows.
    pub(crate) fn lease(self) -> &'static str {
        if self.0.is_postgres() { "(extract(epoch FROM claimed_until) * 1000000)::bigint" } else { "claimed_until" }
    }

    /// The end of the newest lease that somebody has; 0 without any.
    pub(crate) fn last_lease(self) -> i64 {
        let lease = self.lease();
        sql::number(&self.0.url, &format!("coalesce(max({lease}), 0) FROM email_outbox WHERE {WAITING}"))
    }

    /// The wait of every mail that was put off is over.
    pub(crate) fn end_waits(self) {
        self.execute(&format!("UPDATE email_outbox SET next_attempt_at = created_at WHERE {WAITING}"));
    }

    /// Every mail that waits does so for an hour more.
    pub(crate) fn wait_longer(self) {
        let later =
            if self.0.is_postgres() { "next_attempt_at + interval '1 hour'" } else { "next_attempt_at + 3600000000" };
        self.execute(&format!("UPDATE email_outbox SET next_attempt_at = {later} WHERE {WAITING}"));
    }

    /// The purpose of the mails of `condition` has ended.
    pub(crate) fn expire(self, condition: &str) {
        self.execute(&format!("UPDATE email_outbox SET expires_at = created_at WHERE {condition}"));
    }

    /// The ids of the mails of `condition`, the oldest first, as Message-IDs have them.
    pub(crate) fn ids(self, condition: &str) -> Vec<String> {
        let id = if self.0.is_postgres() { "replace(id::text, '-', '')" } else { "lower(hex(id))" };
        self.0.texts(id, &format!("email_outbox WHERE {condition} ORDER BY created_at, email_outbox.id"))
    }

    pub(crate) fn last_error_of(self, recipient: &str) -> String {
        let texts = self.0.texts("coalesce(last_error, '')", &format!("email_outbox WHERE recipient = '{recipient}'"));
        texts.last().cloned().unwrap_or_default()
    }

    fn execute(self, statement: &str) {
        self.0.execute(statement);
    }
}
