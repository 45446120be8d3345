//! `database copy`: moving from one database to another, SQLite to PostgreSQL for instance.

use std::fmt;
use std::io::{self, Write as _};
use std::path::PathBuf;

use auth_core::{Clock as _, SystemClock};
use auth_persistence::DatabaseConfig;
use auth_persistence::copy::{self, CopyReport, Source, TableReport};

use crate::cli::CopyUrls;
use crate::columns::Columns;
use crate::progress::Progress;
use crate::secret_file;
use crate::settings::section::database::{COPY_TO, URL};
use crate::settings::value::DatabaseUrl;
use crate::settings::{Faults, Flags, Loaded, Settings, Sources};
use crate::start::{CannotStart, connection_url, database_config};

/// Reads the settings with the URLs of the command line in the place of those that are set.
pub(crate) fn load(flags: Flags, urls: &CopyUrls) -> Result<Loaded, Faults> {
    let mut sources = Sources::of_process(flags);
    for (definition, url) in [(&URL, &urls.from), (&COPY_TO, &urls.to)] {
        let Some(url) = url else { continue };
        let file_variable = format!("{}_FILE", definition.variable);
        sources.environment.retain(|(name, _)| *name != *definition.variable && *name != *file_variable);
        sources.environment.push((definition.variable.into(), url.expose().into()));
    }
    Settings::load(&sources)
}

/// Copies the database of `settings` into `target`.
pub(crate) fn carry_out(settings: &Settings, target: &DatabaseUrl) -> Result<Copied, CannotStart> {
    let mut source = Source::open(&database_config(settings))?;
    if source.has_server(SystemClock.now())? {
        let warning =
            "a server seems to run on the database that is copied: what it writes from now on is not in the copy";
        // Nothing more can be done about it.
        let _ = writeln!(io::stderr().lock(), "auth-server: {warning}");
    }
    let config = DatabaseConfig { url: connection_url(target).into(), ..database_config(settings) };
    let bar = Progress::new("rows", Some(source.rows()));
    let report = copy::into_database::<CannotStart>(&mut source, &config, &mut |rows| bar.advance(rows), |_| Ok(()))?;
    bar.finish();
    let secret_file = match (&settings.secrets.current, &settings.database.url) {
        (None, DatabaseUrl::SqliteFile(path)) => Some(secret_file::beside(path)),
        _ => None,
    };
    Ok(Copied { report, secret_file })
}

/// What was copied.
pub(crate) struct Copied {
    report: CopyReport,
    /// Where the secret is that nobody has set.
    secret_file: Option<PathBuf>,
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Tables(&self.report).fmt(f)?;
        writeln!(f, "rows copied, read again and found to be the same: {}", self.report.rows())?;
        match &self.secret_file {
            Some(file) => writeln!(f, "servers on the copy need the same secret: AUTH_SECRET_FILE={}", file.display()),
            None => writeln!(f, "servers on the copy need the same AUTH_SECRET"),
        }
    }
}

/// The tables, one a line, with their rows and checksums before and after.
pub(crate) struct Tables<'a>(pub(crate) &'a CopyReport);

const HEADINGS: [&str; 5] = ["TABLE", "ROWS READ", "CHECKSUM", "ROWS WRITTEN", "CHECKSUM"];

impl fmt::Display for Tables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.0.tables.iter().map(row);
        Columns(std::iter::once(HEADINGS.map(str::to_owned)).chain(rows).collect()).fmt(f)
    }
}

fn row(table: &TableReport) -> [String; 5] {
    // Enough for eyes; all of it was compared.
    let short = |checksum: &copy::Checksum| checksum.to_string().chars().take(16).collect();
    let TableReport { table, source, target } = table;
    [(*table).to_owned(), source.rows().to_string(), short(source), target.rows().to_string(), short(target)]
}
