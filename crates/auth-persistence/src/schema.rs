//! The tables as queries see them. Written by hand because of the two column types of our own; a test selects every
//! column of every table on both databases.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::sql_type::{Id, Instant};

    users (id) {
        id -> Id,
        email -> Nullable<Text>,
        email_normalized -> Nullable<Text>,
        email_verified_at -> Nullable<Instant>,
        username -> Nullable<Text>,
        username_normalized -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        display_name -> Nullable<Text>,
        avatar_url -> Nullable<Text>,
        role -> Text,
        disabled_at -> Nullable<Instant>,
        password_must_change -> Bool,
        premium_until -> Nullable<Instant>,
        last_login_at -> Nullable<Instant>,
        token_epoch -> BigInt,
        security_epoch -> BigInt,
        premium_epoch -> BigInt,
        mfa_enabled_at -> Nullable<Instant>,
        email_changed_at -> Nullable<Instant>,
        email_vouched_at -> Nullable<Instant>,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::sql_type::{Id, Instant};

    sessions (id) {
        id -> Id,
        user_id -> Id,
        generation -> BigInt,
        previous_generation -> Nullable<BigInt>,
        seen_generation -> BigInt,
        skips -> BigInt,
        salt -> Binary,
        rotated_at -> Nullable<Instant>,
        handed_at -> Nullable<Instant>,
        created_at -> Instant,
        authenticated_at -> Instant,
        expires_at -> Instant,
        last_used_at -> Instant,
        revoked_at -> Nullable<Instant>,
        revoke_reason -> Nullable<Text>,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        auth_methods -> Text,
    }
}

table! {
    use diesel::sql_types::{Binary, SmallInt, Text};
    use crate::sql_type::Instant;

    data_keys (purpose, version) {
        purpose -> Text,
        version -> SmallInt,
        key_sealed -> Binary,
        created_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::sql_type::Instant;

    signing_keys (kid) {
        kid -> Text,
        algorithm -> Text,
        private_sealed -> Binary,
        public_jwk -> Nullable<Text>,
        created_at -> Instant,
        activates_at -> Instant,
        retires_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::sql_type::{Id, Instant};

    audit_events (id) {
        id -> Id,
        at -> Instant,
        event -> Text,
        outcome -> Text,
        user_id -> Nullable<Id>,
        actor_id -> Nullable<Id>,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        request_id -> Nullable<Text>,
        details -> Text,
        salt -> Nullable<Binary>,
        personal_digest -> Nullable<Binary>,
        tag -> Nullable<Binary>,
        sequence -> Nullable<BigInt>,
        link -> Nullable<Binary>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, SmallInt};
    use crate::sql_type::Instant;

    audit_chain (id) {
        id -> SmallInt,
        began_at -> Instant,
        base_sequence -> BigInt,
        base_link -> Binary,
        sequence -> BigInt,
        link -> Binary,
        tag -> Binary,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary};
    use crate::sql_type::Instant;

    audit_checkpoints (sequence) {
        sequence -> BigInt,
        at -> Instant,
        link -> Binary,
        signature -> Binary,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::sql_type::{Id, Instant};

    devices (id) {
        id -> Id,
        user_id -> Id,
        token_hash -> Binary,
        label -> Nullable<Text>,
        created_at -> Instant,
        last_used_at -> Instant,
        expires_at -> Instant,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::sql_type::{Id, Instant};

    leases (name) {
        name -> Text,
        holder -> Id,
        expires_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Nullable, Text};
    use crate::sql_type::{Id, Instant};

    email_outbox (id) {
        id -> Id,
        recipient -> Text,
        recipient_normalized -> Text,
        template -> Text,
        payload -> Text,
        dedupe_key -> Nullable<Text>,
        created_at -> Instant,
        expires_at -> Instant,
        attempts -> Integer,
        next_attempt_at -> Instant,
        claimed_until -> Nullable<Instant>,
        prepared_at -> Nullable<Instant>,
        sent_at -> Nullable<Instant>,
        failed_at -> Nullable<Instant>,
        last_error -> Nullable<Text>,
        secret_sealed -> Nullable<Binary>,
        user_id -> Nullable<Id>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable};
    use crate::sql_type::{Id, Instant};

    revocations (id) {
        id -> Id,
        at -> Instant,
        session_id -> Nullable<Id>,
        user_id -> Nullable<Id>,
        lowest_epoch -> Nullable<BigInt>,
        premium_epoch -> Nullable<BigInt>,
        premium_until -> Nullable<Instant>,
        expires_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_type::{Id, Instant};

    pending_registrations (id) {
        id -> Id,
        email -> Text,
        email_normalized -> Text,
        password_hash -> Text,
        display_name -> Nullable<Text>,
        created_at -> Instant,
        expires_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::sql_type::{Id, Instant};

    one_time_tokens (id) {
        id -> Id,
        user_id -> Nullable<Id>,
        pending_id -> Nullable<Id>,
        purpose -> Text,
        token_hash -> Binary,
        payload -> Nullable<Text>,
        created_at -> Instant,
        expires_at -> Instant,
        used_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::sql_type::Id;

    authenticator_failures (user_id, authenticator, lane) {
        user_id -> Id,
        authenticator -> Text,
        lane -> Text,
        count -> BigInt,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::sql_type::{Id, Instant};

    reserved_addresses (email_normalized) {
        email_normalized -> Text,
        user_id -> Id,
        expires_at -> Instant,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::sql_type::Instant;

    mail_budgets (recipient_normalized, purpose) {
        recipient_normalized -> Text,
        purpose -> Text,
        full_at -> Instant,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::sql_type::{Id, Instant};

    known_clients (user_id, client) {
        user_id -> Id,
        client -> Text,
        last_seen_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable};
    use crate::sql_type::{Id, Instant};

    totp_credentials (user_id) {
        user_id -> Id,
        secret_sealed -> Binary,
        created_at -> Instant,
        confirmed_at -> Nullable<Instant>,
        last_step -> Nullable<BigInt>,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable};
    use crate::sql_type::{Id, Instant};

    backup_codes (user_id, code_hash) {
        user_id -> Id,
        code_hash -> Binary,
        created_at -> Instant,
        used_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::sql_type::{Id, Instant};

    oauth_accounts (issuer, subject) {
        user_id -> Id,
        provider -> Text,
        issuer -> Text,
        subject -> Text,
        email -> Nullable<Text>,
        display_name -> Nullable<Text>,
        avatar_url -> Nullable<Text>,
        linked_at -> Instant,
    }
}

joinable!(sessions -> users (user_id));
allow_tables_to_appear_in_same_query!(sessions, users);

#[cfg(test)]
mod tests {
    use diesel::{QueryDsl, RunQueryDsl};

    use super::*;
    use crate::{Database, DatabaseConfig, DbConnection, DbError};

    fn select_nothing(connection: &mut DbConnection) -> Result<(), DbError> {
        macro_rules! select_all_columns {
            ($($table:ident),+) => {$(
                $table::table.select($table::all_columns).limit(0).execute(connection)?;
            )+};
        }
        select_all_columns!(users, sessions, data_keys, signing_keys, audit_events, email_outbox, revocations);
        select_all_columns!(pending_registrations, one_time_tokens, authenticator_failures);
        select_all_columns!(reserved_addresses, mail_budgets, known_clients, totp_credentials, backup_codes);
        select_all_columns!(oauth_accounts, audit_chain, audit_checkpoints, devices, leases);
        Ok(())
    }

    /// The other direction, and PostgreSQL, follow from the comparison of the two databases' schemas.
    #[test]
    fn every_column_exists() {
        let database = Database::open(DatabaseConfig::new("sqlite::memory:")).unwrap();
        database.migrate().unwrap();
        database.write_blocking(select_nothing).unwrap();
    }
}
