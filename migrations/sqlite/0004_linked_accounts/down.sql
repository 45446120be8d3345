-- Nobody signs in by another provider any more; who has a verified address gets in by a reset of the password.
DROP TABLE oauth_accounts;
ALTER TABLE users DROP COLUMN email_changed_at;
