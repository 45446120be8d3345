-- Equal in meaning to the SQLite migration of the same name; a test compares what they make.

-- Devices that their user signed in on: each has a token of its own, which is kept as a keyed hash.
CREATE TABLE devices (
    id uuid NOT NULL PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL CONSTRAINT devices_token_hash_key UNIQUE CHECK (octet_length(token_hash) = 32),
    label text,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX devices_user_id_last_used_at_idx ON devices (user_id, last_used_at);
CREATE INDEX devices_expires_at_idx ON devices (expires_at);

-- What makes the trail tamper-evident. A row is written with a tag over what it says; what tells of a person (address,
-- program, details) enters the tag by a salted digest alone, so that it can be erased. Then one sealer gives the rows
-- their sequence and links each to the one before. Rows from before this migration have no tag and no link.
ALTER TABLE audit_events ADD COLUMN salt bytea CHECK (octet_length(salt) = 16);
ALTER TABLE audit_events ADD COLUMN personal_digest bytea CHECK (octet_length(personal_digest) = 32);
ALTER TABLE audit_events ADD COLUMN tag bytea CHECK (octet_length(tag) = 32);
ALTER TABLE audit_events ADD COLUMN sequence bigint CHECK (sequence > 0);
ALTER TABLE audit_events ADD COLUMN link bytea CHECK (octet_length(link) = 32);

CREATE UNIQUE INDEX audit_events_sequence_idx ON audit_events (sequence);
CREATE INDEX audit_events_unsealed_idx ON audit_events (id) WHERE sequence IS NULL AND tag IS NOT NULL;
CREATE INDEX audit_events_untagged_idx ON audit_events (at) WHERE tag IS NULL;
CREATE INDEX audit_events_at_idx ON audit_events (at);

-- The two ends of the chain, in one row: what was before its first link (rows are deleted from the front when their time
-- is over), and its last link.
CREATE TABLE audit_chain (
    id smallint NOT NULL PRIMARY KEY CHECK (id = 1),
    began_at timestamptz NOT NULL,
    base_sequence bigint NOT NULL CHECK (base_sequence >= 0),
    base_link bytea NOT NULL CHECK (octet_length(base_link) = 32),
    sequence bigint NOT NULL,
    link bytea NOT NULL CHECK (octet_length(link) = 32),
    tag bytea NOT NULL CHECK (octet_length(tag) = 32),
    CHECK (sequence >= base_sequence)
);

-- Links that were signed, which the log has, too.
CREATE TABLE audit_checkpoints (
    sequence bigint NOT NULL PRIMARY KEY CHECK (sequence > 0),
    at timestamptz NOT NULL,
    link bytea NOT NULL CHECK (octet_length(link) = 32),
    signature bytea NOT NULL CHECK (octet_length(signature) = 64)
);

-- Which instance does what only one may do.
CREATE TABLE leases (
    name text NOT NULL PRIMARY KEY,
    holder uuid NOT NULL,
    expires_at timestamptz NOT NULL
);

-- What is deleted some time after it was revoked.
CREATE INDEX sessions_revoked_at_idx ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
