-- Equal in meaning to the PostgreSQL migration of the same name; a test compares what they make.

-- Whether a second factor is asked for: with the user's row, which every sign-in reads anyway.
ALTER TABLE users ADD COLUMN mfa_enabled_at INTEGER;

-- At most one for each user. It is pending until a first code confirms it, whose step counts as used.
CREATE TABLE totp_credentials (
    user_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret_sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    last_step INTEGER CHECK (last_step >= 0),
    CHECK ((confirmed_at IS NULL) = (last_step IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE backup_codes (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash BLOB NOT NULL CHECK (length(code_hash) = 32),
    created_at INTEGER NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (user_id, code_hash)
) STRICT, WITHOUT ROWID;
