//! A server that can't start says why in one line, and with which exit code.

use std::net::TcpListener;

use crate::database::{Backend, TestDatabase};
use crate::process::Launch;
use crate::sql;

const CANNOT_START: i32 = 1;
const CONFIGURATION_FAULT: i32 = 2;

fn on_sqlite() -> (TestDatabase, Launch) {
    let database = TestDatabase::new(&Backend::Sqlite);
    let launch = Launch::on(&database);
    (database, launch)
}

/// Fails unless the start is refused with this code and each of these words, and without a secret.
fn assert_refused(launch: &Launch, code: i32, words: &[&str]) {
    let (actual, said) = launch.refused();
    assert_eq!(actual, code, "{said}");
    for word in words {
        assert!(said.contains(word), "no `{word}` in {said}");
    }
    assert!(!said.contains("hunter2") && !said.contains("panicked"), "{said}");
}

///
#[test]
fn a_database_of_a_newer_version_is_refused() {
    let mut backends = vec![Backend::Sqlite];
    backends.extend(Backend::postgres());
    for backend in backends {
        let database = TestDatabase::new(&backend);
        let launch = Launch::on(&database);
        drop(launch.start());
        sql::execute(&database.url, "INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231')");
        assert_refused(&launch, CANNOT_START, &["99991231", "newer version"]);
    }
}

///
#[test]
fn a_postgres_that_is_not_there_is_told_without_its_password() {
    let (_database, launch) = on_sqlite();
    let launch = launch.set("DATABASE_URL", "postgres://me:hunter2@127.0.0.1:1/auth");
    assert_refused(&launch, CANNOT_START, &["no connection to the database", "127.0.0.1", "refused"]);
}

///
#[test]
fn a_secret_that_did_not_seal_the_keys_is_told() {
    let (_database, launch) = on_sqlite();
    drop(launch.start());
    let other = launch.set("AUTH_SECRET", "hunter2-hunter2-hunter2-0vT5yB2eH7uJ9aZ4c");
    assert_refused(&other, CANNOT_START, &["another AUTH_SECRET"]);
}

///
#[test]
fn a_port_that_is_taken_is_told() {
    let (_database, launch) = on_sqlite();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_refused(&launch.set("AUTH_BIND", &address), CANNOT_START, &[&address, "AUTH_BIND"]);
}

///
#[test]
fn a_database_folder_that_cannot_be_made_is_told() {
    let (database, launch) = on_sqlite();
    let file = database.folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let launch = launch.set("DATABASE_URL", &format!("sqlite://{}/auth.db", file.display()));
    assert_refused(&launch, CANNOT_START, &["SQLite database can't be made"]);
}

///
#[test]
fn a_file_that_is_no_database_is_told_and_left_as_it_is() {
    let (database, launch) = on_sqlite();
    let file = database.folder.path().join("letter.txt");
    let letter = "Dear Ada, ".repeat(1000);
    std::fs::write(&file, &letter).unwrap();
    let launch = launch.set("DATABASE_URL", &format!("sqlite://{}", file.display()));
    assert_refused(&launch, CANNOT_START, &["not a database"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), letter);
}

///
#[test]
fn all_faults_of_the_configuration_are_told_at_once() {
    let (_database, launch) = on_sqlite();
    let launch = launch
        .set("AUTH_BIND", "nowhere")
        .set("AUTH_REFRESH_GRACE", "-1s")
        .set("AUTH_SECRET", "hunter2")
        .set("AUTH_NO_SUCH_SETTING", "1");
    let words = ["AUTH_BIND", "AUTH_REFRESH_GRACE", "AUTH_SECRET", "AUTH_NO_SUCH_SETTING"];
    assert_refused(&launch, CONFIGURATION_FAULT, &words);
}
