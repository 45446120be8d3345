#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod audit_chain;
pub mod audit_checkpoint;
pub mod audit_event;
pub mod audit_trail;
pub mod authenticator_failure;
pub mod backup_code;
mod chosen;
mod column;
mod connection;
pub mod copy;
pub mod data_key;
mod database;
pub mod device;
pub mod email_outbox;
mod error;
pub mod everybody;
mod hidden;
pub mod known_client;
pub mod lease;
pub mod mail_budget;
pub mod oauth_account;
pub mod one_time_token;
pub mod pending_registration;
pub mod refresh;
pub mod reserved_address;
pub mod revocation;
mod schema;
pub mod session;
pub mod signing_key;
mod sql_type;
mod statement;
pub mod totp_credential;
mod transaction;
pub mod user;

pub use connection::DbConnection;
pub use database::{Database, DatabaseConfig, DatabaseKind, DatabaseStatistics, OpenError};
pub use error::{Conflict, DbError};
pub use hidden::Hidden;
pub use sql_type::{Id, Key, key};
pub use transaction::nested_transaction;
