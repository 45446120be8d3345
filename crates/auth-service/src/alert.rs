//! Mails that tell a user what happened to their account, queued in the transaction that made it happen.

use std::time::Duration;

use auth_core::{Timestamp, new_uuid};
use auth_persistence::email_outbox::{self, NewEmail};
use auth_persistence::user::User;
use auth_persistence::{DbConnection, DbError, Hidden};
use serde_json::json;

use crate::client::Client;
use crate::service::Inner;

/// As long as the `secure-account` link of an alert is good.
const ALERT_LIFE: Duration = Duration::from_hours(72);

impl Inner {
    /// Queues a `security_alert` for `user`, who may have no address to send it to.
    pub(crate) fn queue_security_alert(
        &self,
        conn: &mut DbConnection,
        user: &User,
        what: &str,
        client: &Client,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let Some(recipient) = user.email.clone() else { return Ok(()) };
        let payload = json!({ "event": what, "at": now, "ip": client.ip_text(), "user_agent": client.user_agent() });
        let mail = NewEmail {
            id: new_uuid(now, &*self.random),
            user_id: Some(user.id),
            recipient: Hidden::new(recipient),
            template: "security_alert".to_owned(),
            payload: Hidden::new(payload.to_string()),
            dedupe_key: None,
            created_at: now,
            expires_at: now.plus(ALERT_LIFE),
        };
        email_outbox::insert(conn, &mail).map(drop)
    }
}
