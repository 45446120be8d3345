//! A bare actix server with one route, which answers 204: what the framework itself costs.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};

use crate::failure::Outcome;
use crate::process::{Output, Process};
use crate::run::cores;

/// The one path.
pub(crate) const PATH: &str = "/";

/// Starts the reference server as a child of this process.
pub(crate) fn start() -> Outcome<Process> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("reference-route");
    Process::start(command, Output::Watched, |line| line.trim().parse().ok())
}

/// Serves, until the process is ended.
pub(crate) fn serve() -> Outcome<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    let app = || App::new().route(PATH, web::get().to(|| async { HttpResponse::NoContent().finish() }));
    let server = HttpServer::new(app)
        .workers(cores())
        .keep_alive(Duration::from_secs(75))
        .tcp_nodelay(true)
        .disable_signals()
        .listen(listener)?
        .run();
    Ok(actix_web::rt::System::new().block_on(server)?)
}
