//! The audit trail as it lies in the database, and `auth-server audit verify` beside a running server (REQ-51).

use serde_json::Value;

use crate::support::{Ended, Server, ServerOptions, TestDatabase, eventually, on_every_database};

/// How many rows there are of `event` about the user with this id.
pub(crate) fn count(database: &TestDatabase, event: &str, user: &str) -> i64 {
    database.count(&format!("audit_events WHERE event = '{event}' AND user_id = {}", database.id(user)))
}

fn audit(server: &Server, arguments: &[&str]) -> Ended {
    Server::command(&server.database, ServerOptions::default(), &[&["audit"], arguments].concat())
}

#[track_caller]
fn assert_whole(ended: &Ended) {
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.out.ends_with("everything is as it was written\n"), "{}", ended.out);
}

/// Exit code 1, and `words` both in the list and in the last word.
#[track_caller]
fn assert_told(ended: &Ended, words: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains(words), "{words}: {}", ended.out);
    assert!(ended.err.starts_with("auth-server: the audit trail is not as it was written: "), "{}", ended.err);
    assert!(ended.err.contains(words), "{words}: {}", ended.err);
}

fn wait_until_linked(server: &Server) {
    eventually("all is linked", || {
        server.database.count("audit_events WHERE link IS NULL") == 0 && server.database.count("audit_events") > 0
    });
}

/// The id of the event in this place.
fn id_at(database: &TestDatabase, place: u32) -> String {
    let text = if database.is_postgres() { "id::text" } else { "lower(hex(id))" };
    let digits = database.texts(text, &format!("audit_events WHERE sequence = {place}")).remove(0).replace('-', "");
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}

/// What the log says to be signed, the last first.
fn logged_checkpoints(server: &Server) -> Vec<String> {
    let lines = server.log();
    let lines = lines.iter().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| Some(line["checkpoint"].as_str()?.to_owned())).collect()
}

on_every_database! {
    fn a_change_of_the_trail_is_told_by_its_row(server: &Server) {
        server.register("ada@example.org");
        server.log_in("ada@example.org");
        server.log_in("ada@example.org");
        wait_until_linked(server);
        assert_whole(&audit(server, &["verify"]));

        let (second, database) = (id_at(&server.database, 2), &server.database);
        database.execute("CREATE TABLE kept AS SELECT * FROM audit_events");
        database.execute("UPDATE audit_events SET ip = '192.0.2.8' WHERE sequence = 2");
        assert_told(&audit(server, &["verify"]), &format!("event {second} (place 2) was changed"));
        database.execute("DELETE FROM audit_events WHERE sequence = 2");
        assert_told(&audit(server, &["verify"]), "the event in place 2 was removed");
        database.execute("INSERT INTO audit_events SELECT * FROM kept WHERE sequence = 2");
        assert_whole(&audit(server, &["verify"]));
        database.execute("DROP TABLE kept");
    }

    fn an_account_that_is_deleted_leaves_the_trail_whole(server: &Server) {
        let ada = server.register("ada@example.org");
        wait_until_linked(server);
        assert_eq!(server.as_user(&ada).delete("/users/me").status, 204);
        assert_whole(&audit(server, &["verify"]));
        wait_until_linked(server);
        let ended = audit(server, &["verify"]);
        assert_whole(&ended);
        assert!(ended.out.contains("since the account was deleted: 1\n"), "{}", ended.out);
    }

    /// The log has what tells that the last events are gone.
    fn a_checkpoint_of_the_log_tells_that_the_end_was_cut_off(server: &Server) {
        server.register("ada@example.org");
        wait_until_linked(server);
        let database = &server.database;
        for table in ["audit_events", "audit_chain", "audit_checkpoints"] {
            database.execute(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}"));
        }
        server.log_in("ada@example.org");
        assert_eq!(server.terminate(), Some(0));
        eventually("a stop is said", || logged_checkpoints(server).len() >= 2);
        let checkpoint = logged_checkpoints(server).remove(0);
        assert!(checkpoint.starts_with("2:"), "{checkpoint}");
        assert_whole(&audit(server, &["verify", "--checkpoint", &checkpoint]));
        for table in ["audit_events", "audit_chain", "audit_checkpoints"] {
            database.execute(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}"));
            database.execute(&format!("DROP TABLE kept_{table}"));
        }
        let ended = audit(server, &["verify"]);
        assert_whole(&ended);
        assert!(ended.out.contains("whether the last events were cut off is not known"), "{}", ended.out);
        let ended = audit(server, &["verify", "--checkpoint", &checkpoint]);
        assert_told(&ended, "there is a checkpoint of place 2, but the chain ends in place 1");
        let key = audit(server, &["checkpoint-key"]);
        assert_eq!((key.code, key.out.trim_end().len()), (Some(0), 43), "{key:?}");
        let said = server.log().iter().any(|line| line.contains(key.out.trim_end()));
        assert!(said, "the log names the key of its checkpoints");
    }
}

/// Nothing is made where no server has run.
#[test]
fn a_database_without_a_server_has_no_trail() {
    let database = TestDatabase::new(&crate::support::Backend::Sqlite);
    let ended = Server::command(&database, ServerOptions::default(), &["audit", "verify"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("there are no keys yet"), "{ended:?}");
}
