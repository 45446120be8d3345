//! `config check` and `config show`.

use clap::ArgMatches;

use super::Command;

pub(super) fn chosen(config: &ArgMatches) -> (Command, &ArgMatches) {
    match config.subcommand() {
        Some(("show", leaf)) => (Command::ConfigShow, leaf),
        Some((_, leaf)) => (Command::ConfigCheck, leaf),
        None => (Command::ConfigCheck, config),
    }
}

pub(super) fn command() -> clap::Command {
    clap::Command::new("config").about("Check or print the settings").subcommand_required(true).subcommands([
        clap::Command::new("check").about("Check the settings; exit code 2 with all faults"),
        clap::Command::new("show").about("Print every setting in force and where it came from"),
    ])
}
