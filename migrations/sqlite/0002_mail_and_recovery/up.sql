-- Equal in meaning to the PostgreSQL migration of the same name; a test compares what they make.

-- What ends every half-done sign-in of a user, in whatever store it lies.
ALTER TABLE users ADD COLUMN security_epoch INTEGER NOT NULL DEFAULT 0 CHECK (security_epoch >= 0);

-- A registration that waits for its address to be proven; its id becomes the user's.
CREATE TABLE pending_registrations (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email TEXT NOT NULL,
    email_normalized TEXT NOT NULL CONSTRAINT pending_registrations_email_normalized_key UNIQUE,
    password_hash TEXT NOT NULL,
    display_name TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX pending_registrations_expires_at_idx ON pending_registrations (expires_at);

CREATE TABLE one_time_tokens (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id BLOB REFERENCES users (id) ON DELETE CASCADE,
    pending_id BLOB REFERENCES pending_registrations (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    token_hash BLOB NOT NULL CONSTRAINT one_time_tokens_token_hash_key UNIQUE CHECK (length(token_hash) = 32),
    payload TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    CHECK ((user_id IS NULL) <> (pending_id IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX one_time_tokens_user_id_purpose_idx ON one_time_tokens (user_id, purpose);
CREATE INDEX one_time_tokens_pending_id_idx ON one_time_tokens (pending_id);
CREATE INDEX one_time_tokens_expires_at_idx ON one_time_tokens (expires_at);

CREATE TABLE authenticator_failures (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    authenticator TEXT NOT NULL CHECK (authenticator IN ('password', 'second_factor')),
    lane TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (user_id, authenticator, lane)
) STRICT, WITHOUT ROWID;

-- Addresses that a change may still be taken back to.
CREATE TABLE reserved_addresses (
    email_normalized TEXT NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX reserved_addresses_user_id_idx ON reserved_addresses (user_id);
CREATE INDEX reserved_addresses_expires_at_idx ON reserved_addresses (expires_at);

CREATE TABLE mail_budgets (
    recipient_normalized TEXT NOT NULL,
    purpose TEXT NOT NULL,
    full_at INTEGER NOT NULL,
    PRIMARY KEY (recipient_normalized, purpose)
) STRICT, WITHOUT ROWID;

CREATE INDEX mail_budgets_full_at_idx ON mail_budgets (full_at);

CREATE TABLE known_clients (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client TEXT NOT NULL,
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, client)
) STRICT, WITHOUT ROWID;

-- The default is for an instance of the version before that still runs: it knows nothing of the column.
ALTER TABLE email_outbox ADD COLUMN recipient_normalized TEXT NOT NULL DEFAULT '';
ALTER TABLE email_outbox ADD COLUMN prepared_at INTEGER;
ALTER TABLE email_outbox ADD COLUMN failed_at INTEGER CHECK (sent_at IS NULL OR failed_at IS NULL);
-- A token lies here only while it is needed.
ALTER TABLE email_outbox ADD COLUMN secret_sealed BLOB
    CHECK (secret_sealed IS NULL OR (prepared_at IS NOT NULL AND sent_at IS NULL AND failed_at IS NULL));
UPDATE email_outbox SET recipient_normalized = lower(recipient);

DROP INDEX email_outbox_next_attempt_at_idx;
CREATE INDEX email_outbox_next_attempt_at_idx ON email_outbox (next_attempt_at)
    WHERE sent_at IS NULL AND failed_at IS NULL;
CREATE INDEX email_outbox_recipient_normalized_idx ON email_outbox (recipient_normalized) WHERE sent_at IS NULL;
CREATE INDEX email_outbox_open_idx ON email_outbox (created_at, id) WHERE sent_at IS NULL;
CREATE INDEX email_outbox_sent_at_idx ON email_outbox (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX email_outbox_failed_at_idx ON email_outbox (failed_at) WHERE failed_at IS NOT NULL;
