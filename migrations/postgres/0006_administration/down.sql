DELETE FROM revocations WHERE premium_epoch IS NOT NULL;
ALTER TABLE revocations
    DROP CONSTRAINT revocations_check,
    DROP CONSTRAINT revocations_check1,
    DROP CONSTRAINT revocations_check2,
    DROP CONSTRAINT revocations_check3,
    DROP COLUMN premium_until,
    DROP COLUMN premium_epoch,
    ADD CHECK ((session_id IS NULL) <> (lowest_epoch IS NULL)),
    ADD CHECK (lowest_epoch IS NULL OR user_id IS NOT NULL);
DROP INDEX audit_events_event_id_idx;
DROP INDEX users_disabled_idx;
ALTER TABLE users DROP COLUMN email_vouched_at;
ALTER TABLE users DROP COLUMN premium_epoch;
