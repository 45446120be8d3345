//! Carrying out what the command line says.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::ExitCode;

use auth_core::OsRandom;
use auth_persistence::Database;
use auth_service::AuthService;

use crate::cli::{
    AuditCommand, Command, CopyUrls, ImportExtent, Invocation, KeysCommand, Retry, RevokeAll, UsersCommand, completions,
};
use crate::progress::Progress;
use crate::settings::{Flags, Loaded, Report, Settings, Sources, value};
use crate::start::{CannotStart, Opened, open_database, open_service};
use crate::{audit, backup, database_copy, first_admin, healthcheck, http, keys, logging, outbox, serve, users};

/// Exit code of a faulty configuration or command line.
const CONFIGURATION_FAULT: u8 = 2;

/// Carries out `invocation`.
///
/// # Errors
///
/// When standard output or standard error can't be written.
pub fn run(Invocation { command, flags }: Invocation) -> io::Result<ExitCode> {
    match command {
        Command::Secret => return print(&value::new_secret(&OsRandom)),
        Command::OpenApi => return print(&http::openapi_json()),
        Command::AdminCreate { email } => return create_admin(flags, email),
        Command::DatabaseCopy(urls) => return copy_database(flags, &urls),
        Command::Completions(shell) => {
            io::stdout().lock().write_all(&completions::script(shell))?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    match Settings::load(&Sources::of_process(flags)) {
        Ok(loaded) => run_with(&command, &loaded),
        Err(faults) => refuse(&faults),
    }
}

fn refuse(why: &dyn Display) -> io::Result<ExitCode> {
    writeln!(io::stderr().lock(), "{why}")?;
    Ok(ExitCode::from(CONFIGURATION_FAULT))
}

fn run_with(command: &Command, loaded: &Loaded) -> io::Result<ExitCode> {
    match command {
        Command::ConfigCheck => write!(io::stdout().lock(), "{}", Report::Check(loaded))?,
        Command::ConfigShow => write!(io::stdout().lock(), "{}", Report::Show(loaded))?,
        Command::Migrate => return migrate(loaded),
        Command::Healthcheck => return healthcheck::ask(loaded.settings.server.bind),
        Command::Serve => return serve(loaded),
        Command::OutboxList => return list_outbox(&loaded.settings),
        Command::OutboxRetry(which) => return retry_mails(&loaded.settings, *which),
        Command::Keys(command) => return look_after_keys(&loaded.settings, *command),
        Command::Audit(command) => return look_at_trail(&loaded.settings, command),
        Command::Users(command) => return move_users(&loaded.settings, command),
        Command::Backup { path } => return tell(backup::back_up(&loaded.settings, path)),
        Command::Restore { path, keep_sessions } => {
            return tell(backup::restore(&loaded.settings, path, *keep_sessions));
        }
        Command::SessionsRevokeAll(what) => return revoke_all(&loaded.settings, *what),
        // Done before the settings were read.
        Command::OpenApi
        | Command::Secret
        | Command::AdminCreate { .. }
        | Command::DatabaseCopy(_)
        | Command::Completions(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn print(text: &str) -> io::Result<ExitCode> {
    writeln!(io::stdout().lock(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

fn serve(loaded: &Loaded) -> io::Result<ExitCode> {
    let guard = logging::start(&loaded.settings.log);
    for warning in &loaded.warnings {
        tracing::warn!(setting = warning.name, "{}", warning.text);
    }
    let ended = serve::serve(&loaded.settings);
    // Written out before the last word goes to standard error, which isn't buffered.
    logging::finish(guard);
    report(ended)
}

fn migrate(loaded: &Loaded) -> io::Result<ExitCode> {
    let migrated = open_database(&loaded.settings).and_then(|database| database.migrate().map_err(CannotStart::from));
    if migrated.is_ok() {
        print("the database is up to date")?;
    }
    report(migrated)
}

fn create_admin(flags: Flags, email: Option<String>) -> io::Result<ExitCode> {
    let (loaded, wanted) = match first_admin::load(flags, email) {
        Ok((loaded, Some(wanted))) => (loaded, wanted),
        Ok((_, None)) => {
            return refuse(&"name the address: `auth-server admin create ada@example.com`, or set ADMIN_EMAIL");
        }
        Err(faults) => return refuse(&faults),
    };
    let settings = &loaded.settings;
    let shortest = settings.passwords.min_length;
    let work = async |service| first_admin::create(&service, &wanted, shortest).await;
    match operate(settings, work) {
        Ok(made) => made.print(),
        Err(error) => report(Err(error)),
    }
}

fn list_outbox(settings: &Settings) -> io::Result<ExitCode> {
    match operate(settings, async |service| outbox::list(&service).await) {
        Ok(table) => {
            write!(io::stdout().lock(), "{table}")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => report(Err(error)),
    }
}

fn retry_mails(settings: &Settings, which: Retry) -> io::Result<ExitCode> {
    match (operate(settings, async |service| outbox::retry(&service, which).await), which) {
        (Ok(0), Retry::One(id)) => {
            writeln!(io::stderr().lock(), "auth-server: no mail {id} waits or has failed, or its time is over")?;
            Ok(ExitCode::FAILURE)
        }
        (Ok(count), _) => print(&format!("mails that are tried again now: {count}")),
        (Err(error), _) => report(Err(error)),
    }
}

/// With the database and the secrets alone: no server is made, and none of the keys that a server makes when it starts.
fn look_after_keys(settings: &Settings, command: KeysCommand) -> io::Result<ExitCode> {
    match command_database(settings).and_then(|database| keys::carry_out(settings, database, command)) {
        Ok(text) => {
            write!(io::stdout().lock(), "{text}")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => report(Err(error)),
    }
}

/// With the database and the secrets alone, as [`look_after_keys`].
fn look_at_trail(settings: &Settings, command: &AuditCommand) -> io::Result<ExitCode> {
    match command_database(settings).and_then(|database| audit::carry_out(settings, database, command)) {
        Ok(found) => {
            write!(io::stdout().lock(), "{}", found.text)?;
            let Some(first) = found.fault else { return Ok(ExitCode::SUCCESS) };
            writeln!(io::stderr().lock(), "auth-server: the audit trail is not as it was written: {first}")?;
            Ok(ExitCode::FAILURE)
        }
        Err(error) => report(Err(error)),
    }
}

fn copy_database(flags: Flags, urls: &CopyUrls) -> io::Result<ExitCode> {
    let settings = match database_copy::load(flags, urls) {
        Ok(loaded) => loaded.settings,
        Err(faults) => return refuse(&faults),
    };
    match &settings.database.copy_to {
        Some(target) => tell(database_copy::carry_out(&settings, target)),
        None => refuse(&"name the database to copy into: --to, or AUTH_COPY_TO_URL if the URL holds a password"),
    }
}

fn revoke_all(settings: &Settings, what: RevokeAll) -> io::Result<ExitCode> {
    if what == RevokeAll::Revived {
        let ended = command_database(settings).and_then(|database| backup::end_revived(settings, &database));
        return tell(ended);
    }
    let bar = Progress::new("users", None);
    let ended = operate(settings, async |service| Ok(service.revoke_everybody(|users| bar.advance(users)).await?));
    bar.finish();
    match ended {
        Ok(ended) => print(&format!("users signed out: {}; sessions ended: {}", ended.users, ended.sessions)),
        Err(error) => report(Err(error)),
    }
}

/// Prints what came of a command.
fn tell(done: Result<impl Display, CannotStart>) -> io::Result<ExitCode> {
    match done {
        Ok(text) => {
            write!(io::stdout().lock(), "{text}")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => report(Err(error)),
    }
}

fn move_users(settings: &Settings, command: &UsersCommand) -> io::Result<ExitCode> {
    match command {
        UsersCommand::Import { file: None, extent: ImportExtent::Whole } => {
            refuse(&"standard input is read once: add --dry-run or --skip-invalid, or name a file")
        }
        UsersCommand::Import { file, extent } => match users::open(file.as_deref()) {
            Ok(opened) => import_users(settings, opened, *extent),
            Err(error) => refuse(&format!("auth-server: {error}")),
        },
        UsersCommand::Export { file } => export_users(settings, file.as_deref()),
    }
}

fn import_users(settings: &Settings, opened: users::Opened, extent: ImportExtent) -> io::Result<ExitCode> {
    let mut report = io::BufWriter::new(io::stdout().lock());
    let ended = operate(settings, async |service| Ok(users::import(&service, opened, extent, &mut report).await));
    report.flush()?;
    match ended {
        Ok(Ok(counts)) => {
            counts.print(extent, &mut report)?;
            report.flush()?;
            Ok(if counts.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Ok(Err(error)) => {
            writeln!(io::stderr().lock(), "auth-server: {error}; what was imported stays, begin again to go on")?;
            Ok(ExitCode::FAILURE)
        }
        Err(error) => self::report(Err(error)),
    }
}

fn export_users(settings: &Settings, file: Option<&Path>) -> io::Result<ExitCode> {
    if io::stderr().is_terminal() {
        let warning = "this holds password hashes and secrets of second factors: keep it as you keep the database";
        writeln!(io::stderr().lock(), "{warning}")?;
    }
    match operate(settings, async |service| Ok(users::export(&service, file).await)) {
        Ok(Ok(count)) => {
            writeln!(io::stderr().lock(), "users exported: {count}")?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(Err(error)) => {
            writeln!(io::stderr().lock(), "auth-server: {error}")?;
            Ok(ExitCode::FAILURE)
        }
        Err(error) => report(Err(error)),
    }
}

/// Does `work` with a service that neither listens nor has jobs.
fn operate<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(AuthService) -> Result<T, CannotStart>,
) -> Result<T, CannotStart> {
    let Opened { service, .. } = open_service(settings, command_database(settings)?)?;
    actix_web::rt::System::new().block_on(work(service))
}

/// The database for a command, migrated.
fn command_database(settings: &Settings) -> Result<Database, CannotStart> {
    let mut settings = settings.clone();
    // One connection serves a command, and none is being opened by another thread when the process ends: libpq's TLS
    // doesn't survive that.
    settings.database.pool = NonZeroU32::MIN;
    let database = open_database(&settings)?;
    database.migrate()?;
    Ok(database)
}

fn report(result: Result<(), CannotStart>) -> io::Result<ExitCode> {
    match result {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            writeln!(io::stderr().lock(), "auth-server: {error}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}
