//! Carrying out what the command line says.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use auth_core::OsRandom;

use crate::cli::{Command, Invocation};
use crate::settings::{Loaded, Report, Settings, Sources, value};
use crate::start::{CannotStart, open_database};
use crate::{http, logging, serve};

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
        _ => {}
    }
    match Settings::load(&Sources::of_process(flags)) {
        Ok(loaded) => run_with(command, &loaded),
        Err(faults) => {
            writeln!(io::stderr().lock(), "{faults}")?;
            Ok(ExitCode::from(CONFIGURATION_FAULT))
        }
    }
}

fn run_with(command: Command, loaded: &Loaded) -> io::Result<ExitCode> {
    match command {
        Command::ConfigCheck => write!(io::stdout().lock(), "{}", Report::Check(loaded))?,
        Command::ConfigShow => write!(io::stdout().lock(), "{}", Report::Show(loaded))?,
        Command::Migrate => return migrate(loaded),
        Command::Healthcheck => return healthcheck(loaded.settings.server.bind),
        Command::Serve => return serve(loaded),
        // Done before the settings were read.
        Command::OpenApi | Command::Secret => {}
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
    for shown in loaded.not_in_force() {
        tracing::warn!(setting = %shown.row.variable, "this setting has no effect in this release");
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
