-- Equal in meaning to the SQLite migration of the same name; a test compares what they make.
-- Names are unqualified: the connection's search_path names the one schema that holds everything.

CREATE TABLE users (
    id uuid NOT NULL PRIMARY KEY,
    email text,
    email_normalized text CONSTRAINT users_email_normalized_key UNIQUE,
    email_verified_at timestamptz,
    username text,
    username_normalized text CONSTRAINT users_username_normalized_key UNIQUE,
    password_hash text,
    display_name text,
    avatar_url text,
    role text NOT NULL CHECK (role IN ('user', 'admin')),
    disabled_at timestamptz,
    password_must_change boolean NOT NULL DEFAULT false,
    premium_until timestamptz,
    last_login_at timestamptz,
    token_epoch bigint NOT NULL DEFAULT 0 CHECK (token_epoch >= 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((email IS NULL) = (email_normalized IS NULL)),
    CHECK ((username IS NULL) = (username_normalized IS NULL)),
    CHECK (email IS NOT NULL OR email_verified_at IS NULL)
);

-- Administrators are few: the index holds only them.
CREATE INDEX users_admin_idx ON users (id) WHERE role = 'admin';

-- A refresh updates no indexed column: room in the page lets PostgreSQL keep such an update within it (HOT).
CREATE TABLE sessions (
    id uuid NOT NULL PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    generation bigint NOT NULL CHECK (generation BETWEEN 0 AND 4294967295),
    previous_generation bigint CHECK (previous_generation >= 0),
    seen_generation bigint NOT NULL DEFAULT 0 CHECK (seen_generation >= 0),
    skips bigint NOT NULL DEFAULT 0 CHECK (skips BETWEEN 0 AND 4294967295),
    salt bytea NOT NULL CHECK (octet_length(salt) = 32),
    rotated_at timestamptz,
    handed_at timestamptz,
    created_at timestamptz NOT NULL,
    authenticated_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoke_reason text,
    ip text,
    user_agent text,
    auth_methods text NOT NULL,
    CHECK (previous_generation < generation),
    CHECK (seen_generation <= generation),
    CHECK ((revoked_at IS NULL) = (revoke_reason IS NULL))
) WITH (fillfactor = 80);

CREATE INDEX sessions_user_id_created_at_idx ON sessions (user_id, created_at);
-- A user's ended sessions may be many; what a log-in looks through are the live ones.
CREATE INDEX sessions_live_idx ON sessions (user_id, created_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

CREATE TABLE data_keys (
    purpose text NOT NULL,
    version smallint NOT NULL CHECK (version BETWEEN 0 AND 255),
    key_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (purpose, version)
);

CREATE TABLE signing_keys (
    kid text NOT NULL PRIMARY KEY,
    algorithm text NOT NULL,
    private_sealed bytea NOT NULL,
    public_jwk text,
    created_at timestamptz NOT NULL,
    activates_at timestamptz NOT NULL,
    retires_at timestamptz
);

-- No foreign keys: the trail outlives the account.
CREATE TABLE audit_events (
    id uuid NOT NULL PRIMARY KEY,
    at timestamptz NOT NULL,
    event text NOT NULL,
    outcome text NOT NULL,
    user_id uuid,
    actor_id uuid,
    ip text,
    user_agent text,
    request_id text,
    details text NOT NULL
);

CREATE INDEX audit_events_user_id_id_idx ON audit_events (user_id, id);

CREATE TABLE email_outbox (
    id uuid NOT NULL PRIMARY KEY,
    recipient text NOT NULL,
    template text NOT NULL,
    payload text NOT NULL,
    dedupe_key text CONSTRAINT email_outbox_dedupe_key_key UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at timestamptz NOT NULL,
    claimed_until timestamptz,
    sent_at timestamptz,
    last_error text,
    user_id uuid REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX email_outbox_next_attempt_at_idx ON email_outbox (next_attempt_at) WHERE sent_at IS NULL;
CREATE INDEX email_outbox_user_id_idx ON email_outbox (user_id);

-- News for the other instances; no foreign keys, since news of a deleted user must still be read.
CREATE TABLE revocations (
    id uuid NOT NULL PRIMARY KEY,
    at timestamptz NOT NULL,
    session_id uuid,
    user_id uuid,
    lowest_epoch bigint CHECK (lowest_epoch >= 0),
    expires_at timestamptz NOT NULL,
    CHECK ((session_id IS NULL) <> (lowest_epoch IS NULL)),
    CHECK (lowest_epoch IS NULL OR user_id IS NOT NULL)
);

CREATE INDEX revocations_at_idx ON revocations (at);
CREATE INDEX revocations_expires_at_idx ON revocations (expires_at);
