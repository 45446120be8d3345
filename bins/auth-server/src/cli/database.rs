//! `database copy`.

use auth_persistence::Hidden;
use clap::{Arg, ArgMatches};

use super::{Command, leaf};

/// Which database is copied into which. The URLs may hold passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyUrls {
    /// `None`: that of `DATABASE_URL`.
    pub from: Option<Hidden<String>>,
    /// `None`: that of `AUTH_COPY_TO_URL`.
    pub to: Option<Hidden<String>>,
}

pub(super) fn chosen(database: &ArgMatches) -> (Command, &ArgMatches) {
    let leaf = leaf(database);
    let url = |name| leaf.get_one::<String>(name).cloned().map(Hidden::new);
    (Command::DatabaseCopy(CopyUrls { from: url("from"), to: url("to") }), leaf)
}

pub(super) fn command() -> clap::Command {
    let from = Arg::new("from").long("from").value_name("URL").help("The database to copy [default: DATABASE_URL]");
    let to = Arg::new("to").long("to").value_name("URL").help("An empty database [default: AUTH_COPY_TO_URL]");
    let copy = clap::Command::new("copy")
        .about(
            "Copy everything into an empty database, of the other kind, too, and compare the two; nobody is signed out",
        )
        .args([from, to])
        .after_help(
            "Stop the servers first: what they write after the copy has begun doesn't come along. Other users of the \
             machine see the arguments of a process, so a URL with a password goes into DATABASE_URL, \
             AUTH_COPY_TO_URL, or the file that DATABASE_URL_FILE or AUTH_COPY_TO_URL_FILE names. The copy needs the \
             same AUTH_SECRET. docs/database.md has the steps.",
        );
    clap::Command::new("database").about("Copy the database").subcommand_required(true).subcommand(copy)
}
