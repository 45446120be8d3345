//! `auth-server backup` and `auth-server restore`.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use crate::contract::{assert_problem, assert_tokens};
use crate::mails::{reset_link, settle};
use crate::second_factor_app::{EITHER, answer, ask, assert_asked, fresh_code, protected};
use crate::support::{Backend, Ended, PASSWORD, Server, ServerOptions, TestDatabase, eventually, on_every_database};

fn backup_path(database: &TestDatabase) -> PathBuf {
    database.folder.path().join("backup.db")
}

fn back_up(database: &TestDatabase) -> PathBuf {
    let path = backup_path(database);
    let ended = Server::command(database, ServerOptions::default(), &["backup", path.to_str().unwrap()]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.out.starts_with(&format!("backed up in {}, ", path.display())), "{}", ended.out);
    path
}

fn restore(target: &TestDatabase, options: ServerOptions, arguments: &[&str]) -> Ended {
    Server::command(target, options, &[&["restore"], arguments].concat())
}

/// A new database of the kind of `database`.
fn another(database: &TestDatabase) -> Arc<TestDatabase> {
    let kind = if database.is_postgres() { Backend::postgres().unwrap() } else { Backend::Sqlite };
    Arc::new(TestDatabase::new(&kind))
}

fn log_in_is_asked_for_a_code(server: &Server, email: &str) -> String {
    let body = json!({ "identifier": email, "password": PASSWORD });
    assert_asked(&server.client.post("/auth/login", &body), &["totp"])
}

fn reset(server: &Server, token: &str) -> u16 {
    let body = json!({ "token": token, "new_password": "another gate of old Thebes" });
    server.client.post("/auth/password/reset", &body).status
}

on_every_database! {
    /// X-29: what was ended after the backup, and what was spent, doesn't come back with it.
    fn a_restored_backup_revives_no_session_no_link_no_code_and_no_mail(server: &Server) {
        let ada = protected(server, "ada@example.org");
        let goes_on = server.register("ben@example.org");
        let link = reset_link(server, "ben@example.org");
        settle(server);
        let path = back_up(&server.database);
        // After the backup: a session ends, a link and a backup code are spent, a key is thrown away.
        let challenge = ask(server, "ada@example.org");
        let code = &ada.backup_codes[0];
        let late = assert_tokens(&answer(server, &challenge, "backup_code", code), 200);
        assert_eq!(server.as_user(&ada.tokens).post("/auth/logout", &json!({})).status, 204);
        assert_eq!(reset(server, &link), 204);
        server.kill();

        let target = another(&server.database);
        let ended = restore(&target, ServerOptions::default(), &[path.to_str().unwrap()]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
        assert!(ended.out.contains("everybody signs in anew"), "{}", ended.out);
        let server = &Server::start_on(target, ServerOptions::default());
        for tokens in [&ada.tokens, &goes_on, &late] {
            assert_problem(&server.as_user(tokens).get("/users/me"), 401, "token_invalid");
            assert_eq!(server.refresh(tokens).status, 401);
        }
        assert_eq!(reset(server, &link), 400);
        assert!(server.sink().mails().is_empty());
        // The password of then, and the app; its last code may have been used.
        let challenge = log_in_is_asked_for_a_code(server, "ada@example.org");
        let last = ada.app.code();
        assert_problem(&answer(server, &challenge, "totp", &last), 401, "invalid_code");
        assert_problem(&answer(server, &challenge, "backup_code", code), 401, "invalid_code");
        let tokens = assert_tokens(&answer(server, &challenge, "totp", &fresh_code(server, &ada.app)), 200);
        assert_eq!(server.as_user(&tokens).get("/users/me").status, 200);
        assert_tokens(&server.refresh(&tokens), 200);
        server.log_in("ben@example.org");
        let row = r#"audit_events WHERE event = 'admin.sessions_revoked' AND details LIKE '%"restored":true%'"#;
        assert_eq!(server.database.count(row), 1);
        eventually("the trail goes on", || server.database.count("audit_events WHERE link IS NULL") == 0);
        let audit = Server::command(&server.database, ServerOptions::default(), &["audit", "verify"]);
        assert!(audit.out.ends_with("everything is as it was written\n"), "{audit:?}");
    }

    /// A move without a gap: what was true is true.
    fn a_backup_restored_with_its_sessions_is_what_it_was(server: &Server) {
        let ada = protected(server, "ada@example.org");
        let link = reset_link(server, "ada@example.org");
        assert_eq!(server.terminate(), Some(0));
        let path = back_up(&server.database);
        let target = another(&server.database);
        let ended = restore(&target, ServerOptions::default(), &["--keep-sessions", path.to_str().unwrap()]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
        let server = &Server::start_on(target, ServerOptions::default());
        assert_eq!(server.as_user(&ada.tokens).get("/users/me").status, 200);
        assert_tokens(&server.refresh(&ada.tokens), 200);
        let challenge = assert_asked(&server.client.post("/auth/login", &json!({ "identifier": ada.email, "password": PASSWORD })), EITHER);
        assert_tokens(&answer(server, &challenge, "backup_code", &ada.backup_codes[3]), 200);
        assert_eq!(reset(server, &link), 204);
    }

    /// Restored by `pg_restore`, a snapshot of the disk, or by putting the file back.
    fn what_other_means_restored_is_ended_by_a_command(server: &Server) {
        let ada = protected(server, "ada@example.org");
        let link = reset_link(server, "ada@example.org");
        server.kill();
        // As if this database had been restored while no server ran on it.
        let ended = Server::command(&server.database, ServerOptions::default(), &["sessions", "revoke-all", "--after-restore"]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
        assert!(ended.out.contains("sessions 1, links in mails ") && ended.out.contains("backup codes 10, "), "{}", ended.out);
        let server = &Server::start_on(server.database.clone(), ServerOptions::default());
        assert_problem(&server.as_user(&ada.tokens).get("/users/me"), 401, "token_invalid");
        assert_eq!(server.refresh(&ada.tokens).status, 401);
        assert_eq!(reset(server, &link), 400);
        let challenge = log_in_is_asked_for_a_code(server, "ada@example.org");
        assert_tokens(&answer(server, &challenge, "totp", &fresh_code(server, &ada.app)), 200);
    }

    /// Both databases are backed up in the same kind of file, so a backup goes into either.
    fn a_backup_is_made_beside_a_running_server(server: &Server) {
        let tokens = server.register("ada@example.org");
        let path = back_up(&server.database);
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.starts_with(b"SQLite format 3\0"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let refused = Server::command(&server.database, ServerOptions::default(), &["backup", path.to_str().unwrap()]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.err.contains("exists already; nothing is overwritten"), "{}", refused.err);
        let nowhere = Server::command(&server.database, ServerOptions::default(), &["backup", "no/such/folder/backup.db"]);
        assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
        assert!(nowhere.err.contains("no/such/folder/backup.db can't be made"), "{}", nowhere.err);
        assert!(std::fs::read(&path).unwrap() == bytes);
        assert_tokens(&server.refresh(&tokens), 200);
        let into_sqlite = TestDatabase::new(&Backend::Sqlite);
        assert_eq!(restore(&into_sqlite, ServerOptions::default(), &[path.to_str().unwrap()]).code, Some(0));
        assert_eq!(into_sqlite.count("users"), 1);
    }

    fn a_backup_goes_into_an_empty_database_and_with_its_secret_alone(server: &Server) {
        server.register("ada@example.org");
        let path = back_up(&server.database);
        let path = path.to_str().unwrap();
        let full = restore(&server.database, ServerOptions::default(), &[path]);
        assert_eq!(full.code, Some(1), "{full:?}");
        assert!(full.err.contains("is not empty"), "{}", full.err);
        let target = another(&server.database);
        let other = ServerOptions::default().set("AUTH_SECRET", "Q7e2U9t4R1i6O3w8P5y0Ka-Ms-Dz-Fx-Gc");
        for keep in [&["--keep-sessions"][..], &[]] {
            let wrong = restore(&target, other.clone(), &[keep, &[path]].concat());
            assert_eq!(wrong.code, Some(1), "{wrong:?}");
            assert!(wrong.err.contains("another AUTH_SECRET"), "{}", wrong.err);
            assert_eq!(target.count(if target.is_postgres() { "auth.users" } else { "users" }), 0);
        }
        for no_backup in ["no such file", "/"] {
            let ended = restore(&target, ServerOptions::default(), &[no_backup]);
            assert_eq!((ended.code, ended.err.contains("there is no SQLite database at ")), (Some(1), true), "{ended:?}");
        }
        // What was refused can be done right at once.
        assert_eq!(restore(&target, ServerOptions::default(), &[path]).code, Some(0));
        assert_eq!(target.count("users"), 1);
    }
}

/// A secret that nobody has given lies beside the database, and is made if it isn't there: not by a restore.
#[test]
fn a_restore_makes_up_no_secret() {
    let server = Server::on_sqlite(ServerOptions::default());
    server.register("ada@example.org");
    let path = back_up(&server.database);
    let target = TestDatabase::new(&Backend::Sqlite);
    let ended = restore(&target, ServerOptions::default().set("AUTH_SECRET", ""), &[path.to_str().unwrap()]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("there is no secret to open the backup with"), "{}", ended.err);
    assert!(!target.folder.path().join("data").exists());
}
