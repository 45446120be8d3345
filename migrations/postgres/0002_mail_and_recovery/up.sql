-- Equal in meaning to the SQLite migration of the same name; a test compares what they make.

-- What ends every half-done sign-in of a user, in whatever store it lies.
ALTER TABLE users ADD COLUMN security_epoch bigint NOT NULL DEFAULT 0 CHECK (security_epoch >= 0);

-- A registration that waits for its address to be proven; its id becomes the user's.
CREATE TABLE pending_registrations (
    id uuid NOT NULL PRIMARY KEY,
    email text NOT NULL,
    email_normalized text NOT NULL CONSTRAINT pending_registrations_email_normalized_key UNIQUE,
    password_hash text NOT NULL,
    display_name text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX pending_registrations_expires_at_idx ON pending_registrations (expires_at);

CREATE TABLE one_time_tokens (
    id uuid NOT NULL PRIMARY KEY,
    user_id uuid REFERENCES users (id) ON DELETE CASCADE,
    pending_id uuid REFERENCES pending_registrations (id) ON DELETE CASCADE,
    purpose text NOT NULL,
    token_hash bytea NOT NULL CONSTRAINT one_time_tokens_token_hash_key UNIQUE CHECK (octet_length(token_hash) = 32),
    payload text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CHECK ((user_id IS NULL) <> (pending_id IS NULL))
);

CREATE INDEX one_time_tokens_user_id_purpose_idx ON one_time_tokens (user_id, purpose);
CREATE INDEX one_time_tokens_pending_id_idx ON one_time_tokens (pending_id);
CREATE INDEX one_time_tokens_expires_at_idx ON one_time_tokens (expires_at);

CREATE TABLE authenticator_failures (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    authenticator text NOT NULL CHECK (authenticator IN ('password', 'second_factor')),
    lane text NOT NULL,
    count bigint NOT NULL CHECK (count > 0),
    PRIMARY KEY (user_id, authenticator, lane)
);

-- Addresses that a change may still be taken back to.
CREATE TABLE reserved_addresses (
    email_normalized text NOT NULL PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);

CREATE INDEX reserved_addresses_user_id_idx ON reserved_addresses (user_id);
CREATE INDEX reserved_addresses_expires_at_idx ON reserved_addresses (expires_at);

CREATE TABLE mail_budgets (
    recipient_normalized text NOT NULL,
    purpose text NOT NULL,
    full_at timestamptz NOT NULL,
    PRIMARY KEY (recipient_normalized, purpose)
);

CREATE INDEX mail_budgets_full_at_idx ON mail_budgets (full_at);

CREATE TABLE known_clients (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client text NOT NULL,
    last_seen_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, client)
);

-- The default is for an instance of the version before that still runs: it knows nothing of the column.
ALTER TABLE email_outbox
    ADD COLUMN recipient_normalized text NOT NULL DEFAULT '',
    ADD COLUMN prepared_at timestamptz,
    ADD COLUMN failed_at timestamptz CHECK (sent_at IS NULL OR failed_at IS NULL),
    -- A token lies here only while it is needed.
    ADD COLUMN secret_sealed bytea
        CHECK (secret_sealed IS NULL OR (prepared_at IS NOT NULL AND sent_at IS NULL AND failed_at IS NULL));
UPDATE email_outbox SET recipient_normalized = lower(recipient);

DROP INDEX email_outbox_next_attempt_at_idx;
CREATE INDEX email_outbox_next_attempt_at_idx ON email_outbox (next_attempt_at)
    WHERE sent_at IS NULL AND failed_at IS NULL;
CREATE INDEX email_outbox_recipient_normalized_idx ON email_outbox (recipient_normalized) WHERE sent_at IS NULL;
CREATE INDEX email_outbox_open_idx ON email_outbox (created_at, id) WHERE sent_at IS NULL;
CREATE INDEX email_outbox_sent_at_idx ON email_outbox (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX email_outbox_failed_at_idx ON email_outbox (failed_at) WHERE failed_at IS NOT NULL;
