//! `audit verify` and `audit checkpoint-key`.

use auth_service::KnownCheckpoint;
use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::{Command, leaf};

/// What to do with the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditCommand {
    /// Tell whether it is as it was written.
    Verify {
        /// Links that were kept outside the database.
        checkpoints: Vec<KnownCheckpoint>,
    },
    /// Print the public key of its checkpoints.
    CheckpointKey,
}

pub(super) fn chosen(audit: &ArgMatches) -> (Command, &ArgMatches) {
    let command = match audit.subcommand() {
        Some(("checkpoint-key", _)) => AuditCommand::CheckpointKey,
        _ => AuditCommand::Verify {
            checkpoints: leaf(audit).get_many("checkpoint").unwrap_or_default().cloned().collect(),
        },
    };
    (Command::Audit(command), leaf(audit))
}

pub(super) fn command() -> clap::Command {
    let checkpoint = Arg::new("checkpoint")
        .long("checkpoint")
        .value_name("CHECKPOINT")
        .help("A checkpoint as the log has it: without one, nobody can tell whether the last events were cut off")
        .action(ArgAction::Append)
        .value_parser(value_parser!(KnownCheckpoint));
    let verify = clap::Command::new("verify")
        .about("Tell whether the audit trail is as it was written; exit code 1 if not, with the first event that isn't")
        .arg(checkpoint)
        .after_help("Servers may go on. docs/audit.md says what is detected, and what isn't.");
    clap::Command::new("audit").about("Verify the audit trail").subcommand_required(true).subcommands([
        verify,
        clap::Command::new("checkpoint-key").about("Print the public key that checkpoints are signed with"),
    ])
}
