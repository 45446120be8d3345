//! A copy in a file of its own: a backup. It gets its name when it is complete, so that nobody takes half of one for a
//! whole one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use auth_core::{OsRandom, Random as _};

use super::error::CopyError;
use super::source::Source;
use super::target::Target;
use super::{CopyReport, copy_rows};

/// Copies everything of `source` into a new SQLite database at `path`, a single file that its owner alone may read, and
/// flushes it to the disk. `advance` is told of rows as they are copied.
///
/// What was begun and ended by force stays under a name of its own, `path` with an ending `.part`; a journal may lie
/// beside it.
///
/// # Errors
///
/// [`CopyError::FileExists`] when there is something at `path`, [`CopyError::File`] when the folder isn't there or takes
/// no file, [`CopyError::Write`] when the disk is full, and others. There is nothing at `path` then.
pub fn into_file(source: &mut Source, path: &Path, advance: &mut dyn FnMut(u64)) -> Result<CopyReport, CopyError> {
    let draft = Draft::make(path)?;
    let mut target = Target::in_new_file(&draft.path)?;
    let report = copy_rows(source, &mut target, advance)?;
    target.commit()?;
    target.close_as_one_file()?;
    draft.publish(path)?;
    Ok(report)
}

/// A file on its way, which goes when this is dropped.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn make(target: &Path) -> Result<Self, CopyError> {
        if target.symlink_metadata().is_ok() {
            return Err(CopyError::FileExists(target.to_owned()));
        }
        let failed = |error| CopyError::File { path: target.to_owned(), error };
        // SQLite would take a path that begins with `file:` for a URL.
        let mut path = std::path::absolute(target).map_err(failed)?.into_os_string();
        let mut suffix = [0; 8];
        OsRandom.fill(&mut suffix);
        path.push(format!(".{:016x}.part", u64::from_le_bytes(suffix)));
        let path = PathBuf::from(path);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path).map_err(failed)?;
        Ok(Self { path })
    }

    fn publish(self, target: &Path) -> Result<(), CopyError> {
        self.rename(target).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => CopyError::FileExists(target.to_owned()),
            _ => CopyError::File { path: target.to_owned(), error },
        })
    }

    fn rename(&self, target: &Path) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        match fs::hard_link(&self.path, target) {
            Ok(()) => fs::remove_file(&self.path)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            // A file system without links; between the look and the renaming somebody may still come.
            Err(_) if target.symlink_metadata().is_ok() => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(&self.path, target)?,
        }
        sync_folder(target)
    }
}

/// A new name is kept only when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

impl Drop for Draft {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let mut path = self.path.clone().into_os_string();
            path.push(suffix);
            // Gone already, when it has got its name.
            let _ = fs::remove_file(path);
        }
    }
}
