//! `healthcheck`: one question to the running server.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

/// How long a healthy server takes to say so at most.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// Asks the server at `bind` whether it is healthy: exit code 0 if so, for container and service managers.
pub(crate) fn ask(bind: SocketAddr) -> io::Result<ExitCode> {
    match ask_health(reachable(bind)) {
        Ok(true) => {
            writeln!(io::stdout().lock(), "healthy")?;
            Ok(ExitCode::SUCCESS)
        }
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
