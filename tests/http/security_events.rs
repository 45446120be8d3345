//! `/users/me/security-events`

use serde_json::{Value, json};

use crate::calls::log_in;
use crate::contract::{assert_fields, assert_problem, assert_safe};
use crate::jwt::text;
use crate::support::{Client, PASSWORD, Response, Server, on_every_database};

const PATH: &str = "/users/me/security-events";

/// A page, and the cursor of the next one.
#[track_caller]
fn page(client: &Client, query: &str) -> (Vec<Value>, Value) {
    let answer = client.get(&format!("{PATH}{query}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_safe(&answer);
    let body = answer.json();
    assert_fields(&body, &["events", "next_cursor"]);
    let events = body["events"].as_array().unwrap().clone();
    events.iter().for_each(assert_event);
    (events, body["next_cursor"].clone())
}

fn assert_event(event: &Value) {
    let fields = ["id", "at", "event", "outcome", "user_id", "actor_id", "ip", "user_agent", "request_id", "details"];
    assert_fields(event, &fields);
    assert!(["success", "failure"].contains(&text(&event["outcome"])) && event["details"].is_object(), "{event}");
}

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| text(&event["id"])).collect()
}

#[track_caller]
fn assert_refused(answer: &Response, fields: &[&str]) {
    assert_problem(answer, 422, "validation_failed");
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    let refused: Vec<_> = errors.iter().map(|error| text(&error["field"])).collect();
    assert_eq!(refused, fields);
}

fn wrong_guess(server: &Server, email: &str) {
    assert_problem(&log_in(server, email, "not the password"), 401, "invalid_credentials");
}

on_every_database! {
    /// REQ-51
    fn what_happened_is_told_newest_first_and_to_its_user_alone(server: &Server) {
        let ada = server.register("ada@example.org");
        server.register("eve@example.org");
        let client = server.client.header("User-Agent", "Thief/1").header("X-Request-ID", "guess-1");
        let guess = client.post("/auth/login", &json!({ "identifier": "ada@example.org", "password": "a wrong one" }));
        assert_problem(&guess, 401, "invalid_credentials");
        wrong_guess(server, "eve@example.org");
        let (events, next) = page(&server.as_user(&ada), "");
        assert_eq!(next, Value::Null);
        let names: Vec<_> = events.iter().map(|event| text(&event["event"])).collect();
        assert_eq!(names, ["login.failed", "user.registered"]);
        let mut failed = events[0].clone();
        assert!(text(&failed["at"]).ends_with('Z') && text(&failed["at"]) >= text(&events[1]["at"]));
        for unknown in ["id", "at", "details"] {
            failed[unknown] = Value::Null;
        }
        let user = &ada["user"]["id"];
        let expected = json!({
            "id": null, "at": null, "event": "login.failed", "outcome": "failure", "user_id": user, "actor_id": null,
            "ip": "127.0.0.1", "user_agent": "Thief/1", "request_id": "guess-1", "details": null,
        });
        assert_eq!(failed, expected, "from where somebody tries to get in is what the owner has to know");
        assert_eq!((&events[1]["user_id"], &events[1]["actor_id"]), (user, user));
    }

    fn all_pages_are_read_in_order_while_new_events_come(server: &Server) {
        let ada = server.register("ada@example.org");
        (0..8).for_each(|_| wrong_guess(server, "ada@example.org"));
        let me = server.as_user(&ada);
        let (all, next) = page(&me, "?limit=9");
        assert_eq!((all.len(), next), (9, Value::Null), "as many as there are");
        for limit in [1, 2, 4, 8] {
            let mut query = format!("?limit={limit}");
            let mut read = Vec::new();
            // Those that come meanwhile are newer than every page that is still to be read.
            let (newest, _) = page(&me, "?limit=200");
            loop {
                let (events, next) = page(&me, &query);
                assert!(events.len() <= limit);
                read.extend(events);
                assert!(read.len() < 200, "the pages come to no end");
                wrong_guess(server, "ada@example.org");
                let Value::String(cursor) = next else { break };
                // As it came: it needs no escaping.
                query = format!("?cursor={cursor}&limit={limit}");
            }
            assert_eq!(ids(&read), ids(&newest), "{limit}");
        }
    }

    fn a_page_has_fifty_events_and_two_hundred_at_most(server: &Server) {
        let ada = server.register("ada@example.org");
        let id = server.database.id(text(&ada["user"]["id"]));
        let me = server.as_user(&ada);
        for _ in 0..8 {
            // Each of the rows there are once more, under an id of its own.
            let new_id = if server.database.is_postgres() { "gen_random_uuid()" } else { "randomblob(16)" };
            server.database.execute(&format!(
                "INSERT INTO audit_events (id, at, event, outcome, user_id, details)
                 SELECT {new_id}, at, event, outcome, user_id, details FROM audit_events WHERE user_id = {id}"
            ));
        }
        assert_eq!(page(&me, "").0.len(), 50);
        let (events, next) = page(&me, "?limit=200");
        assert_eq!(events.len(), 200);
        let (rest, next) = page(&me, &format!("?limit=200&cursor={}", text(&next)));
        assert_eq!((rest.len(), next), (56, Value::Null));
    }

    fn what_is_no_page_is_refused(server: &Server) {
        let ada = server.register("ada@example.org");
        wrong_guess(server, "ada@example.org");
        let me = server.as_user(&ada);
        let get = |query: &str| me.get(&format!("{PATH}{query}"));
        for limit in ["0", "201", "abc", "", "-1", "1.5", "%2B5", "99999999999999999999"] {
            assert_refused(&get(&format!("?limit={limit}")), &["limit"]);
        }
        let cursor = page(&me, "?limit=1").1;
        let cursor = text(&cursor);
        for garbled in ["", "x", &cursor[1..], &format!("{cursor}{cursor}"), &format!("{cursor}="), "%F0%9F%94%91"] {
            assert_refused(&get(&format!("?cursor={garbled}")), &["cursor"]);
        }
        assert_refused(&get("?limit=0&cursor=x"), &["cursor", "limit"]);
        for malformed in ["?limit=1&limit=1", "?offset=1", "?cursor=%ff"] {
            assert_problem(&get(malformed), 400, "malformed_request");
        }
        assert_problem(&server.client.get(&format!("{PATH}?limit=0")), 401, "not_authenticated");
    }

    /// REQ-40: whoever is gone is told nothing, and another's cursor opens nothing.
    fn after_deletion_nobody_reads_them(server: &Server) {
        let (ada, eve) = (server.register("ada@example.org"), server.register("eve@example.org"));
        wrong_guess(server, "ada@example.org");
        wrong_guess(server, "eve@example.org");
        let cursor = page(&server.as_user(&ada), "?limit=1").1;
        let me = server.as_user(&ada);
        assert_eq!(me.request("DELETE", "/users/me", Some(&json!({ "password": PASSWORD }))).status, 204);
        assert_problem(&me.get(PATH), 401, "session_revoked");
        let (events, _) = page(&server.as_user(&eve), &format!("?cursor={}", text(&cursor)));
        assert!(events.iter().all(|event| event["user_id"] == eve["user"]["id"]), "{events:?}");
    }
}
