//! What black-box tests stand on: the real binary on a database of its own, and a client that sends exactly what it
//! is told to.

mod breaches;
mod client;
mod database;
mod server;
mod wait;

pub(crate) use breaches::{BreachMode, FakeBreaches, sha1};
pub(crate) use client::{Client, Response};
pub(crate) use database::{Backend, TestDatabase};
pub(crate) use server::{Ended, PASSWORD, Server, ServerOptions};
pub(crate) use wait::{at_once, eventually};

/// Runs every listed test on SQLite and on PostgreSQL, each with a server and a database of its own.
///
/// Without PostgreSQL its half says plainly that it was left out; with `CI=true` that is a failure.
macro_rules! on_every_database {
    ($($(#[$doc:meta])* fn $name:ident($server:ident: &Server $(, $options:expr)?) $body:block)+) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            fn check($server: &Server) $body

            fn start(backend: &crate::support::Backend) -> Server {
                Server::start(backend, crate::support::options!($($options)?))
            }

            #[test]
            fn on_sqlite() {
                check(&start(&crate::support::Backend::Sqlite));
            }

            #[test]
            fn on_postgres() {
                if let Some(backend) = crate::support::Backend::postgres() {
                    check(&start(&backend));
                }
            }
        }
    )+};
}
pub(crate) use on_every_database;

macro_rules! options {
    () => {
        crate::support::ServerOptions::default()
    };
    ($options:expr) => {
        $options
    };
}
pub(crate) use options;
