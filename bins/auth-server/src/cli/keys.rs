//! `keys list`, `keys rotate` and `keys reseal`.

use auth_service::Urgency;
use clap::{Arg, ArgAction, ArgMatches};

use super::{Command, leaf};

/// What to do with the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysCommand {
    /// Print the signing keys, without anything secret.
    List,
    /// Make a signing key that takes over in time, or at once.
    Rotate(Urgency),
    /// Seal the data keys anew under `AUTH_SECRET`.
    Reseal,
}

pub(super) fn chosen(keys: &ArgMatches) -> (Command, &ArgMatches) {
    let command = match keys.subcommand() {
        Some(("rotate", leaf)) if leaf.get_flag("now") => KeysCommand::Rotate(Urgency::AtOnce),
        Some(("rotate", _)) => KeysCommand::Rotate(Urgency::Planned),
        Some(("reseal", _)) => KeysCommand::Reseal,
        _ => KeysCommand::List,
    };
    (Command::Keys(command), leaf(keys))
}

pub(super) fn command() -> clap::Command {
    let now = Arg::new("now").long("now").action(ArgAction::SetTrue).help(
        "For a key that may have been stolen: the new key signs within seconds, and the tokens of all other keys are \
         refused from then on. Nobody is signed out, but every client has to refresh",
    );
    let rotate = clap::Command::new("rotate")
        .about("Make a signing key that takes over from the one in use")
        .arg(now)
        .after_help(
            "Without --now the new key is published for a quarter of an hour before it signs, and tokens of the old one \
             stay good until they expire: no request fails. Servers take it over by themselves. They do the same by \
             themselves when a key gets older than AUTH_SIGNING_KEY_LIFE.",
        );
    let reseal = clap::Command::new("reseal")
        .about("Seal the data keys anew under AUTH_SECRET, those that AUTH_SECRET_PREVIOUS sealed")
        .after_help("Servers that run go on. docs/security.md has the steps of replacing AUTH_SECRET.");
    clap::Command::new("keys")
        .about("List and rotate the signing keys, and seal the data keys anew")
        .subcommand_required(true)
        .subcommands([
            clap::Command::new("list").about("Print the signing keys and their dates, without anything secret"),
            rotate,
            reseal,
        ])
}
