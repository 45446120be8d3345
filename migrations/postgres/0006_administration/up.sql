-- Equal in meaning to the SQLite migration of the same name; a test compares what they make.

-- How often premium was changed: of two pieces of news the one of the higher epoch holds, in whatever order they come.
ALTER TABLE users ADD COLUMN premium_epoch bigint NOT NULL DEFAULT 0 CHECK (premium_epoch >= 0);

-- Since when an administrator vouches for the address, if nobody has shown since that account and address are one person's.
ALTER TABLE users ADD COLUMN email_vouched_at timestamptz;

-- Disabled accounts are few: the index holds only them.
CREATE INDEX users_disabled_idx ON users (id) WHERE disabled_at IS NOT NULL;

-- What administrators look for in the trail.
CREATE INDEX audit_events_event_id_idx ON audit_events (event, id);

-- The feed tells of premium, too, which a living access token may say otherwise.
ALTER TABLE revocations
    DROP CONSTRAINT revocations_check,
    DROP CONSTRAINT revocations_check1,
    ADD COLUMN premium_epoch bigint CHECK (premium_epoch >= 0),
    ADD COLUMN premium_until timestamptz,
    ADD CHECK ((session_id IS NULL) <> (lowest_epoch IS NULL AND premium_epoch IS NULL)),
    ADD CHECK (lowest_epoch IS NULL OR premium_epoch IS NULL),
    ADD CHECK (session_id IS NOT NULL OR user_id IS NOT NULL),
    ADD CHECK (premium_until IS NULL OR premium_epoch IS NOT NULL);
