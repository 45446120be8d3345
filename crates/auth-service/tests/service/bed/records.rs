//! What the database and the tokens say, beside the services.

use auth_core::{AuthSecret, DataKeyPurpose, RefreshTokens, SecretRing, SessionId, SessionSalt, UserId};
use auth_persistence::audit_event::{self, AuditEvent};
use auth_persistence::email_outbox::{self, QueuedEmail};
use auth_persistence::session::{self, Session};
use auth_persistence::user::{self, User};
use auth_persistence::{DbConnection, DbError, data_key};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::{Bed, SECRET};

impl Bed {
    pub(crate) fn session(&self, id: SessionId) -> Session {
        self.read(move |conn| session::find(conn, id)).unwrap()
    }

    pub(crate) fn user(&self, id: UserId) -> Option<User> {
        self.read(move |conn| user::find(conn, id))
    }

    /// The audit trail of a user, the oldest first.
    pub(crate) fn trail(&self, user: UserId) -> Vec<AuditEvent> {
        self.read(move |conn| audit_event::list_for_user(conn, user))
    }

    pub(crate) fn count_events(&self, user: UserId, event: &str) -> usize {
        self.trail(user).iter().filter(|row| row.event == event).count()
    }

    /// The mails about the account of `user`, but for the one that every registration sends.
    pub(crate) fn mails(&self, user: UserId) -> Vec<QueuedEmail> {
        let mut mails = self.read(move |conn| email_outbox::list_for_user(conn, user));
        mails.retain(|mail| mail.template != "verify_email");
        mails
    }

    /// How many rows `table` holds that meet `condition`.
    pub(crate) fn count(&self, table: &str, condition: &str) -> i64 {
        let count = sql::<BigInt>(&format!("(SELECT count(*) FROM {table} WHERE {condition})"));
        self.read(|conn| match conn {
            DbConnection::Sqlite(sqlite) => Ok(diesel::select(count).get_result(sqlite)?),
            DbConnection::Pg(pg) => Ok(diesel::select(count).get_result(pg)?),
        })
    }

    /// As if so many passwords had been wrong in a row for the user with this address.
    pub(crate) fn set_failures(&self, email: &str, count: i64) {
        self.execute("DELETE FROM authenticator_failures");
        self.execute(&format!(
            "INSERT INTO authenticator_failures (user_id, authenticator, lane, count)
             SELECT id, 'password', 'any', {count} FROM users WHERE email = '{email}'"
        ));
    }

    /// Changes rows as another program would.
    pub(crate) fn execute(&self, sql: &str) {
        let sql = sql.to_owned();
        self.database.write_blocking(move |conn| Ok::<_, DbError>(conn.batch_execute(&sql)?)).unwrap();
    }

    pub(crate) fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, DbError> + Send + 'static,
    ) -> T {
        self.database.read_blocking(work).unwrap()
    }

    /// The authentic refresh token of any generation, as only the service's own key can make it.
    pub(crate) fn mint(&self, session: SessionId, generation: u32) -> String {
        let secrets = SecretRing::new(&AuthSecret::new(SECRET).unwrap(), None);
        let keys =
            self.read(data_key::list).into_iter().filter(|row| row.purpose == DataKeyPurpose::RefreshMac.as_str());
        let open = |row: &data_key::SealedDataKey| {
            secrets.unwrap(DataKeyPurpose::RefreshMac, row.version, row.key_sealed.expose()).unwrap().key
        };
        let keys: Vec<_> = keys.map(|row| (row.version, open(&row))).collect();
        let salt = SessionSalt::from_bytes(*self.session(session).salt.expose());
        RefreshTokens::new(&keys).unwrap().mint(session, generation, &salt).expose().to_owned()
    }
}

/// The generation that a refresh token names.
pub(crate) fn generation_of(refresh: &str) -> u32 {
    let bytes = BASE64URL.decode(refresh.strip_prefix("rt_").unwrap()).unwrap();
    u32::from_be_bytes(bytes[17..21].try_into().unwrap())
}

/// The claims of an access token, as anybody can read them: no mark is left in the service.
pub(crate) fn unverified_claims(access: &str) -> serde_json::Value {
    serde_json::from_slice(&BASE64URL.decode(access.split('.').nth(1).unwrap()).unwrap()).unwrap()
}
