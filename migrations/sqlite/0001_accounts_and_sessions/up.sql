-- Equal in meaning to the PostgreSQL migration of the same name; a test compares what they make.
-- Ids are UUIDs in 16 bytes, times are microseconds since 1970 in UTC, booleans are 0 and 1.
-- Tables of short rows go without SQLite's hidden row number: one tree to search instead of two.

CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email TEXT,
    email_normalized TEXT CONSTRAINT users_email_normalized_key UNIQUE,
    email_verified_at INTEGER,
    username TEXT,
    username_normalized TEXT CONSTRAINT users_username_normalized_key UNIQUE,
    password_hash TEXT,
    display_name TEXT,
    avatar_url TEXT,
    role TEXT NOT NULL CHECK (role IN ('user', 'admin')),
    disabled_at INTEGER,
    password_must_change INTEGER NOT NULL DEFAULT 0 CHECK (password_must_change IN (0, 1)),
    premium_until INTEGER,
    last_login_at INTEGER,
    token_epoch INTEGER NOT NULL DEFAULT 0 CHECK (token_epoch >= 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK ((email IS NULL) = (email_normalized IS NULL)),
    CHECK ((username IS NULL) = (username_normalized IS NULL)),
    CHECK (email IS NOT NULL OR email_verified_at IS NULL)
) STRICT, WITHOUT ROWID;

-- Administrators are few: the index holds only them.
CREATE INDEX users_admin_idx ON users (id) WHERE role = 'admin';

CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL CHECK (generation BETWEEN 0 AND 4294967295),
    previous_generation INTEGER CHECK (previous_generation >= 0),
    seen_generation INTEGER NOT NULL DEFAULT 0 CHECK (seen_generation >= 0),
    skips INTEGER NOT NULL DEFAULT 0 CHECK (skips BETWEEN 0 AND 4294967295),
    salt BLOB NOT NULL CHECK (length(salt) = 32),
    rotated_at INTEGER,
    handed_at INTEGER,
    created_at INTEGER NOT NULL,
    authenticated_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revoke_reason TEXT,
    ip TEXT,
    user_agent TEXT,
    auth_methods TEXT NOT NULL,
    CHECK (previous_generation < generation),
    CHECK (seen_generation <= generation),
    CHECK ((revoked_at IS NULL) = (revoke_reason IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_user_id_created_at_idx ON sessions (user_id, created_at);
-- A user's ended sessions may be many; what a log-in looks through are the live ones.
CREATE INDEX sessions_live_idx ON sessions (user_id, created_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

CREATE TABLE data_keys (
    purpose TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version BETWEEN 0 AND 255),
    key_sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (purpose, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    algorithm TEXT NOT NULL,
    private_sealed BLOB NOT NULL,
    public_jwk TEXT,
    created_at INTEGER NOT NULL,
    activates_at INTEGER NOT NULL,
    retires_at INTEGER
) STRICT, WITHOUT ROWID;

-- No foreign keys: the trail outlives the account.
CREATE TABLE audit_events (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    outcome TEXT NOT NULL,
    user_id BLOB CHECK (length(user_id) = 16),
    actor_id BLOB CHECK (length(actor_id) = 16),
    ip TEXT,
    user_agent TEXT,
    request_id TEXT,
    details TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_events_user_id_id_idx ON audit_events (user_id, id);

CREATE TABLE email_outbox (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    recipient TEXT NOT NULL,
    template TEXT NOT NULL,
    payload TEXT NOT NULL,
    dedupe_key TEXT CONSTRAINT email_outbox_dedupe_key_key UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at INTEGER NOT NULL,
    claimed_until INTEGER,
    sent_at INTEGER,
    last_error TEXT,
    user_id BLOB REFERENCES users (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX email_outbox_next_attempt_at_idx ON email_outbox (next_attempt_at) WHERE sent_at IS NULL;
CREATE INDEX email_outbox_user_id_idx ON email_outbox (user_id);

-- News for the other instances; no foreign keys, since news of a deleted user must still be read.
CREATE TABLE revocations (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at INTEGER NOT NULL,
    session_id BLOB CHECK (length(session_id) = 16),
    user_id BLOB CHECK (length(user_id) = 16),
    lowest_epoch INTEGER CHECK (lowest_epoch >= 0),
    expires_at INTEGER NOT NULL,
    CHECK ((session_id IS NULL) <> (lowest_epoch IS NULL)),
    CHECK (lowest_epoch IS NULL OR user_id IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX revocations_at_idx ON revocations (at);
CREATE INDEX revocations_expires_at_idx ON revocations (expires_at);
