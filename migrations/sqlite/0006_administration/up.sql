-- Equal in meaning to the PostgreSQL migration of the same name; a test compares what they make.

-- How often premium was changed: of two pieces of news the one of the higher epoch holds, in whatever order they come.
ALTER TABLE users ADD COLUMN premium_epoch INTEGER NOT NULL DEFAULT 0 CHECK (premium_epoch >= 0);

-- Since when an administrator vouches for the address, if nobody has shown since that account and address are one person's.
ALTER TABLE users ADD COLUMN email_vouched_at INTEGER;

-- Disabled accounts are few: the index holds only them.
CREATE INDEX users_disabled_idx ON users (id) WHERE disabled_at IS NOT NULL;

-- What administrators look for in the trail.
CREATE INDEX audit_events_event_id_idx ON audit_events (event, id);

-- The feed tells of premium, too, which a living access token may say otherwise. SQLite can't change a CHECK.
CREATE TABLE revocations_with_premium (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at INTEGER NOT NULL,
    session_id BLOB CHECK (length(session_id) = 16),
    user_id BLOB CHECK (length(user_id) = 16),
    lowest_epoch INTEGER CHECK (lowest_epoch >= 0),
    premium_epoch INTEGER CHECK (premium_epoch >= 0),
    premium_until INTEGER,
    expires_at INTEGER NOT NULL,
    CHECK ((session_id IS NULL) <> (lowest_epoch IS NULL AND premium_epoch IS NULL)),
    CHECK (lowest_epoch IS NULL OR premium_epoch IS NULL),
    CHECK (session_id IS NOT NULL OR user_id IS NOT NULL),
    CHECK (premium_until IS NULL OR premium_epoch IS NOT NULL)
) STRICT, WITHOUT ROWID;

INSERT INTO revocations_with_premium (id, at, session_id, user_id, lowest_epoch, expires_at)
SELECT id, at, session_id, user_id, lowest_epoch, expires_at FROM revocations;

DROP TABLE revocations;
ALTER TABLE revocations_with_premium RENAME TO revocations;

CREATE INDEX revocations_at_idx ON revocations (at);
CREATE INDEX revocations_expires_at_idx ON revocations (expires_at);
