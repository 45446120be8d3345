//! A run: all wanted groups of rows one after the other, then the table.

use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use crate::errors::Errors;
use crate::failure::Outcome;
use crate::load::{self, Script, Span, Traffic};
use crate::options::Options;
use crate::report::{Quantity, Report, Required, Row};
use crate::rows::GROUPS;
use crate::server::SETTINGS;

/// What the groups of rows share.
pub(crate) struct Bench<'a> {
    options: &'a Options,
    rows: Vec<Row>,
    errors: Errors,
}

/// Measures what `options` ask for, prints the table and writes it as JSON.
pub(crate) fn measure(options: &Options) -> Outcome<ExitCode> {
    let mut bench = Bench { options, rows: Vec::new(), errors: Errors::default() };
    let before = load_average();
    for group in GROUPS.iter().filter(|group| options.wants(group.name)) {
        progress(&format!("{} …", group.name));
        if let Err(error) = (group.measure)(&mut bench) {
            bench.add(Row::problem(group.name, format!("failed: {error}"), Some(false)));
        }
    }
    let errors = Quantity { value: rounded(bench.errors.count()), unit: "" };
    bench.add(Row::figure("errors in all of these", errors, Required::AtMost(0.0)));
    let report = Report { circumstances: circumstances(options, &before), rows: bench.rows };
    write(options, &report)?;
    Ok(ExitCode::SUCCESS)
}

fn write(options: &Options, report: &Report) -> Outcome<()> {
    if let Some(folder) = options.json.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&options.json, serde_json::to_vec_pretty(&report.json())?)?;
    let text = if options.markdown { report.markdown() } else { report.text() };
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

impl Bench<'_> {
    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Counts `errors`, and tells at once what the first was.
    pub(crate) fn count_errors(&mut self, errors: Errors) {
        if let Some(first) = errors.first() {
            progress(&format!("{} errors, the first: {first}", errors.count()));
        }
        self.errors.merge(errors);
    }

    pub(crate) fn repetitions(&self) -> usize {
        self.options.repetitions
    }

    /// How long one measurement takes.
    pub(crate) fn duration(&self) -> Duration {
        self.options.duration
    }

    /// A measurement after `warm_up`.
    pub(crate) fn span(&self, warm_up: Duration) -> Span {
        Span { warm_up, measured: self.options.duration }
    }

    /// One measurement of closed-loop load by `clients`.
    pub(crate) fn load(
        &mut self,
        address: SocketAddr,
        clients: usize,
        script: &mut impl Script,
        warm_up: Duration,
    ) -> Outcome<Traffic> {
        let mut traffic = load::run(address, clients, script, self.span(warm_up))?;
        self.count_errors(std::mem::take(&mut traffic.errors));
        Ok(traffic)
    }
}

/// The processors that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// A count as a figure of the table.
pub(crate) fn rounded(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Tells somebody who waits what is done now.
pub(crate) fn progress(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn circumstances(options: &Options, load_before: &str) -> Vec<String> {
    let settings: Vec<String> = SETTINGS[..3].iter().map(|(name, value)| format!("{name}={value}")).collect();
    vec![
        format!("machine: {} cores, {}", cores(), processor()),
        format!("load average before and after: {load_before}; {}{}", load_average(), remark(load_before)),
        format!("servers run with {}, all else by default unless the row says so", settings.join(", ")),
        format!(
            "each measurement takes {} s and is repeated {} times in turns with what it is compared with; ratio: their median",
            options.duration.as_secs_f64(),
            options.repetitions
        ),
        "load comes from one thread of this process, on the same cores".to_owned(),
    ]
}

/// A server that hashes at the lowest priority gives way to every other program, and so do the figures.
fn remark(load_before: &str) -> &'static str {
    let last_minute = load_before.split(' ').next().and_then(|load| load.parse::<f64>().ok());
    if last_minute.is_some_and(|load| load > 0.5) {
        " – THE MACHINE WAS NOT QUIET, the ratios are not to be relied on"
    } else {
        ""
    }
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    name.unwrap_or("of unknown make").to_owned()
}
