//! What can go wrong with the database, and the one place that reads it out of diesel's errors.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, DeserializeFieldError, Error};

/// Why something could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// A row with this key is there already.
    #[error("the row exists already: {0:?}")]
    UniqueViolation(Conflict),
    /// The row that is referred to is not there (any more).
    #[error("the row referred to does not exist")]
    ForeignKeyViolation,
    /// Another transaction stands in the way (lock time-out, deadlock, serialization failure). Trying again may help.
    #[error("the database is busy")]
    Busy,
    /// The database can't be used now: connection lost, disk full, I/O error, read-only, time-out. Nothing was
    /// written, except that after a connection lost during `COMMIT` nobody knows.
    #[error("the database is unavailable: {0}")]
    Unavailable(&'static str),
    /// So many jobs are waiting that this one was refused at once.
    #[error("too many database jobs are waiting")]
    Overloaded,
    /// A stored value breaks a rule that this program keeps: somebody else wrote it.
    #[error("inconsistent row: {table}.{column}")]
    InconsistentRow {
        /// The table, or `?` where the database does not tell.
        table: &'static str,
        /// The column.
        column: String,
    },
    /// A fault of this program, such as a statement that the database refuses.
    #[error("database error: {0}")]
    Internal(String),
}

/// Which unique key is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conflict {
    /// The user's id.
    UserId,
    /// The address of a user, in its normalized form.
    UserEmail,
    /// The name of a user, in its normalized form.
    UserUsername,
    /// The session's id.
    SessionId,
    /// The purpose and version of a data key.
    DataKey,
    /// The `kid` of a signing key.
    SigningKey,
    /// The id of an audit event.
    AuditEventId,
    /// The id of a mail.
    EmailId,
    /// The key that keeps one mail from being queued twice.
    EmailDedupeKey,
    /// The id of a revocation.
    RevocationId,
    /// The id of a pending registration.
    PendingRegistrationId,
    /// The address of a pending registration, in its normalized form.
    PendingRegistrationEmail,
    /// The id of a one-time token.
    OneTimeTokenId,
    /// The hash of a one-time token.
    OneTimeTokenHash,
    /// The user and hash of a backup code.
    BackupCode,
    /// The issuer and subject of a linked account.
    OAuthIdentity,
    /// The user and provider of a linked account.
    OAuthProvider,
    /// The hash of a device's token.
    DeviceToken,
    /// A key that this version does not know.
    Other(String),
}

impl Conflict {
    /// From PostgreSQL's name of the constraint, or from the columns that SQLite names.
    fn from_key(key: &str) -> Self {
        match key {
            "users_pkey" | "users.id" => Self::UserId,
            "users_email_normalized_key" | "users.email_normalized" => Self::UserEmail,
            "users_username_normalized_key" | "users.username_normalized" => Self::UserUsername,
            "sessions_pkey" | "sessions.id" => Self::SessionId,
            "data_keys_pkey" | "data_keys.purpose, data_keys.version" => Self::DataKey,
            "signing_keys_pkey" | "signing_keys.kid" => Self::SigningKey,
            "audit_events_pkey" | "audit_events.id" => Self::AuditEventId,
            "email_outbox_pkey" | "email_outbox.id" => Self::EmailId,
            "email_outbox_dedupe_key_key" | "email_outbox.dedupe_key" => Self::EmailDedupeKey,
            "revocations_pkey" | "revocations.id" => Self::RevocationId,
            "pending_registrations_pkey" | "pending_registrations.id" => Self::PendingRegistrationId,
            "pending_registrations_email_normalized_key" | "pending_registrations.email_normalized" => {
                Self::PendingRegistrationEmail
            }
            "one_time_tokens_pkey" | "one_time_tokens.id" => Self::OneTimeTokenId,
            "one_time_tokens_token_hash_key" | "one_time_tokens.token_hash" => Self::OneTimeTokenHash,
            "backup_codes_pkey" | "backup_codes.user_id, backup_codes.code_hash" => Self::BackupCode,
            "oauth_accounts_pkey" | "oauth_accounts.issuer, oauth_accounts.subject" => Self::OAuthIdentity,
            "oauth_accounts_user_id_provider_key" | "oauth_accounts.user_id, oauth_accounts.provider" => {
                Self::OAuthProvider
            }
            "devices_token_hash_key" | "devices.token_hash" => Self::DeviceToken,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// The one place that maps the errors of both databases.
impl From<Error> for DbError {
    fn from(error: Error) -> Self {
        match error {
            Error::DatabaseError(kind, information) => from_database(kind, &*information),
            Error::RollbackErrorOnCommit { commit_error, .. } => Self::from(*commit_error),
            Error::BrokenTransactionManager => Self::Unavailable("connection lost"),
            Error::DeserializationError(error) => from_value(&*error),
            other => Self::Internal(other.to_string()),
        }
    }
}

fn from_database(kind: DatabaseErrorKind, information: &dyn DatabaseErrorInformation) -> DbError {
    match kind {
        DatabaseErrorKind::UniqueViolation => DbError::UniqueViolation(conflict(information)),
        DatabaseErrorKind::ForeignKeyViolation => DbError::ForeignKeyViolation,
        DatabaseErrorKind::SerializationFailure => DbError::Busy,
        DatabaseErrorKind::ReadOnlyTransaction => DbError::Unavailable("read-only"),
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
            DbError::Unavailable("connection lost")
        }
        _ => from_message(information.message()),
    }
}

fn conflict(information: &dyn DatabaseErrorInformation) -> Conflict {
    let key = information.constraint_name().unwrap_or_else(|| {
        // SQLite names the columns, and only in the message.
        let message = information.message();
        message.strip_prefix("UNIQUE constraint failed: ").unwrap_or(message)
    });
    Conflict::from_key(key)
}

/// Neither database's code gets through diesel for these, only the text.
const BUSY: [&str; 5] = [
    "database is locked",
    "database table is locked",
    "database schema is locked",
    "deadlock detected",
    "canceling statement due to lock timeout",
];

const UNAVAILABLE: [(&str, &str); 10] = [
    ("database or disk is full", "disk full"),
    ("No space left on device", "disk full"),
    ("disk I/O error", "I/O error"),
    ("locking protocol", "I/O error"),
    ("unable to open database file", "can't be opened"),
    ("attempt to write a readonly database", "read-only"),
    ("canceling statement due to statement timeout", "statement timeout"),
    ("server closed the connection", "connection lost"),
    ("terminating connection", "connection lost"),
    ("no connection to the server", "connection lost"),
];

fn from_message(message: &str) -> DbError {
    if BUSY.iter().any(|text| message.contains(text)) {
        return DbError::Busy;
    }
    match UNAVAILABLE.iter().find(|(text, _)| message.contains(text)) {
        Some((_, reason)) => DbError::Unavailable(reason),
        None => DbError::Internal(message.to_owned()),
    }
}

/// A stored value that breaks a rule, told by the column's own conversion.
#[derive(Debug, thiserror::Error)]
#[error("inconsistent value in {table}.{column}")]
pub(crate) struct InconsistentValue {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
}

fn from_value(error: &(dyn std::error::Error + Send + Sync + 'static)) -> DbError {
    let (field, cause) = match error.downcast_ref::<DeserializeFieldError>() {
        Some(field) => (field.field_name.as_deref(), &*field.error as &(dyn std::error::Error + 'static)),
        None => (None, error as &(dyn std::error::Error + 'static)),
    };
    match (cause.downcast_ref::<InconsistentValue>(), field) {
        (Some(value), _) => DbError::InconsistentRow { table: value.table, column: value.column.to_owned() },
        (None, Some(field)) => DbError::InconsistentRow { table: "?", column: field.to_owned() },
        (None, None) => DbError::Internal(error.to_string()),
    }
}
