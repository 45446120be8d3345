//! Gatehouse's benchmark.
//!
//! It starts the release server by itself, puts it under load from this machine, and prints one table. What it judges
//! are ratios of two things measured in one run, in turns, so that a slower machine or a noisy neighbour changes both.
//! `docs/performance.md` holds the table and says what each row means.

mod account;
mod database;
mod errors;
mod failure;
mod http;
mod load;
mod memory;
mod options;
mod pace;
mod process;
mod reference;
mod report;
mod rows;
mod run;
mod sample;
mod server;

use std::io::Write as _;
use std::process::ExitCode;

use crate::options::{Command, Options};

fn main() -> ExitCode {
    let done = match Options::parse(std::env::args().skip(1)) {
        Ok(Command::Measure(options)) => run::measure(&options),
        Ok(Command::ReferenceRoute) => reference::route::serve().map(|()| ExitCode::SUCCESS),
        Err(problem) => Err(problem),
    };
    done.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "bench: {error}");
        ExitCode::FAILURE
    })
}
