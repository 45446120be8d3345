CREATE TABLE revocations_before (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at INTEGER NOT NULL,
    session_id BLOB CHECK (length(session_id) = 16),
    user_id BLOB CHECK (length(user_id) = 16),
    lowest_epoch INTEGER CHECK (lowest_epoch >= 0),
    expires_at INTEGER NOT NULL,
    CHECK ((session_id IS NULL) <> (lowest_epoch IS NULL)),
    CHECK (lowest_epoch IS NULL OR user_id IS NOT NULL)
) STRICT, WITHOUT ROWID;

INSERT INTO revocations_before (id, at, session_id, user_id, lowest_epoch, expires_at)
SELECT id, at, session_id, user_id, lowest_epoch, expires_at FROM revocations WHERE premium_epoch IS NULL;

DROP TABLE revocations;
ALTER TABLE revocations_before RENAME TO revocations;

CREATE INDEX revocations_at_idx ON revocations (at);
CREATE INDEX revocations_expires_at_idx ON revocations (expires_at);

DROP INDEX audit_events_event_id_idx;
DROP INDEX users_disabled_idx;
ALTER TABLE users DROP COLUMN email_vouched_at;
ALTER TABLE users DROP COLUMN premium_epoch;
