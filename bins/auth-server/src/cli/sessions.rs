//! `sessions revoke-all`.

use clap::{Arg, ArgAction, ArgMatches};

use super::{Command, leaf};

/// Whose sessions end, and what with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeAll {
    /// Beside servers that go on.
    Sessions,
    /// Also what a restored backup brings back, before the first server starts.
    Revived,
}

pub(super) fn chosen(sessions: &ArgMatches) -> (Command, &ArgMatches) {
    let leaf = leaf(sessions);
    let what = if leaf.get_flag("after-restore") { RevokeAll::Revived } else { RevokeAll::Sessions };
    (Command::SessionsRevokeAll(what), leaf)
}

pub(super) fn command() -> clap::Command {
    let after_restore = Arg::new("after-restore").long("after-restore").action(ArgAction::SetTrue).help(
        "For a database that was restored by other means than `restore`, before the first server starts: also end links, \
         mails on their way, backup codes, devices and signing keys that the backup brought back",
    );
    let revoke_all = clap::Command::new("revoke-all")
        .about("End every session of everybody")
        .arg(after_restore)
        .after_help("Servers may go on without --after-restore, and know of it after AUTH_REVOCATION_POLL at most.");
    clap::Command::new("sessions").about("End every session").subcommand_required(true).subcommand(revoke_all)
}
