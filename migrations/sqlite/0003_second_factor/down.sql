-- Users go back to the password alone; who enabled a second factor has to do so again.
DROP TABLE backup_codes;
DROP TABLE totp_credentials;
ALTER TABLE users DROP COLUMN mfa_enabled_at;
