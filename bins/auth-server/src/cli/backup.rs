//! `backup` and `restore`.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::Command;

pub(super) fn backup_chosen(backup: &ArgMatches) -> (Command, &ArgMatches) {
    (Command::Backup { path: path_of(backup) }, backup)
}

pub(super) fn restore_chosen(restore: &ArgMatches) -> (Command, &ArgMatches) {
    (Command::Restore { path: path_of(restore), keep_sessions: restore.get_flag("keep-sessions") }, restore)
}

fn path_of(matches: &ArgMatches) -> PathBuf {
    matches.get_one("path").cloned().unwrap_or_default()
}

fn path() -> Arg {
    Arg::new("path").value_name("PATH").required(true).value_parser(value_parser!(PathBuf))
}

pub(super) fn backup_command() -> clap::Command {
    clap::Command::new("backup")
        .about("Copy the database into a new file; servers go on")
        .arg(path().help("The file to make; nothing is overwritten"))
        .after_help(
            "The file is a SQLite database whatever DATABASE_URL is, of one moment, compared with the original before it \
             gets its name, for its owner's eyes alone. AUTH_SECRET isn't in it: without it nobody can use the backup, so \
             keep it elsewhere. docs/database.md says more.",
        )
}

pub(super) fn restore_command() -> clap::Command {
    let keep = Arg::new("keep-sessions").long("keep-sessions").action(ArgAction::SetTrue).help(
        "Leave everything as it was when the backup was made: for a move during which no server ran, and for nothing else",
    );
    clap::Command::new("restore")
        .about("Put a backup into an empty database, and end what it would bring back to life")
        .args([path().help("The backup"), keep])
        .after_help(
            "Everybody has to sign in again: sessions that were ended since the backup would live again, a thief's \
             perhaps, and links that were used would be good again. Backup codes have to be made anew. Needs the \
             AUTH_SECRET of the backup. docs/database.md says more.",
        )
}
