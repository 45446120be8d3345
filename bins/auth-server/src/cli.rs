//! The command line: a sub-command, and a flag for every setting that holds no secret.

#[cfg(test)]
mod tests;

use std::ffi::OsString;

use auth_service::{KnownCheckpoint, Urgency};
use clap::{Arg, ArgAction, ArgMatches, value_parser};
use uuid::Uuid;

use crate::settings::definition::{DefaultText, NAME_PLACEHOLDER, Row};
use crate::settings::table::GROUPS;
use crate::settings::{Flags, Name, recognise};

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run the server (without a sub-command, too).
    Serve,
    /// Bring the database's schema up to date and end.
    Migrate,
    /// Check the settings and end.
    ConfigCheck,
    /// Print the settings in force and where they came from.
    ConfigShow,
    /// Print the OpenAPI document.
    OpenApi,
    /// Ask the running server whether it is healthy.
    Healthcheck,
    /// Print a fresh value for `AUTH_SECRET`.
    Secret,
    /// Make an administrator, or nothing if the account is there.
    AdminCreate {
        /// The address; `None` takes that of `ADMIN_EMAIL`.
        email: Option<String>,
    },
    /// Print the mails that wait or have failed.
    OutboxList,
    /// Have mails tried again at once, those that have failed too.
    OutboxRetry(Retry),
    /// Look after the keys.
    Keys(KeysCommand),
    /// Look at the audit trail.
    Audit(AuditCommand),
}

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

/// Which mails to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// All that wait or have failed.
    All,
    /// This one.
    One(Uuid),
}

/// A command line, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// What to do.
    pub command: Command,
    /// Settings that the flags set, by variable.
    pub flags: Flags,
}

/// Reads a command line, the program's name first.
///
/// # Errors
///
/// A text for the user: help and version, for which the program ends well, or what is wrong with the command line, for
/// which it ends with exit code 2. [`clap::Error::exit`] does either.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, clap::Error> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let rows = flag_rows(&arguments);
    let matches = command(&rows).try_get_matches_from(arguments)?;
    let (command, leaf) = chosen(&matches);
    Ok(Invocation { command, flags: flags(&rows, leaf) })
}

fn chosen(matches: &ArgMatches) -> (Command, &ArgMatches) {
    match matches.subcommand() {
        Some(("migrate", leaf)) => (Command::Migrate, leaf),
        Some(("openapi", leaf)) => (Command::OpenApi, leaf),
        Some(("healthcheck", leaf)) => (Command::Healthcheck, leaf),
        Some(("secret", leaf)) => (Command::Secret, leaf),
        Some(("config", config)) => match config.subcommand() {
            Some(("show", leaf)) => (Command::ConfigShow, leaf),
            Some((_, leaf)) => (Command::ConfigCheck, leaf),
            None => (Command::ConfigCheck, config),
        },
        Some(("admin", admin)) => {
            let leaf = leaf(admin);
            (Command::AdminCreate { email: leaf.get_one("email").cloned() }, leaf)
        }
        Some(("outbox", outbox)) => match outbox.subcommand() {
            Some(("retry", leaf)) => (Command::OutboxRetry(retry(leaf)), leaf),
            _ => (Command::OutboxList, leaf(outbox)),
        },
        Some(("keys", keys)) => (Command::Keys(keys_chosen(keys)), leaf(keys)),
        Some(("audit", audit)) => (Command::Audit(audit_chosen(audit)), leaf(audit)),
        Some((_, leaf)) => (Command::Serve, leaf),
        None => (Command::Serve, matches),
    }
}

/// The innermost sub-command, which knows the flags that stand anywhere on the line.
fn leaf(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, leaf)| leaf)
}

fn retry(matches: &ArgMatches) -> Retry {
    matches.get_one("id").map_or(Retry::All, |id| Retry::One(*id))
}

fn keys_chosen(keys: &ArgMatches) -> KeysCommand {
    match keys.subcommand() {
        Some(("rotate", leaf)) if leaf.get_flag("now") => KeysCommand::Rotate(Urgency::AtOnce),
        Some(("rotate", _)) => KeysCommand::Rotate(Urgency::Planned),
        Some(("reseal", _)) => KeysCommand::Reseal,
        _ => KeysCommand::List,
    }
}

fn audit_chosen(audit: &ArgMatches) -> AuditCommand {
    match audit.subcommand() {
        Some(("checkpoint-key", _)) => AuditCommand::CheckpointKey,
        _ => AuditCommand::Verify {
            checkpoints: leaf(audit).get_many("checkpoint").unwrap_or_default().cloned().collect(),
        },
    }
}

fn flags(rows: &[FlagRow], matches: &ArgMatches) -> Flags {
    let value = |row: &FlagRow| matches.get_one::<String>(&row.row.variable).cloned();
    rows.iter().filter_map(|row| Some((row.row.variable.to_string(), value(row)?))).collect()
}

/// A setting with a flag, and the heading under which the help lists it.
struct FlagRow {
    row: Row,
    flag: String,
    heading: &'static str,
}

fn flag_rows(arguments: &[OsString]) -> Vec<FlagRow> {
    let mut rows = Vec::new();
    for group in &GROUPS {
        let definitions = group.rows.iter().filter(|definition| !definition.is_per_issuer());
        rows.extend(definitions.filter_map(|definition| flag_row(Row::from(*definition), group.title)));
    }
    for row in arguments.iter().filter_map(issuer_row) {
        if rows.iter().all(|other: &FlagRow| other.row.variable != row.variable) {
            rows.extend(flag_row(row, "OpenID Connect issuers"));
        }
    }
    rows
}

fn flag_row(row: Row, heading: &'static str) -> Option<FlagRow> {
    row.flag().map(|flag| FlagRow { row, flag, heading })
}

/// Issuers have names of the user's choice, so their flags are known only from the command line itself.
fn issuer_row(argument: &OsString) -> Option<Row> {
    let flag = argument.to_str()?.strip_prefix("--oidc-")?;
    let words = flag.split('=').next()?.replace('-', "_");
    match recognise(&format!("AUTH_OIDC_{}", words.to_ascii_uppercase()))? {
        Name::Setting(row) => row.issuer.is_some().then_some(row),
        Name::FileOf(_) => None,
    }
}

fn command(rows: &[FlagRow]) -> clap::Command {
    let config =
        clap::Command::new("config").about("Check or print the settings").subcommand_required(true).subcommands([
            clap::Command::new("check").about("Check the settings; exit code 2 with all faults"),
            clap::Command::new("show").about("Print every setting in force and where it came from"),
        ]);
    clap::Command::new("auth-server")
        .about("Gatehouse: authentication for your own services")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(after_help())
        .subcommands([
            clap::Command::new("serve").about("Run the server; the default"),
            clap::Command::new("migrate").about("Bring the database's schema up to date and end"),
            config,
            clap::Command::new("openapi").about("Print the OpenAPI document"),
            clap::Command::new("healthcheck").about("Ask the running server whether it is healthy"),
            clap::Command::new("secret").about("Print a fresh value for AUTH_SECRET"),
            admin_command(),
            outbox_command(),
            keys_command(),
            audit_command(),
        ])
        .args(rows.iter().map(argument))
}

fn admin_command() -> clap::Command {
    let email = Arg::new("email").value_name("EMAIL").help("Address of the account [default: ADMIN_EMAIL]");
    let create = clap::Command::new("create").about("Make an administrator, who has to change the password at first").arg(email).after_help(
        "The password is ADMIN_PASSWORD; if that isn't set, one is made up and printed. An account that is there stays \
         as it is.",
    );
    clap::Command::new("admin").about("Make an administrator").subcommand_required(true).subcommand(create)
}

fn outbox_command() -> clap::Command {
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

fn keys_command() -> clap::Command {
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

fn audit_command() -> clap::Command {
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

fn argument(FlagRow { row, flag, heading }: &FlagRow) -> Arg {
    let default = match row.definition.default {
        DefaultText::Value(text) => format!(" [default: {text}]"),
        DefaultText::Derived(words) => format!(" [default: {words}]"),
        DefaultText::Unset => String::new(),
    };
    Arg::new(row.variable.to_string())
        .long(flag.clone())
        .value_name("VALUE")
        .help(format!("{}{default}", row.definition.meaning))
        .help_heading(*heading)
        .hide_short_help(flag != "config")
        .global(true)
}

fn after_help() -> String {
    format!(
        "Every flag has an environment variable and a key in the file (--bind, AUTH_BIND, `bind`). Secrets have no flag: \
         set AUTH_SECRET, DATABASE_URL and their like in the environment, or name a file with AUTH_SECRET_FILE. \
         OpenID Connect issuers have --oidc-{NAME_PLACEHOLDER}-issuer, -client-id, -display-name and -scopes. \
         --help lists all flags, docs/configuration.md explains them."
    )
}
