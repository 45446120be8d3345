//! `users import` and `users export`.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::{Command, leaf};

/// What to do with users, all of them at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsersCommand {
    /// Make accounts of a file.
    Import {
        /// The file; `None` is standard input.
        file: Option<PathBuf>,
        /// What becomes of it.
        extent: ImportExtent,
    },
    /// Write all accounts to a file.
    Export {
        /// The file, which isn't there yet; `None` is standard output.
        file: Option<PathBuf>,
    },
}

/// How much of a file is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportExtent {
    /// Nothing: it is only told what would become of each line.
    DryRun,
    /// All of it, or nothing if a line is refused.
    Whole,
    /// What isn't refused.
    Valid,
}

pub(super) fn chosen(users: &ArgMatches) -> (Command, &ArgMatches) {
    let leaf = leaf(users);
    let file = leaf.get_one::<PathBuf>("file").filter(|file| file.as_os_str() != "-").cloned();
    let command = match users.subcommand_name() {
        Some("import") => UsersCommand::Import { file, extent: extent(leaf) },
        _ => UsersCommand::Export { file },
    };
    (Command::Users(command), leaf)
}

fn extent(import: &ArgMatches) -> ImportExtent {
    match (import.get_flag("dry-run"), import.get_flag("skip-invalid")) {
        (true, _) => ImportExtent::DryRun,
        (false, true) => ImportExtent::Valid,
        (false, false) => ImportExtent::Whole,
    }
}

pub(super) fn command() -> clap::Command {
    clap::Command::new("users")
        .about("Move users in from another system, or out")
        .subcommand_required(true)
        .subcommands([import(), export()])
}

fn import() -> clap::Command {
    let file = Arg::new("file")
        .value_name("FILE")
        .help("JSON Lines, one user a line; - for standard input")
        .value_parser(value_parser!(PathBuf))
        .required(true);
    let dry_run = Arg::new("dry-run")
        .long("dry-run")
        .action(ArgAction::SetTrue)
        .help("Write nothing; tell of each line what would become of it");
    let skip_invalid = Arg::new("skip-invalid")
        .long("skip-invalid")
        .action(ArgAction::SetTrue)
        .conflicts_with("dry-run")
        .help("Import the lines that are not refused. Without it one refused line keeps all others out");
    clap::Command::new("import")
        .about("Make accounts of a file, with their passwords; exit code 1 if a line is refused")
        .args([file, dry_run, skip_invalid])
        .after_help(
            "Nobody gets a mail, and no password is hashed: whoever signs in with the old one gets a new hash. Lines that were \
             imported before are skipped, so an import that broke off is begun again. Standard input can be read only \
             once: it wants --dry-run or --skip-invalid. docs/moving-in.md has the fields, and recipes for the exports of \
             other systems.",
        )
}

fn export() -> clap::Command {
    let file = Arg::new("file")
        .value_name("FILE")
        .help("A file that is not there yet, which nobody else may read [default: -, standard output]")
        .value_parser(value_parser!(PathBuf));
    clap::Command::new("export").about("Write all accounts as JSON Lines").arg(file).after_help(
        "The file holds password hashes, and secrets of second factors as they are. Sessions, backup codes and the audit \
         trail are not in it.",
    )
}
