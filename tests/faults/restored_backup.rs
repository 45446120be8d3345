//! A backup that is put back by hand, as docs/database.md says.

use std::path::PathBuf;

use crate::caller::text;
use crate::database::{Backend, TestDatabase};
use crate::process::Launch;
use crate::sql;

/// what was ended since would be alive again.
#[test]
fn all_sessions_are_ended_before_a_restored_backup_is_used() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let launch = Launch::on(&database);
    let mut server = launch.start();
    let ended = server.caller().registered("ended@example.org");
    let goes_on = server.caller().registered("goes-on@example.org");
    let (file, copy) =
        (PathBuf::from(database.url.strip_prefix("sqlite://").unwrap()), database.folder.path().join("copy"));
    sql::execute(&database.url, &format!("VACUUM INTO '{}'", copy.display()));
    let body = serde_json::json!({ "refresh_token": text(&ended, "refresh_token") });
    assert_eq!(server.caller().post("/auth/logout", &body).unwrap().status, 204);
    let newer = server.caller().refresh(&text(&goes_on, "refresh_token")).unwrap().json();
    server.kill();

    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
    }
    std::fs::rename(&copy, &file).unwrap();
    let restored = "count(*) FROM sessions WHERE revoked_at IS NULL";
    assert_eq!(sql::number(&database.url, restored), 2, "the one that was ended is alive again");
    let said = launch.command(&["sessions", "revoke-all", "--after-restore"]);
    assert!(said.contains("sessions 2, "), "{said}");
    let server = launch.start();
    for token in [text(&ended, "refresh_token"), text(&goes_on, "refresh_token"), text(&newer, "refresh_token")] {
        assert_eq!(server.caller().refresh(&token).unwrap().status, 401);
    }
    for person in ["ended@example.org", "goes-on@example.org"] {
        let tokens = server.caller().log_in(person).unwrap().json();
        let access_token = text(&tokens, "access_token");
        assert_eq!(server.caller().get_as(&access_token, "/auth/verify").unwrap().status, 204);
        assert_eq!(server.caller().refresh(&text(&tokens, "refresh_token")).unwrap().status, 200);
    }
}
