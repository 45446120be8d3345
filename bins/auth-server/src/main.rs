//! The authentication server: reads the command line and its settings, and does what they say.

use std::io;
use std::process::ExitCode;

use auth_server::{cli, run};

fn main() -> io::Result<ExitCode> {
    match cli::parse(std::env::args_os()) {
        Ok(invocation) => run::run(invocation),
        Err(error) => error.exit(),
    }
}
