//! `/admin/audit`

use serde_json::{Value, json};

use crate::admin_calls::{ADA, EVE, ROOT, administrator, change, id_of};
use crate::calls::log_in;
use crate::contract::{assert_fields, assert_problem, assert_refused_fields, assert_safe};
use crate::jwt::text;
use crate::support::{Client, Server, on_every_database};

#[track_caller]
fn page(client: &Client, query: &str) -> (Vec<Value>, Value) {
    let answer = client.get(&format!("/admin/audit{query}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_safe(&answer);
    let body = answer.json();
    assert_fields(&body, &["events", "next_cursor"]);
    (body["events"].as_array().unwrap().clone(), body["next_cursor"].clone())
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| text(&event["event"])).collect()
}

on_every_database! {
    /// REQ-42, REQ-51, Z-11: what an administrator did is on record with both.
    fn the_trail_is_read_by_whom_what_and_when(server: &Server) {
        let (root, ada) = (administrator(server, ROOT), server.register(ADA));
        server.register(EVE);
        log_in(server, ADA, "not the password");
        let changing = server.as_user(&root).header("User-Agent", "Console/1").header("X-Request-ID", "change-1");
        let body = json!({ "role": "admin", "display_name": "Ada" });
        assert_eq!(changing.patch(&format!("/admin/users/{}", id_of(&ada)), &body).status, 200);
        let admin = server.as_user(&root);
        let (events, _) = page(&admin, &format!("?user_id={}", id_of(&ada)));
        assert_eq!(names(&events), ["admin.user_changed", "login.failed", "user.registered"]);
        let mut changed = events[0].clone();
        for unknown in ["id", "at"] {
            changed[unknown] = Value::Null;
        }
        assert_eq!(changed, json!({
            "id": null, "at": null, "event": "admin.user_changed", "outcome": "success", "user_id": id_of(&ada),
            "actor_id": id_of(&root), "ip": "127.0.0.1", "user_agent": "Console/1", "request_id": "change-1",
            "details": { "fields": ["display_name"], "role": { "from": "user", "to": "admin" } },
        }));
        assert_eq!(names(&page(&admin, "?event=login.failed").0), ["login.failed"]);
        assert_eq!(names(&page(&admin, &format!("?event=user.registered&user_id={}", id_of(&ada))).0), ["user.registered"]);
        let (all, _) = page(&admin, "");
        let registered = all.iter().filter(|event| event["event"] == "user.registered").count();
        assert_eq!((all[0]["event"].as_str(), registered), (Some("admin.user_changed"), 3));

        let at = text(&events[1]["at"]);
        let (since, _) = page(&admin, &format!("?from={at}"));
        assert_eq!(names(&since), ["admin.user_changed", "login.failed"]);
        let (before, _) = page(&admin, &format!("?to={at}"));
        assert_eq!(before.len() + since.len(), all.len());
        let (first, cursor) = page(&admin, "?limit=1");
        let (rest, end) = page(&admin, &format!("?limit=200&cursor={}", text(&cursor)));
        assert_eq!(([first, rest].concat(), end), (all, Value::Null));
    }

    fn what_is_no_search_is_refused(server: &Server) {
        let root = administrator(server, ROOT);
        let get = |query: &str| server.as_user(&root).get(&format!("/admin/audit{query}"));
        for (query, field, code) in [
            ("?user_id=x", "user_id", "invalid_user_id"), ("?user_id=", "user_id", "invalid_user_id"),
            ("?event=login", "event", "invalid_event"), ("?event=", "event", "invalid_event"),
            ("?from=yesterday", "from", "invalid_from"), ("?to=2026-03-01", "to", "invalid_to"),
            ("?to=2026-03-01T12:00:00+01:00", "to", "invalid_to"), ("?limit=0", "limit", "invalid_limit"),
        ] {
            assert_refused_fields(&get(query), &[(field, code)]);
        }
        assert_eq!(get("?to=2026-03-01T12:00:00%2B01:00").status, 200);
        assert_eq!(get("?event=keys.rotated").json()["events"], json!([]));
        for malformed in ["?actor_id=x", "?event=logout&event=logout", "?outcome=failure", "?from=%ff"] {
            assert_problem(&get(malformed), 400, "malformed_request");
        }
    }

    /// REQ-42: what nobody may see isn't there either.
    fn what_an_administrator_did_is_told_to_whom_it_concerns(server: &Server) {
        let (root, ada) = (administrator(server, ROOT), server.register(ADA));
        assert_eq!(change(server, &root, &ada, &json!({ "premium_until": "2099-01-01T00:00:00Z" })).status, 200);
        let events = server.as_user(&ada).get("/users/me/security-events").json();
        let event = &events["events"][0];
        assert_eq!((&event["event"], &event["actor_id"]), (&json!("admin.user_changed"), &root["user"]["id"]));
    }
}
