//! Copying a whole database, between all kinds.

mod file;
mod rows;

use auth_persistence::copy::{self, CopyError, CopyReport, Source};
use auth_persistence::{DatabaseConfig, DatabaseKind, DbConnection, DbError, user};
use diesel::RunQueryDsl as _;
use diesel::dsl::sql;
use diesel::sql_types::BigInt;

use crate::fixture::{Gate, TestDatabase, on_both_databases, run};
use crate::rows::{new_user, user_id, user_with_session};

fn copy_into(source: &DatabaseConfig, target: &DatabaseConfig) -> Result<CopyReport, CopyError> {
    copy::into_database(&mut Source::open(source)?, target, &mut |_| (), |_| Ok(()))
}

fn users(test: &TestDatabase) -> i64 {
    test.read(|conn| Ok(diesel::select(sql::<BigInt>("(SELECT count(*) FROM users)")).get_result(conn)?))
}

/// An empty database of the other kind, where there is one.
fn other(test: &TestDatabase) -> TestDatabase {
    if test.is_sqlite() {
        TestDatabase::empty_postgres().unwrap_or_else(TestDatabase::sqlite)
    } else {
        TestDatabase::sqlite()
    }
}

#[test]
fn every_row_of_every_table_is_the_same_after_a_copy_to_postgresql_and_back() {
    for seed in 1..=3 {
        there_and_back(seed);
    }
}

fn there_and_back(seed: u64) {
    let first = TestDatabase::sqlite().migrated();
    first.write(move |conn| rows::fill(conn, 24, seed));
    let there = TestDatabase::empty_postgres().unwrap_or_else(TestDatabase::sqlite);
    let report = copy_into(&first.config(), &there.config()).unwrap();
    assert!(report.is_same() && report.tables.iter().all(|table| table.source.rows() > 0), "{report:?}");
    let back = TestDatabase::sqlite();
    let report_back = copy_into(&there.config(), &back.config()).unwrap();
    assert_eq!(report, report_back, "a table has the same checksum on either database");
    let (before, after) = (first.read(rows::dump), back.read(rows::dump));
    assert_eq!(before.len() as u64, report.rows());
    assert!(before == after, "first difference: {:?}", before.iter().zip(&after).find(|(one, other)| one != other));
}

/// PostgreSQL → PostgreSQL
#[test]
fn postgresql_is_copied_into_postgresql() {
    let Some(source) = TestDatabase::postgres() else { return };
    source.write(user_with_session);
    let target = TestDatabase::empty_postgres().unwrap();
    assert_eq!(copy_into(&source.config(), &target.config()).unwrap().rows(), 2);
    assert_eq!(users(&target), 1);
}

/// Of many rows none is lost between statements.
fn tables_of_more_rows_than_a_statement_takes_are_copied_whole(test: &TestDatabase) {
    test.write(|conn| (1..=1201).try_for_each(|number| user::insert(conn, &new_user(number))));
    let (target, mut told) = (other(test), Vec::new());
    let mut source = Source::open(&test.config()).unwrap();
    assert_eq!(source.rows(), 1201);
    let report =
        copy::into_database::<CopyError>(&mut source, &target.config(), &mut |rows| told.push(rows), |_| Ok(()))
            .unwrap();
    assert_eq!((report.rows(), users(&target)), (1201, 1201));
    assert_eq!(told.iter().sum::<u64>(), 1201);
    assert!(told.contains(&500) && told.contains(&201), "{told:?}");
}

/// What is committed after the snapshot isn't in the copy, and doesn't have to wait for it.
fn a_source_is_as_it_was_when_it_was_opened(test: &TestDatabase) {
    test.write(user_with_session);
    let mut source = Source::open(&test.config()).unwrap();
    test.write(|conn| user::insert(conn, &new_user(2)));
    test.write(|conn| user::delete(conn, user_id(1)));
    let target = other(test);
    let report = copy::into_database::<CopyError>(&mut source, &target.config(), &mut |_| (), |_| Ok(())).unwrap();
    assert_eq!(report.rows(), 2);
    let found = target.read(|conn| Ok((user::find(conn, user_id(1))?, user::find(conn, user_id(2))?)));
    assert!(found.0.is_some() && found.1.is_none());
}

fn a_target_with_rows_is_refused_and_left_as_it_is(test: &TestDatabase) {
    test.write(user_with_session);
    let target = other(test).migrated();
    target.write(|conn| user::insert(conn, &new_user(7)));
    let refused = copy_into(&test.config(), &target.config()).unwrap_err();
    assert!(matches!(&refused, CopyError::TargetNotEmpty { tables } if tables == &["users"]), "{refused:?}");
    assert_eq!(users(&target), 1);
    let itself = copy_into(&test.config(), &test.config()).unwrap_err();
    assert!(matches!(itself, CopyError::TargetNotEmpty { .. }), "{itself:?}");
    assert_eq!(users(test), 1);
}

/// The database of a running server of an older version, named by mistake.
fn a_target_of_an_older_version_is_refused_and_not_migrated(test: &TestDatabase) {
    test.write(user_with_session);
    let target = other(test).migrated();
    target.write(user_with_session);
    target.write(|c| run(c, "DELETE FROM __diesel_schema_migrations WHERE version = '0006'"));
    let refused = copy_into(&test.config(), &target.config()).unwrap_err();
    assert!(matches!(refused, CopyError::TargetNotEmpty { .. }), "{refused:?}");
    assert!(target.database.pending_migrations().unwrap());
}

/// What failed can be begun again: the target is as empty as before.
fn a_copy_that_fails_at_its_end_leaves_nothing(test: &TestDatabase) {
    test.write(user_with_session);
    let target = other(test);
    let fail = |conn: &mut DbConnection| {
        user::insert(conn, &new_user(9)).unwrap();
        Err(CopyError::Write(DbError::Busy))
    };
    let mut source = Source::open(&test.config()).unwrap();
    let failed = copy::into_database(&mut source, &target.config(), &mut |_| (), fail).unwrap_err();
    assert!(matches!(failed, CopyError::Write(DbError::Busy)), "{failed:?}");
    assert_eq!(users(&target), 0);
    // The same snapshot, and another one.
    assert!(
        copy::into_database::<CopyError>(&mut source, &target.config(), &mut |_| (), |_| Ok(())).unwrap().is_same()
    );
    assert_eq!(users(&target), 1);
    assert!(matches!(copy_into(&test.config(), &target.config()), Err(CopyError::TargetNotEmpty { .. })));
}

/// Something in the target's database that bends what is written, seen because all of it is read again.
fn a_copy_that_is_not_the_same_is_told_and_taken_back(test: &TestDatabase) {
    test.write(user_with_session);
    let target = other(test).migrated();
    let bend = if target.is_sqlite() {
        "CREATE TRIGGER bend AFTER INSERT ON users BEGIN UPDATE users SET updated_at = updated_at + 1 WHERE id = NEW.id; END"
    } else {
        "CREATE FUNCTION bend() RETURNS trigger LANGUAGE plpgsql AS \
         $$BEGIN NEW.updated_at = NEW.updated_at + interval '1 microsecond'; RETURN NEW; END$$; \
         CREATE TRIGGER bend BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION bend()"
    };
    target.write(move |conn| run(conn, bend));
    let changed = copy_into(&test.config(), &target.config()).unwrap_err();
    assert!(changed.to_string().contains("not the same as the original in users, and was taken back"), "{changed}");
    let CopyError::Differs(report) = changed else { panic!("{changed:?}") };
    assert!(!report.is_same());
    assert_eq!((report.different(), users(&target)), (vec!["users"], 0));
}

/// A server that starts on the target while it is filled waits, and finds all of it.
fn a_server_that_starts_on_the_target_waits_for_the_copy(test: &TestDatabase) {
    test.write(user_with_session);
    let target = other(test);
    let (began, has_begun) = std::sync::mpsc::channel();
    let (go_on, goes_on) = std::sync::mpsc::channel::<()>();
    let (from, to) = (test.config(), target.config());
    let copying = std::thread::spawn(move || {
        copy::into_database::<CopyError>(&mut Source::open(&from).unwrap(), &to, &mut |_| (), |_| {
            began.send(()).unwrap();
            goes_on.recv().unwrap();
            Ok(())
        })
    });
    has_begun.recv().unwrap();
    let starting = target.database.clone();
    let starter = std::thread::spawn(move || {
        starting.with_startup_lock(|conn| Ok::<_, auth_persistence::OpenError>(user::find(conn, user_id(1))?))
    });
    go_on.send(()).unwrap();
    assert!(copying.join().unwrap().unwrap().is_same());
    assert!(starter.join().unwrap().unwrap().is_some(), "it has waited");
}

/// A long transaction of the source's servers doesn't hold it up, nor the other way round.
fn a_copy_reads_beside_a_writer(test: &TestDatabase) {
    test.write(user_with_session);
    // Made before: a job is given up after eight seconds.
    let target = other(test);
    let gate = Gate::close(&test.database);
    assert_eq!(copy_into(&test.config(), &target.config()).unwrap().rows(), 2);
    gate.open();
}

fn a_source_that_lacks_migrations_is_refused_and_left_as_it_is(test: &TestDatabase) {
    let _ = test;
    let empty = TestDatabase::sqlite();
    let refused = copy_into(&empty.config(), &other(&empty).config()).unwrap_err();
    assert!(matches!(refused, CopyError::SourceOutdated), "{refused:?}");
    assert!(empty.database.pending_migrations().unwrap());
    let forget =
        "DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)";
    test.write(move |conn| run(conn, forget));
    let refused = copy_into(&test.config(), &other(test).config()).unwrap_err();
    assert!(matches!(refused, CopyError::SourceOutdated), "{refused:?}");
}

fn a_database_of_a_newer_version_is_refused_on_either_side(test: &TestDatabase) {
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')";
    test.write(move |conn| run(conn, newer));
    let there = other(test).migrated();
    assert!(matches!(copy_into(&test.config(), &there.config()), Err(CopyError::Source(_))));
    assert!(matches!(copy_into(&there.config(), &test.config()), Err(CopyError::Target(_))));
}

on_both_databases!(
    tables_of_more_rows_than_a_statement_takes_are_copied_whole,
    a_source_is_as_it_was_when_it_was_opened,
    a_target_with_rows_is_refused_and_left_as_it_is,
    a_target_of_an_older_version_is_refused_and_not_migrated,
    a_copy_that_fails_at_its_end_leaves_nothing,
    a_copy_that_is_not_the_same_is_told_and_taken_back,
    a_server_that_starts_on_the_target_waits_for_the_copy,
    a_copy_reads_beside_a_writer,
    a_source_that_lacks_migrations_is_refused_and_left_as_it_is,
    a_database_of_a_newer_version_is_refused_on_either_side,
);

/// A value that the other database has not is told by its place, never cut or bent.
#[test]
fn what_postgresql_cannot_hold_is_told_and_nothing_is_copied() {
    let Some(target) = TestDatabase::empty_postgres() else { return };
    for (change, place) in [
        ("UPDATE users SET display_name = 'a' || char(0) || 'b'", ("users", "display_name")),
        ("UPDATE users SET last_login_at = -9223372036854775808", ("users", "last_login_at")),
        ("UPDATE users SET last_login_at = -210866803200000001", ("users", "last_login_at")),
        ("UPDATE users SET avatar_url = CAST(x'ff' AS TEXT)", ("users", "avatar_url")),
    ] {
        let source = TestDatabase::sqlite().migrated();
        source.write(user_with_session);
        source.write(move |conn| run(conn, change));
        let refused = copy_into(&source.config(), &target.config()).unwrap_err();
        let (CopyError::Unwritable { table, column } | CopyError::Unreadable { table, column }) = refused else {
            panic!("{change}: {refused:?}")
        };
        assert_eq!((table, column), place, "{change}");
        assert_eq!(users(&target), 0);
        if !change.contains("x'ff'") {
            copy_into(&source.config(), &TestDatabase::sqlite().config()).expect("SQLite holds it");
        }
    }
    assert_eq!(target.database.kind(), DatabaseKind::Postgres);
}

/// A copy that only reads makes nothing, not even the file that it was to read.
#[test]
fn a_source_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/auth.db");
    let missing = DatabaseConfig::new(format!("sqlite://{}", path.display()));
    assert!(matches!(Source::open(&missing), Err(CopyError::NoSource(named)) if named == path));
    assert!(matches!(Source::open_file(&path), Err(CopyError::NoSource(_))));
    assert!(matches!(Source::open(&DatabaseConfig::new("sqlite::memory:")), Err(CopyError::InMemory)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let source = TestDatabase::sqlite().migrated();
    assert!(matches!(copy_into(&source.config(), &DatabaseConfig::new("sqlite::memory:")), Err(CopyError::InMemory)));
}
