//! `outbox list` and `outbox retry`.

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use uuid::Uuid;

use super::{Command, leaf};

/// Which mails to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// All that wait or have failed.
    All,
    /// This one.
    One(Uuid),
}

pub(super) fn chosen(outbox: &ArgMatches) -> (Command, &ArgMatches) {
    match outbox.subcommand() {
        Some(("retry", leaf)) => (Command::OutboxRetry(retry(leaf)), leaf),
        _ => (Command::OutboxList, leaf(outbox)),
    }
}

fn retry(matches: &ArgMatches) -> Retry {
    matches.get_one("id").map_or(Retry::All, |id| Retry::One(*id))
}

pub(super) fn command() -> clap::Command {
    let id = Arg::new("id")
        .value_name("ID")
        .help("The mail, by its id in the list")
        .value_parser(value_parser!(Uuid))
        .required_unless_present("all");
    let all = Arg::new("all")
        .long("all")
        .help("All mails that wait or have failed")
        .action(ArgAction::SetTrue)
        .conflicts_with("id");
    clap::Command::new("outbox")
        .about("List the mails that wait or have failed, and try them again")
        .subcommand_required(true)
        .subcommands([
            clap::Command::new("list").about("Print the mails that wait or have failed, oldest first"),
            clap::Command::new("retry")
                .about("Have mails tried again at once, those that have failed too")
                .args([id, all]),
        ])
}
