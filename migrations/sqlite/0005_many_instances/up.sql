-- Equal in meaning to the PostgreSQL migration of the same name; a test compares what they make.

-- Devices that their user signed in on: each has a token of its own, which is kept as a keyed hash.
CREATE TABLE devices (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL CONSTRAINT devices_token_hash_key UNIQUE CHECK (length(token_hash) = 32),
    label TEXT,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX devices_user_id_last_used_at_idx ON devices (user_id, last_used_at);
CREATE INDEX devices_expires_at_idx ON devices (expires_at);

-- What makes the trail tamper-evident. A row is written with a tag over what it says; what tells of a person (address,
-- program, details) enters the tag by a salted digest alone, so that it can be erased. Then one sealer gives the rows
-- their sequence and links each to the one before. Rows from before this migration have no tag and no link.
ALTER TABLE audit_events ADD COLUMN salt BLOB CHECK (length(salt) = 16);
ALTER TABLE audit_events ADD COLUMN personal_digest BLOB CHECK (length(personal_digest) = 32);
ALTER TABLE audit_events ADD COLUMN tag BLOB CHECK (length(tag) = 32);
ALTER TABLE audit_events ADD COLUMN sequence INTEGER CHECK (sequence > 0);
ALTER TABLE audit_events ADD COLUMN link BLOB CHECK (length(link) = 32);

CREATE UNIQUE INDEX audit_events_sequence_idx ON audit_events (sequence);
CREATE INDEX audit_events_unsealed_idx ON audit_events (id) WHERE sequence IS NULL AND tag IS NOT NULL;
CREATE INDEX audit_events_untagged_idx ON audit_events (at) WHERE tag IS NULL;
CREATE INDEX audit_events_at_idx ON audit_events (at);

-- The two ends of the chain, in one row: what was before its first link (rows are deleted from the front when their time
-- is over), and its last link.
CREATE TABLE audit_chain (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    began_at INTEGER NOT NULL,
    base_sequence INTEGER NOT NULL CHECK (base_sequence >= 0),
    base_link BLOB NOT NULL CHECK (length(base_link) = 32),
    sequence INTEGER NOT NULL,
    link BLOB NOT NULL CHECK (length(link) = 32),
    tag BLOB NOT NULL CHECK (length(tag) = 32),
    CHECK (sequence >= base_sequence)
) STRICT, WITHOUT ROWID;

-- Links that were signed, which the log has, too.
CREATE TABLE audit_checkpoints (
    sequence INTEGER NOT NULL PRIMARY KEY CHECK (sequence > 0),
    at INTEGER NOT NULL,
    link BLOB NOT NULL CHECK (length(link) = 32),
    signature BLOB NOT NULL CHECK (length(signature) = 64)
) STRICT, WITHOUT ROWID;

-- Which instance does what only one may do.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder BLOB NOT NULL CHECK (length(holder) = 16),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is deleted some time after it was revoked.
CREATE INDEX sessions_revoked_at_idx ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
