//! `users import`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek as _, Write};
use std::path::{Path, PathBuf};

use auth_service::{AuthService, ImportOutcome, RefusedRecord, SeenUsers, UserRecord};

use super::BrokenOff;
use super::lines::Lines;
use crate::cli::ImportExtent;
use crate::progress::Progress;

/// Lines of one transaction: so many that its end costs little, and so few that nobody waits for it.
const BATCH: usize = 500;

/// What is read.
pub(crate) enum Opened {
    Input,
    File { path: PathBuf, file: File },
}

/// Opens `path`, or standard input.
pub(crate) fn open(path: Option<&Path>) -> Result<Opened, BrokenOff> {
    let Some(path) = path else { return Ok(Opened::Input) };
    let file = File::open(path).map_err(|error| BrokenOff::File { path: path.to_owned(), error })?;
    Ok(Opened::File { path: path.to_owned(), file })
}

/// How many lines became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Imported {
    pub(crate) new: u64,
    pub(crate) there: u64,
    pub(crate) refused: u64,
    /// Whether new ones are in the database.
    pub(crate) is_stored: bool,
}

impl Imported {
    /// Says it.
    pub(crate) fn print(&self, extent: ImportExtent, out: &mut impl Write) -> io::Result<()> {
        let Self { new, there, refused, is_stored } = self;
        let done = if *is_stored { "imported" } else { "new" };
        writeln!(out, "{done}: {new}; there already: {there}; refused: {refused}")?;
        match extent {
            _ if *is_stored => Ok(()),
            ImportExtent::DryRun => writeln!(out, "nothing was written"),
            _ => {
                writeln!(out, "nobody was imported: mend the lines that are refused, or go without with --skip-invalid")
            }
        }
    }
}

/// Reads `opened`, does with it what `extent` says, and tells `report` of each line that it is told of.
pub(crate) async fn import(
    service: &AuthService,
    opened: Opened,
    extent: ImportExtent,
    report: &mut impl Write,
) -> Result<Imported, BrokenOff> {
    match (opened, extent) {
        (Opened::Input, ImportExtent::Valid) => store(service, io::stdin().lock(), report, input).await,
        (Opened::Input, _) => check(service, io::stdin().lock(), Told::All, report, input).await,
        (Opened::File { path, file }, ImportExtent::DryRun) => {
            check(service, BufReader::new(file), Told::All, report, of(&path)).await
        }
        (Opened::File { path, file }, ImportExtent::Valid) => {
            store(service, BufReader::new(file), report, of(&path)).await
        }
        (Opened::File { path, mut file }, ImportExtent::Whole) => {
            let checked = check(service, BufReader::new(&file), Told::Refused, report, of(&path)).await?;
            if checked.refused > 0 {
                return Ok(checked);
            }
            file.rewind().map_err(of(&path))?;
            store(service, BufReader::new(&file), report, of(&path)).await
        }
    }
}

fn input(error: io::Error) -> BrokenOff {
    BrokenOff::Input(error)
}

fn of(path: &Path) -> impl Fn(io::Error) -> BrokenOff {
    move |error| BrokenOff::File { path: path.to_owned(), error }
}

/// Of which lines the report tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    All,
    Refused,
}

async fn check(
    service: &AuthService,
    input: impl BufRead,
    told: Told,
    report: &mut impl Write,
    unreadable: impl Fn(io::Error) -> BrokenOff,
) -> Result<Imported, BrokenOff> {
    let mut lines = Lines::new(input, UserRecord::MAX_LINE_BYTES);
    let (mut seen, mut counts, progress) = (SeenUsers::default(), Imported::default(), Progress::new("checked", None));
    while let Some(batch) = Batch::read(service, &mut lines).map_err(&unreadable)? {
        let (numbers, refused) = (batch.numbers, batch.refused);
        let records = numbers.iter().copied().zip(batch.records).collect();
        let outcomes = service.check_users(records, &mut seen).await?;
        tell(told, &numbers, outcomes, refused, &mut counts, report)?;
        progress.advance(batch.lines);
    }
    progress.finish();
    Ok(counts)
}

async fn store(
    service: &AuthService,
    input: impl BufRead,
    report: &mut impl Write,
    unreadable: impl Fn(io::Error) -> BrokenOff,
) -> Result<Imported, BrokenOff> {
    let mut lines = Lines::new(input, UserRecord::MAX_LINE_BYTES);
    let mut counts = Imported { is_stored: true, ..Imported::default() };
    let progress = Progress::new("imported", None);
    while let Some(batch) = Batch::read(service, &mut lines).map_err(&unreadable)? {
        let outcomes = service.import_users(batch.records).await?;
        tell(Told::Refused, &batch.numbers, outcomes, batch.refused, &mut counts, report)?;
        progress.advance(batch.lines);
    }
    progress.finish();
    Ok(counts)
}

/// Lines that go together.
struct Batch {
    lines: u64,
    /// Of the records.
    numbers: Vec<u64>,
    records: Vec<UserRecord>,
    refused: Vec<(u64, RefusedRecord)>,
}

impl Batch {
    /// The next lines; none after the last.
    fn read(service: &AuthService, lines: &mut Lines<impl BufRead>) -> io::Result<Option<Self>> {
        let (numbers, records) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        let mut batch = Self { lines: 0, numbers, records, refused: Vec::new() };
        while batch.records.len() + batch.refused.len() < BATCH {
            let Some((number, line)) = lines.next()? else { break };
            batch.lines += 1;
            match service.read_user(line) {
                Ok(record) => {
                    batch.numbers.push(number);
                    batch.records.push(record);
                }
                Err(refused) => batch.refused.push((number, refused)),
            }
        }
        Ok((batch.lines > 0).then_some(batch))
    }
}

/// Counts what became of the lines, and tells it in their order.
fn tell(
    told: Told,
    numbers: &[u64],
    outcomes: Vec<ImportOutcome>,
    refused: Vec<(u64, RefusedRecord)>,
    counts: &mut Imported,
    report: &mut impl Write,
) -> io::Result<()> {
    let refused = refused.into_iter().map(|(number, refused)| (number, ImportOutcome::Refused(refused)));
    let mut all: Vec<(u64, ImportOutcome)> = numbers.iter().copied().zip(outcomes).chain(refused).collect();
    all.sort_unstable_by_key(|(number, _)| *number);
    for (number, outcome) in all {
        match &outcome {
            ImportOutcome::New => counts.new += 1,
            ImportOutcome::There(_) => counts.there += 1,
            ImportOutcome::Refused(_) => counts.refused += 1,
        }
        match outcome {
            ImportOutcome::Refused(refused) => writeln!(report, "line {number}: refused: {refused}")?,
            ImportOutcome::New if told == Told::All => writeln!(report, "line {number}: new")?,
            ImportOutcome::There(id) if told == Told::All => writeln!(report, "line {number}: there already, {id}")?,
            _ => {}
        }
    }
    Ok(())
}
