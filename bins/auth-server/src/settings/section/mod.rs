//! The sections: for each subject its rows, the typed values that come of them, and the rules among them.

pub mod account;
pub mod breaker;
pub mod database;
pub mod hashing;
pub mod link;
pub mod mail;
pub mod observability;
pub mod oidc;
pub mod password;
pub mod provider;
pub mod rate;
pub mod redis;
pub mod revocation;
pub mod secret;
pub mod server;
pub mod token;
pub mod web;
