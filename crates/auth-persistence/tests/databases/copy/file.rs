//! Copies in files: backups.

use std::fs;
use std::path::Path;

use auth_persistence::copy::{self, CopyError, Source};
use auth_persistence::user;

use crate::fixture::{TestDatabase, on_both_databases, run};
use crate::rows::{user_id, user_with_session};

fn back_up(test: &TestDatabase, path: &Path) -> Result<u64, CopyError> {
    let report = copy::into_file(&mut Source::open(&test.config())?, path, &mut |_| ())?;
    Ok(report.rows())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// One file, whose owner alone can read it, and which is read back without a byte of it being changed.
fn a_backup_is_one_private_file_that_reading_does_not_change(test: &TestDatabase) {
    test.write(user_with_session);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a name? #1.db");
    assert_eq!(back_up(test, &path).unwrap(), 2);
    assert_eq!(names(folder.path()), ["a name? #1.db"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let bytes = fs::read(&path).unwrap();
    let back = TestDatabase::sqlite();
    let mut source = Source::open_file(&path).unwrap();
    assert_eq!(source.rows(), 2);
    let restored = copy::into_database::<CopyError>(&mut source, &back.config(), &mut |_| (), |_| Ok(())).unwrap();
    drop(source);
    assert_eq!((restored.rows(), names(folder.path()).len()), (2, 1));
    assert!(fs::read(&path).unwrap() == bytes, "the backup was changed");
    assert!(back.read(|conn| user::find(conn, user_id(1))).is_some());
}

fn nothing_is_overwritten(test: &TestDatabase) {
    test.write(user_with_session);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backup.db");
    fs::write(&path, "precious").unwrap();
    assert!(matches!(back_up(test, &path), Err(CopyError::FileExists(named)) if named == path));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    #[cfg(unix)]
    {
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/nonexistent/elsewhere", &link).unwrap();
        assert!(matches!(back_up(test, &link), Err(CopyError::FileExists(_))), "a dangling link is something, too");
    }
    let nowhere = folder.path().join("no such folder/backup.db");
    let error = back_up(test, &nowhere).unwrap_err();
    assert!(matches!(&error, CopyError::File { path, .. } if *path == nowhere), "{error:?}");
    assert!(error.to_string().contains("no such folder"), "{error}");
}

/// Somebody may be quicker; what was made is then in nobody's way.
fn a_backup_that_fails_leaves_no_file(test: &TestDatabase) {
    test.write(user_with_session);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backup.db");
    let mut source = Source::open(&test.config()).unwrap();
    let taken = path.clone();
    let raced = copy::into_file(&mut source, &path, &mut |_| {
        let _ = fs::write(&taken, "quicker");
    });
    assert!(matches!(raced, Err(CopyError::FileExists(_))), "{raced:?}");
    assert_eq!(names(folder.path()), ["backup.db"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "quicker");
}

on_both_databases!(
    a_backup_is_one_private_file_that_reading_does_not_change,
    nothing_is_overwritten,
    a_backup_that_fails_leaves_no_file,
);

/// Whoever names a wrong file is told so.
#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "not a database, but long enough to be taken for one at first sight".repeat(100)).unwrap();
    assert!(matches!(Source::open_file(&path), Err(CopyError::Source(_) | CopyError::Read(_))));
    fs::write(&path, "").unwrap();
    assert!(matches!(Source::open_file(&path), Err(CopyError::SourceOutdated)));
    assert_eq!(names(folder.path()), ["notes.txt"]);
}

/// What is read of a backup is checked by what its columns hold, so that damage isn't taken over.
#[test]
fn a_damaged_row_is_told_by_its_place() {
    let test = TestDatabase::sqlite().migrated();
    test.write(user_with_session);
    test.write(|conn| run(conn, "PRAGMA ignore_check_constraints = ON; UPDATE users SET password_must_change = 2"));
    let folder = tempfile::tempdir().unwrap();
    let damaged = back_up(&test, &folder.path().join("backup.db")).unwrap_err();
    assert!(matches!(damaged, CopyError::Unreadable { table: "users", column: "password_must_change" }), "{damaged:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
