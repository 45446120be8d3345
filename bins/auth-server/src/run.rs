//! Carrying out what the command line says.

use std::fmt::Display;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::time::Duration;

use auth_core::OsRandom;
use auth_persistence::Database;
use auth_service::AuthService;

use crate::cli::{AuditCommand, Command, Invocation, KeysCommand, Retry};
use crate::settings::{Flags, Loaded, Report, Settings, Sources, value};
use crate::start::{CannotStart, Opened, open_database, open_service};
use crate::{audit, first_admin, http, keys, logging, outbox, serve};

/// Exit code of a faulty configuration or command line.
const CONFIGURATION_FAULT: u8 = 2;

/// How long a healthy server takes to say so at most.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

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
        Command::Healthcheck => return healthcheck(loaded.settings.server.bind),
        Command::Serve => return serve(loaded),
        Command::OutboxList => return list_outbox(&loaded.settings),
        Command::OutboxRetry(which) => return retry_mails(&loaded.settings, *which),
        Command::Keys(command) => return look_after_keys(&loaded.settings, *command),
        Command::Audit(command) => return look_at_trail(&loaded.settings, command),
        // Done before the settings were read.
        Command::OpenApi | Command::Secret | Command::AdminCreate { .. } => {}
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

/// Asks the server at `bind` whether it is healthy: exit code 0 if so, for container and service managers.
fn healthcheck(bind: SocketAddr) -> io::Result<ExitCode> {
    match ask_health(reachable(bind)) {
        Ok(true) => print("healthy"),
        Ok(false) => {
            writeln!(io::stderr().lock(), "auth-server: the server at {bind} is not healthy")?;
            Ok(ExitCode::FAILURE)
        }
        Err(error) => {
            writeln!(io::stderr().lock(), "auth-server: no answer from {bind}: {error}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// A server that listens on all addresses is asked on the loopback one.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

fn ask_health(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, HEALTH_TIMEOUT)?;
    stream.set_read_timeout(Some(HEALTH_TIMEOUT))?;
    stream.set_write_timeout(Some(HEALTH_TIMEOUT))?;
    write!(stream, "GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200 "))
}
