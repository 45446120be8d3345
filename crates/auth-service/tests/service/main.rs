//! The use cases through the crate's public API, on SQLite (a temporary file) and on PostgreSQL (a database of its own),
//! with clocks that the tests set.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy takes only functions marked as tests for tests, not what they call"
)]

mod bed;
mod refresh_rules;

mod account_deletion;
mod admin;
mod audit_chain;
mod audit_trail;
mod clean_account;
mod clean_up;
mod dead_links;
mod disabled_password;
mod email_change;
mod email_undo;
mod export;
mod failures;
mod first_admin;
mod keys;
mod keys_any_order;
mod keys_operator;
mod keys_rotation;
mod known_device;
mod limits;
mod link_races;
mod log_in;
mod log_out;
mod mail_limits;
mod must_change;
mod new_device;
mod oauth;
mod on_record;
mod outbox_retry;
mod outbox_secrets;
mod outbox_workers;
mod password_change;
mod pre_hijacking;
mod profile;
mod race;
mod recovery;
mod register;
mod required_verification;
mod revocation;
mod revocation_news;
mod revoke_everybody;
mod second_factor;
mod secured_account;
mod security_events;
mod session_end;
mod strict_mode;
mod token_reuse;
mod user_import;
mod verification;
mod verify_challenge;
