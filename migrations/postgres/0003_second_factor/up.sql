-- Equal in meaning to the SQLite migration of the same name; a test compares what they make.

-- Whether a second factor is asked for: with the user's row, which every sign-in reads anyway.
ALTER TABLE users ADD COLUMN mfa_enabled_at timestamptz;

-- At most one for each user. It is pending until a first code confirms it, whose step counts as used.
CREATE TABLE totp_credentials (
    user_id uuid NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step bigint CHECK (last_step >= 0),
    CHECK ((confirmed_at IS NULL) = (last_step IS NULL))
);

CREATE TABLE backup_codes (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (user_id, code_hash)
);
