//! `auth-server database copy`: moving to another database without anybody being signed out.

use std::sync::Arc;

use crate::contract::{assert_problem, assert_tokens};
use crate::mails::reset_link;
use crate::oauth_world::{World, linked};
use crate::second_factor_app::{protected, sign_in};
use crate::support::{Backend, Ended, Server, ServerOptions, TestDatabase, eventually};

/// With the URL of the target where nobody else sees it.
fn copy(source: &TestDatabase, target: &TestDatabase) -> Ended {
    let options = ServerOptions::default().set("AUTH_COPY_TO_URL", &target.url);
    Server::command(source, options, &["database", "copy"])
}

fn audit_is_whole(database: &TestDatabase) -> bool {
    Server::command(database, ServerOptions::default(), &["audit", "verify"])
        .out
        .ends_with("everything is as it was written\n")
}

/// The cells of the lines of a table.
fn cells(out: &str) -> Vec<Vec<&str>> {
    out.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect()
}

#[track_caller]
fn assert_copied(ended: &Ended) {
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let table = cells(&ended.out);
    assert_eq!(table[0], ["TABLE", "ROWS READ", "CHECKSUM", "ROWS WRITTEN", "CHECKSUM"]);
    let tables: Vec<_> = table[1..].iter().filter(|row| row.len() == 5).collect();
    assert_eq!(tables.len(), 19, "{}", ended.out);
    assert!(tables.iter().all(|row| row[1..3] == row[3..5] && row[2].len() == 16), "{}", ended.out);
    let rows: u64 = tables.iter().map(|row| row[1].parse::<u64>().unwrap()).sum();
    assert!(ended.out.contains(&format!("found to be the same: {rows}\n")), "{}", ended.out);
}

#[test]
fn nobody_is_signed_out_by_a_move_from_sqlite_to_postgresql() {
    if let Some(postgres) = Backend::postgres() {
        move_everybody(&Backend::Sqlite, &postgres);
    }
}

#[test]
fn nobody_is_signed_out_by_a_move_from_postgresql_to_sqlite() {
    if let Some(postgres) = Backend::postgres() {
        move_everybody(&postgres, &Backend::Sqlite);
    }
}

fn move_everybody(from: &Backend, to: &Backend) {
    let world = World::start(from, &[]);
    let server = &world.server;
    let ada = protected(server, "ada@example.org");
    world.link(&ada.tokens, "google");
    assert_eq!(linked(server, &ada.tokens), ["google"]);
    let ended = sign_in(server, &ada);
    let ben = server.register("ben@example.org");
    let ben = assert_tokens(&server.refresh(&ben), 200);
    let reset = reset_link(server, "ben@example.org");
    assert_eq!(server.as_user(&ended).post("/auth/logout", &serde_json::json!({})).status, 204);
    assert_eq!(server.terminate(), Some(0));

    let (source, target) = (world.database(), Arc::new(TestDatabase::new(to)));
    assert_copied(&copy(source, &target));
    let server = &world.on(target);
    for tokens in [&ada.tokens, &ben] {
        assert_eq!(server.as_user(tokens).get("/auth/verify").status, 204);
        assert_eq!(server.as_user(tokens).get("/users/me").status, 200);
    }
    assert_problem(&server.as_user(&ended).get("/users/me"), 401, "session_revoked");
    assert_eq!(server.refresh(&ended).status, 401);
    assert_eq!(linked(server, &ada.tokens), ["google"]);
    let refreshed = assert_tokens(&server.refresh(&ada.tokens), 200);
    assert_eq!(server.as_user(&refreshed).get("/users/me").status, 200);
    assert_tokens(&server.refresh(&ben), 200);
    sign_in(server, &ada);
    let body = serde_json::json!({ "token": reset, "new_password": "another gate of old Thebes" });
    assert_eq!(server.client.post("/auth/password/reset", &body).status, 204);
    assert_eq!(server.client.post("/auth/password/reset", &body).status, 400);
    eventually("the trail goes on", || server.database.count("audit_events WHERE link IS NULL") == 0);
    assert!(audit_is_whole(&server.database) && audit_is_whole(source));
}

/// The form of the issue, and the file of a secret.
#[test]
fn urls_come_from_the_command_line_the_environment_or_a_file() {
    let server = Server::on_sqlite(ServerOptions::default());
    server.register("ada@example.org");
    assert_eq!(server.terminate(), Some(0));
    let source = &server.database;
    let elsewhere = TestDatabase::new(&Backend::Sqlite);
    let target = TestDatabase::new(&Backend::Sqlite);
    let ended = Server::command(
        &elsewhere,
        ServerOptions::default(),
        &["database", "copy", "--from", &source.url, "--to", &target.url],
    );
    assert_copied(&ended);
    assert_eq!(target.count("users"), 1);
    assert!(!elsewhere.folder.path().join("data").exists(), "DATABASE_URL is not touched");

    let target = TestDatabase::new(&Backend::Sqlite);
    let file = target.folder.path().join("url");
    std::fs::write(&file, format!("{}\n", target.url)).unwrap();
    let named = ServerOptions::default().set("AUTH_COPY_TO_URL_FILE", file.to_str().unwrap());
    assert_copied(&Server::command(source, named, &["database", "copy"]));
    assert_eq!(target.count("users"), 1);
}

#[test]
fn what_cannot_be_copied_is_refused_with_the_reason_and_without_a_password() {
    let server = Server::on_sqlite(ServerOptions::default());
    server.register("ada@example.org");
    let source = &server.database;
    let without = Server::command(source, ServerOptions::default(), &["database", "copy"]);
    assert_eq!(without.code, Some(2), "{without:?}");
    assert!(without.err.contains("AUTH_COPY_TO_URL"), "{}", without.err);
    let itself = copy(source, source);
    assert_eq!(itself.code, Some(1), "{itself:?}");
    assert!(itself.err.contains("is not empty") && itself.err.contains("users"), "{}", itself.err);
    assert_eq!(source.count("users"), 1);
    for (to, code) in [
        ("postgres://ada:canary-pw@127.0.0.1:1/auth", 1),
        ("postgres://ada:canary-pw@127.0.0.1:port/auth", 2),
        ("mysql://ada:canary-pw@db/auth", 2),
        ("sqlite::memory:", 1),
    ] {
        let ended = Server::command(source, ServerOptions::default(), &["database", "copy", "--to", to]);
        assert_eq!(ended.code, Some(code), "{to}: {ended:?}");
        assert!(!ended.err.is_empty() && !format!("{ended:?}").contains("canary"), "{ended:?}");
    }
    let missing = TestDatabase::new(&Backend::Sqlite);
    let ended = copy(&missing, &TestDatabase::new(&Backend::Sqlite));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("there is no SQLite database at "), "{}", ended.err);
    assert!(!missing.folder.path().join("data").exists());
}

/// The copy is of one moment all the same; whoever forgot to stop the server is told.
#[test]
fn a_server_that_runs_on_the_source_is_told_of() {
    let server = Server::on_sqlite(ServerOptions::default());
    server.register("ada@example.org");
    eventually("it has a lease", || server.database.count("leases") > 0);
    let target = TestDatabase::new(&Backend::Sqlite);
    let ended = copy(&server.database, &target);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.starts_with("auth-server: a server seems to run on the database that is copied"), "{ended:?}");
    assert_eq!(target.count("leases"), 0);
    server.register("late@example.org");
    assert_eq!((server.database.count("users"), target.count("users")), (2, 1));
}
