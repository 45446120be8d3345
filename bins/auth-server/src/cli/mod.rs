//! The command line: a sub-command, and a flag for every setting that holds no secret.

mod admin;
mod audit;
mod backup;
pub(crate) mod completions;
mod config;
mod database;
mod flags;
mod keys;
mod outbox;
mod sessions;
#[cfg(test)]
mod tests;
mod users;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgMatches;
use clap_complete::Shell;

pub use self::audit::AuditCommand;
pub use self::database::CopyUrls;
use self::flags::FlagRow;
pub use self::keys::KeysCommand;
pub use self::outbox::Retry;
pub use self::sessions::RevokeAll;
pub use self::users::{ImportExtent, UsersCommand};
use crate::settings::Flags;
use crate::settings::definition::NAME_PLACEHOLDER;

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
    /// Copy the database into another one.
    DatabaseCopy(CopyUrls),
    /// Copy the database into a file.
    Backup {
        /// The file to make.
        path: PathBuf,
    },
    /// Put a backup into the database.
    Restore {
        /// The backup.
        path: PathBuf,
        /// Whether to leave alive what lived when the backup was made.
        keep_sessions: bool,
    },
    /// End every session.
    SessionsRevokeAll(RevokeAll),
    /// Print what a shell needs to complete command lines.
    Completions(Shell),
    /// Move users in or out.
    Users(UsersCommand),
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
    let rows = flags::flag_rows(&arguments);
    let matches = command(&rows).try_get_matches_from(arguments)?;
    let (command, leaf) = chosen(&matches);
    Ok(Invocation { command, flags: flags::flags(&rows, leaf) })
}

fn chosen(matches: &ArgMatches) -> (Command, &ArgMatches) {
    match matches.subcommand() {
        Some(("migrate", leaf)) => (Command::Migrate, leaf),
        Some(("openapi", leaf)) => (Command::OpenApi, leaf),
        Some(("healthcheck", leaf)) => (Command::Healthcheck, leaf),
        Some(("secret", leaf)) => (Command::Secret, leaf),
        Some(("config", config)) => config::chosen(config),
        Some(("admin", admin)) => admin::chosen(admin),
        Some(("outbox", outbox)) => outbox::chosen(outbox),
        Some(("keys", keys)) => keys::chosen(keys),
        Some(("audit", audit)) => audit::chosen(audit),
        Some(("database", database)) => database::chosen(database),
        Some(("backup", leaf)) => backup::backup_chosen(leaf),
        Some(("restore", leaf)) => backup::restore_chosen(leaf),
        Some(("sessions", sessions)) => sessions::chosen(sessions),
        Some(("completions", leaf)) => completions::chosen(leaf),
        Some(("users", users)) => users::chosen(users),
        Some((_, leaf)) => (Command::Serve, leaf),
        None => (Command::Serve, matches),
    }
}

/// The innermost sub-command, which knows the flags that stand anywhere on the line.
fn leaf(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, leaf)| leaf)
}

fn command(rows: &[FlagRow]) -> clap::Command {
    clap::Command::new("auth-server")
        .about("Gatehouse: authentication for your own services")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(after_help())
        .subcommands([
            clap::Command::new("serve").about("Run the server; the default"),
            clap::Command::new("migrate").about("Bring the database's schema up to date and end"),
            config::command(),
            clap::Command::new("openapi").about("Print the OpenAPI document"),
            clap::Command::new("healthcheck").about("Ask the running server whether it is healthy"),
            clap::Command::new("secret").about("Print a fresh value for AUTH_SECRET"),
            admin::command(),
            outbox::command(),
            keys::command(),
            audit::command(),
            users::command(),
            sessions::command(),
            database::command(),
            backup::backup_command(),
            backup::restore_command(),
            completions::command(),
        ])
        .args(rows.iter().map(flags::argument))
}

fn after_help() -> String {
    format!(
        "Every flag has an environment variable and a key in the file (--bind, AUTH_BIND, `bind`). Secrets have no flag: \
         set AUTH_SECRET, DATABASE_URL and their like in the environment, or name a file with AUTH_SECRET_FILE. \
         OpenID Connect issuers have --oidc-{NAME_PLACEHOLDER}-issuer, -client-id, -display-name and -scopes. \
         --help lists all flags, docs/configuration.md explains them."
    )
}
