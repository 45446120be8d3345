-- A mail that failed for good would be sent again by a version that doesn't know of failures.
DELETE FROM email_outbox WHERE failed_at IS NOT NULL;
DROP INDEX email_outbox_failed_at_idx;
DROP INDEX email_outbox_sent_at_idx;
DROP INDEX email_outbox_open_idx;
DROP INDEX email_outbox_recipient_normalized_idx;
DROP INDEX email_outbox_next_attempt_at_idx;
CREATE INDEX email_outbox_next_attempt_at_idx ON email_outbox (next_attempt_at) WHERE sent_at IS NULL;
ALTER TABLE email_outbox DROP COLUMN secret_sealed;
ALTER TABLE email_outbox DROP COLUMN failed_at;
ALTER TABLE email_outbox DROP COLUMN prepared_at;
ALTER TABLE email_outbox DROP COLUMN recipient_normalized;

DROP TABLE known_clients;
DROP TABLE mail_budgets;
DROP TABLE reserved_addresses;
DROP TABLE authenticator_failures;
DROP TABLE one_time_tokens;
DROP TABLE pending_registrations;
ALTER TABLE users DROP COLUMN security_epoch;
