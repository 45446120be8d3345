-- Equal in meaning to the SQLite migration of the same name; a test compares what they make.

-- When the account's address was last replaced by way of a mailed link, which shows whose the address is, not whose the
-- account: until a reset of the password shows that too, nobody joins the account by its address.
ALTER TABLE users ADD COLUMN email_changed_at timestamptz;

-- Accounts of other providers that sign a user in. Whose an account is follows from its subject, which is unique within
-- the issuer (the URL of an OpenID Connect issuer, the name of any other provider), and never from its address. The rest
-- is what the provider said last, to be shown; it is never the user's own data. Lengths of addresses are in bytes.
-- PostgreSQL looks at the primary key first: where both keys are taken, whoever lost a race has to hear that the account
-- is linked, not that another one is.
CREATE TABLE oauth_accounts (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider text NOT NULL CHECK (length(provider) BETWEEN 1 AND 32),
    issuer text NOT NULL CHECK (octet_length(issuer) BETWEEN 1 AND 1024),
    subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    email text CHECK (octet_length(email) BETWEEN 1 AND 254),
    display_name text CHECK (length(display_name) BETWEEN 1 AND 100),
    avatar_url text CHECK (octet_length(avatar_url) BETWEEN 1 AND 2048),
    linked_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject),
    CONSTRAINT oauth_accounts_user_id_provider_key UNIQUE (user_id, provider)
);
