//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::failure::Outcome;

const HELP: &str = "\
usage: bench [--rows PATTERN] [--seconds N] [--repetitions N] [--json PATH] [--markdown]

--rows PATTERN     only the groups of rows whose name holds PATTERN, or one of several with commas between:
                   login, storm, memory, verify, me-sqlite, me-postgres, refresh-sqlite, refresh-postgres, start,
                   lookup, logs, codes, forgot-sqlite, forgot-postgres, outbox, clean-up,
                   oauth-hang, oauth-starts, limits, revocation, import
--seconds N        how long each measurement takes (default 3)
--repetitions N    how often each measurement is taken, in turns with what it is compared with (default 5)
--json PATH        where the table is written as JSON (default target/bench.json)
--markdown         print the table as Markdown, ready for docs/performance.md";

/// What the bench is asked to do.
pub(crate) enum Command {
    /// Measure.
    Measure(Options),
    /// Be the server that the bearer rows are compared with; the bench starts itself so.
    ReferenceRoute,
}

/// How to measure.
pub(crate) struct Options {
    /// Which groups of rows; all if empty.
    patterns: Vec<String>,
    /// How long one measurement takes.
    pub(crate) duration: Duration,
    /// How often each is taken.
    pub(crate) repetitions: usize,
    /// Where the JSON goes.
    pub(crate) json: PathBuf,
    /// Markdown instead of a table for terminals.
    pub(crate) markdown: bool,
}

impl Options {
    /// Reads the command line, without the program's name.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Command> {
        let mut options = Self {
            patterns: Vec::new(),
            duration: Duration::from_secs(3),
            repetitions: 5,
            json: PathBuf::from("target/bench.json"),
            markdown: false,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a value\n{HELP}"));
            match argument.as_str() {
                "--rows" => options.patterns = value()?.split(',').map(str::to_owned).collect(),
                "--seconds" => options.duration = Duration::try_from_secs_f64(value()?.parse()?)?,
                "--repetitions" => options.repetitions = value()?.parse::<usize>()?.max(1),
                "--json" => options.json = value()?.into(),
                "--markdown" => options.markdown = true,
                "reference-route" => return Ok(Command::ReferenceRoute),
                _ => return Err(HELP.into()),
            }
        }
        Ok(Command::Measure(options))
    }

    /// Whether the group of rows called `name` is wanted.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|pattern| name.contains(pattern.as_str()))
    }
}
