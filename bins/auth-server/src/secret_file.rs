//! The development secret: made once, kept beside the database, so that a first start needs no configuration.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use auth_core::{OsRandom, Random as _};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::settings::value::new_secret;

/// Where the secret of the SQLite database at `database` is kept.
pub(crate) fn beside(database: &Path) -> PathBuf {
    database.with_file_name("auth.secret")
}

/// The secret in `folder`, made now if there is none.
///
/// Several processes may start at once: the first file that is complete wins, and all read that one.
pub(crate) fn load_or_make(folder: &Path) -> io::Result<SecretString> {
    let path = folder.join("auth.secret");
    if !path.exists() {
        make_folder(folder)?;
        let draft = Draft::write(folder, &new_secret(&OsRandom))?;
        match fs::hard_link(&draft.0, &path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let text = Zeroizing::new(fs::read_to_string(path)?);
    Ok(SecretString::from(text.trim_end()))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A file under a name of its own, which goes when this is dropped.
struct Draft(PathBuf);

impl Draft {
    fn write(folder: &Path, secret: &str) -> io::Result<Self> {
        let mut suffix = [0; 8];
        OsRandom.fill(&mut suffix);
        let path = folder.join(format!("auth.secret.{:016x}", u64::from_le_bytes(suffix)));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file: File = options.open(&path)?;
        let draft = Self(path);
        writeln!(file, "{secret}")?;
        file.sync_all()?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn starters_at_once_agree_on_one_secret_that_others_cannot_read() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let secrets: Vec<String> = std::thread::scope(|scope| {
            let starters: Vec<_> = (0..8).map(|_| scope.spawn(|| load_or_make(&data).unwrap())).collect();
            starters.into_iter().map(|starter| starter.join().unwrap().expose_secret().to_owned()).collect()
        });
        assert!(secrets[0].len() >= 32 && secrets.iter().all(|secret| *secret == secrets[0]));
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "drafts are left behind");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&data.join("auth.secret")), 0o600);
            assert_eq!(mode(&data), 0o700);
        }
    }
}
