//! `backup`, `restore`, and `sessions revoke-all` for a database that was restored by other means.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auth_core::{OsRandom, SystemClock};
use auth_persistence::Database;
use auth_persistence::copy::{self, Source};
use auth_service::{Restoration, Revived};

use crate::progress::Progress;
use crate::secret_file;
use crate::settings::Settings;
use crate::settings::value::DatabaseUrl;
use crate::start::{CannotStart, database_config, secrets};

/// Copies the database of `settings` into a new file at `path`.
pub(crate) fn back_up(settings: &Settings, path: &Path) -> Result<BackedUp, CannotStart> {
    let mut source = Source::open(&database_config(settings))?;
    let bar = Progress::new("rows", Some(source.rows()));
    let report = copy::into_file(&mut source, path, &mut |rows| bar.advance(rows))?;
    bar.finish();
    Ok(BackedUp { path: path.to_owned(), rows: report.rows() })
}

/// Puts the backup at `path` into the database of `settings`.
pub(crate) fn restore(settings: &Settings, path: &Path, keep_sessions: bool) -> Result<Restored, CannotStart> {
    let mut source = Source::open_file(path)?;
    let restoration = restoration(settings)?;
    let bar = Progress::new("rows", Some(source.rows()));
    let mut revived = None;
    let finish = |conn: &mut _| {
        if keep_sessions {
            restoration.check(conn)?;
        } else {
            revived = Some(EndedRevived(restoration.end_revived(conn)?));
        }
        Ok::<_, CannotStart>(())
    };
    let report = copy::into_database(&mut source, &database_config(settings), &mut |rows| bar.advance(rows), finish)?;
    bar.finish();
    Ok(Restored { rows: report.rows(), revived })
}

/// Ends in `database`, which was restored by other means, what that brought back.
pub(crate) fn end_revived(settings: &Settings, database: &Database) -> Result<EndedRevived, CannotStart> {
    Ok(EndedRevived(restoration(settings)?.end_revived_in(database)?))
}

fn restoration(settings: &Settings) -> Result<Restoration, CannotStart> {
    if let (None, DatabaseUrl::SqliteFile(path)) = (&settings.secrets.current, &settings.database.url) {
        // One that is made up now opens no backup.
        let file = secret_file::beside(path);
        if !file.exists() {
            return Err(CannotStart::NoSecret(file));
        }
    }
    Ok(Restoration::new(secrets(settings)?, Arc::new(SystemClock), Arc::new(OsRandom)))
}

/// What `backup` did.
pub(crate) struct BackedUp {
    path: PathBuf,
    rows: u64,
}

impl fmt::Display for BackedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "backed up in {}, compared with the original: {} rows", self.path.display(), self.rows)?;
        writeln!(f, "AUTH_SECRET is not in it; keep it elsewhere")
    }
}

/// What `restore` did.
pub(crate) struct Restored {
    rows: u64,
    revived: Option<EndedRevived>,
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "rows restored, read again and found to be the same: {}", self.rows)?;
        match &self.revived {
            Some(revived) => revived.fmt(f),
            None => writeln!(f, "sessions and links are as they were when the backup was made"),
        }
    }
}

/// What was ended that a backup brought back.
pub(crate) struct EndedRevived(Revived);

impl fmt::Display for EndedRevived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Revived { sessions, links, mails, backup_codes, devices, signing_keys } = &self.0;
        writeln!(
            f,
            "ended, for they may have ended before: sessions {sessions}, links in mails {links}, mails not sent {mails},"
        )?;
        writeln!(f, "  backup codes {backup_codes}, known devices {devices}, signing keys {signing_keys}")?;
        writeln!(f, "everybody signs in anew; who had backup codes makes new ones")
    }
}
