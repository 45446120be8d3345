DROP TABLE revocations;
DROP TABLE email_outbox;
DROP TABLE audit_events;
DROP TABLE signing_keys;
DROP TABLE data_keys;
DROP TABLE sessions;
DROP TABLE users;
