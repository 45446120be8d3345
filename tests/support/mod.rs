//! What black-box tests stand on: the real binary on a database of its own, and a client that sends exactly what it
//! is told to.

mod client;
mod database;
mod server;

pub(crate) use client::{Client, Response};
pub(crate) use database::{Backend, TestDatabase};
pub(crate) use server::{Server, ServerOptions};

/// Runs every listed test on SQLite and on PostgreSQL, each with a server and a database of its own.
///
/// Without PostgreSQL its half says plainly that it was left out; with `CI=true` that is a failure.
macro_rules! on_every_database {
    ($($(#[$doc:meta])* fn $name:ident($server:ident: &Server $(, $options:expr)?) $body:block)+) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            fn check($server: &Server) $body

            fn options() -> ServerOptions {
                #[expect(unused_mut, unused_assignments, reason = "set by tests that say how the server is started")]
                let mut options = ServerOptions::default();
                $(options = $options;)?
                options
            }

            #[test]
            fn on_sqlite() {
                let server = Server::start(&crate::support::Backend::Sqlite, options());
                check(&server);
            }

            #[test]
            fn on_postgres() {
                if let Some(backend) = crate::support::Backend::postgres() {
                    let server = Server::start(&backend, options());
                    check(&server);
                }
            }
        }
    )+};
}
pub(crate) use on_every_database;
