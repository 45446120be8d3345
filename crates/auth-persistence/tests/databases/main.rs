//! Every case runs on SQLite (a temporary file) and on PostgreSQL (a database of its own).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy takes only functions marked as tests for tests, not what they call"
)]

mod fixture;
mod rows;
mod statements;

mod account_recovery;
mod administration;
mod audit_chain;
mod audit_trail;
mod authenticator_failures;
mod backup_codes;
mod consistency;
mod constraints;
mod copy;
mod devices;
mod everybody;
mod executor;
mod keys_and_trail;
mod known_clients;
mod leases;
mod mail_budgets;
mod migrations;
mod oauth_accounts;
mod oauth_identities;
mod one_time_tokens;
mod outbox;
mod outbox_upkeep;
mod pending_registrations;
mod postgres;
mod prepared;
mod refresh;
mod reserved_addresses;
mod schema;
mod second_factors;
mod sessions;
mod sqlite;
mod totp_credentials;
mod user_transfer;
mod users;
