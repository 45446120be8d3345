//! The files around a SQLite database: made for the owner alone, since they hold password hashes.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Makes the folder (0700) and an empty database (0600) where they are missing. SQLite gives its journal the rights
/// of the database.
pub(crate) fn prepare(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        create_folder(folder)?;
    }
    if path.exists() {
        return Ok(());
    }
    private_file(path).map(drop)
}

/// Waits for the lock that starts, migrations and the like take in turn. It ends with the file's handle, also when
/// the process dies.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = private_file(&PathBuf::from(name))?;
    file.lock()?;
    Ok(file)
}

fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
