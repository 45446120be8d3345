//! What is SQLite's alone: settings, files, a full disk.

use std::thread;

use auth_persistence::{Database, DatabaseConfig, DbConnection, DbError, Hidden, OpenError, email_outbox, user};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::fixture::{MeetingPoint, Place, TestDatabase, run};
use crate::rows::{new_email, new_user, user_id, user_with_session};

#[derive(Debug, PartialEq)]
struct Settings {
    journal_mode: String,
    synchronous: i64,
    foreign_keys: i64,
    busy_timeout: i64,
    query_only: i64,
}

fn settings(connection: &mut DbConnection) -> Result<Settings, DbError> {
    let mut number = |name: &str| -> Result<i64, DbError> {
        Ok(diesel::select(sql::<BigInt>(&format!("* FROM pragma_{name}"))).get_result(connection)?)
    };
    let (synchronous, foreign_keys) = (number("synchronous")?, number("foreign_keys")?);
    let (busy_timeout, query_only) = (number("busy_timeout")?, number("query_only")?);
    let journal_mode = diesel::select(sql::<Text>("* FROM pragma_journal_mode")).get_result(connection)?;
    Ok(Settings { journal_mode, synchronous, foreign_keys, busy_timeout, query_only })
}

/// Power loss must not bring a spent token back (`synchronous=FULL`), on no connection.
#[test]
fn every_connection_has_its_settings() {
    let test = TestDatabase::sqlite();
    let expected = |query_only| Settings {
        journal_mode: "wal".to_owned(),
        synchronous: 2,
        foreign_keys: 1,
        busy_timeout: 5000,
        query_only,
    };
    assert_eq!(test.write(settings), expected(0));
    // Four jobs that wait for each other are on four connections.
    let point = MeetingPoint::default();
    thread::scope(|scope| {
        let jobs = [(); 4].map(|()| {
            let (point, test) = (point.clone(), &test);
            scope.spawn(move || {
                test.read(move |c| {
                    point.meet(4);
                    settings(c)
                })
            })
        });
        for job in jobs {
            assert_eq!(job.join().unwrap(), expected(1));
        }
    });
}

#[test]
fn a_reader_cannot_write() {
    let test = TestDatabase::sqlite().migrated();
    let error = test.database.read_blocking(|c| user::insert(c, &new_user(1))).unwrap_err();
    assert_eq!(error, DbError::Unavailable("read-only"));
}

#[test]
fn a_database_in_memory_reads_what_it_wrote() {
    let database = Database::open(DatabaseConfig::new("sqlite::memory:")).unwrap();
    assert!(database.pending_migrations().unwrap());
    database.migrate().unwrap();
    assert!(!database.pending_migrations().unwrap());
    database.write_blocking(|c| user::insert(c, &new_user(1))).unwrap();
    assert!(database.read_blocking(|c| user::find(c, user_id(1))).unwrap().is_some());
}

/// Mails of 64 KiB until the database says no.
fn fill(connection: &mut DbConnection) -> Result<(), DbError> {
    for number in 0..100 {
        let mut email = new_email(number, None);
        email.payload = Hidden::new("x".repeat(65_536));
        email_outbox::insert(connection, &email)?;
    }
    Ok(())
}

#[test]
fn a_full_disk_refuses_writes_and_heals_without_a_restart() {
    let test = TestDatabase::sqlite().migrated();
    test.write(user_with_session);
    test.write(|c| {
        let pages: i64 = diesel::select(sql::<BigInt>("* FROM pragma_page_count")).get_result(c)?;
        run(c, &format!("PRAGMA max_page_count = {}", pages + 4))
    });
    assert_eq!(test.refused(fill), DbError::Unavailable("disk full"));
    assert!(test.read(|c| user::find(c, user_id(1))).is_some(), "reads go on");
    assert!(test.read(|c| email_outbox::list_for_user(c, user_id(1))).is_empty(), "nothing is written by halves");
    test.write(|c| run(c, "PRAGMA max_page_count = 1000000"));
    test.write(fill);
    let check: String = test.read(|c| Ok(diesel::select(sql::<Text>("* FROM pragma_integrity_check")).get_result(c)?));
    assert_eq!(check, "ok");
}

#[test]
fn a_lock_of_another_process_is_busy() {
    let test = TestDatabase::sqlite().migrated();
    test.write(|c| run(c, "PRAGMA busy_timeout = 1"));
    let other = Database::open(test.config()).unwrap();
    let gate = crate::fixture::Gate::close(&other);
    assert_eq!(test.refused(|c| user::insert(c, &new_user(1))), DbError::Busy);
    gate.open();
    test.write(|c| user::insert(c, &new_user(1)));
}

#[cfg(unix)]
#[test]
fn files_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let test = TestDatabase::sqlite();
    let Place::File(folder) = test.place() else { panic!("a file") };
    let inner = folder.path().join("made/here");
    let database = Database::open(DatabaseConfig::new(format!("sqlite://{}/auth.db", inner.display()))).unwrap();
    database.migrate().unwrap();
    let mode = |name: &str| inner.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("."), 0o700);
    assert_eq!(mode("auth.db"), 0o600);
    assert_eq!(mode("auth.db-wal"), 0o600);
    assert_eq!(mode("auth.db.lock"), 0o600);
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let error = Database::open(DatabaseConfig::new("sqlite:///dev/null/auth.db")).unwrap_err();
    assert!(matches!(error, OpenError::File(_)), "{error:?}");
}
