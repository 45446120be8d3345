//! A file that nobody else may read, and that gets its name when it is complete: nobody takes half of one for a whole one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use auth_core::{OsRandom, Random as _};

/// A file on its way, under a name of its own beside the one that it is to get; it goes when this is dropped.
pub(crate) struct NewFile {
    path: PathBuf,
    draft: PathBuf,
    file: File,
}

impl NewFile {
    /// Begins the file that is to be at `path`.
    ///
    /// # Errors
    ///
    /// When there is something at `path`, or the folder takes no file.
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        if path.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mut suffix = [0; 8];
        OsRandom.fill(&mut suffix);
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{:016x}.part", u64::from_le_bytes(suffix)));
        let draft = PathBuf::from(draft);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&draft)?;
        Ok(Self { path: path.to_owned(), draft, file })
    }

    /// Gives it its name, for good: what was written is on the disk then, and so is the name.
    ///
    /// # Errors
    ///
    /// When something has come to its place meanwhile, or the disk fails.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.file.sync_all()?;
        match fs::hard_link(&self.draft, &self.path) {
            Ok(()) => {}
            // Also on a file system without links, where somebody may still come between the look and the renaming.
            Err(_) if self.path.symlink_metadata().is_ok() => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(&self.draft, &self.path)?,
        }
        sync_folder(&self.path)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Gone already, where it was renamed.
        let _ = fs::remove_file(&self.draft);
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
