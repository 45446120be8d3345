//! The development secret: made once, kept beside the database, so that a first start needs no configuration.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use auth_core::OsRandom;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::new_file::NewFile;
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
        match write(&path, &new_secret(&OsRandom)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let text = Zeroizing::new(fs::read_to_string(path)?);
    Ok(SecretString::from(text.trim_end()))
}

fn write(path: &Path, secret: &str) -> io::Result<()> {
    let mut file = NewFile::begin(path)?;
    writeln!(file, "{secret}")?;
    file.finish()
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
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
