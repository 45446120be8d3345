//! `/users/me/sessions`

use serde_json::{Value, json};

use crate::audit;
use crate::contract::{assert_fields, assert_problem, assert_safe, assert_session, assert_tokens, without_id_and_time};
use crate::jwt::{Jwt, text};
use crate::support::{Client, PASSWORD, Server, on_every_database};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

fn list(client: &Client) -> Vec<Value> {
    let answer = client.get("/users/me/sessions");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_safe(&answer);
    let body = answer.json();
    assert_fields(&body, &["count", "sessions"]);
    let sessions = body["sessions"].as_array().unwrap().clone();
    assert_eq!(body["count"], sessions.len());
    sessions.iter().for_each(assert_session);
    sessions
}

fn session_of(tokens: &Value) -> String {
    text(&Jwt::of(tokens).claims["sid"]).to_owned()
}

fn path_of(tokens: &Value) -> String {
    format!("/users/me/sessions/{}", session_of(tokens))
}

on_every_database! {
    /// REQ-13
    fn the_list_tells_each_session_and_which_is_mine(server: &Server) {
        let first = server.register("ada@example.org");
        let body = json!({ "identifier": "ada@example.org", "password": PASSWORD });
        let second = server.client.header("User-Agent", FIREFOX).post("/auth/login", &body);
        let second = assert_tokens(&second, 200);
        server.register("eve@example.org");
        let sessions = list(&server.as_user(&second));
        let ids: Vec<&str> = sessions.iter().map(|session| text(&session["id"])).collect();
        assert_eq!(ids, [session_of(&second), session_of(&first)], "newest first");
        assert_eq!((&sessions[0]["current"], &sessions[1]["current"]), (&json!(true), &json!(false)));
        assert_eq!(sessions[0]["user_agent"], FIREFOX);
        assert_eq!(sessions[0]["device"], "Firefox on Linux");
        assert_eq!((&sessions[1]["user_agent"], &sessions[1]["device"]), (&Value::Null, &Value::Null));
        assert!(sessions.iter().all(|session| session["ip"] == "127.0.0.1" && session["auth_methods"] == json!(["pwd"])));
        assert_eq!(list(&server.as_user(&first))[1]["current"], json!(true));
    }

    /// REQ-13, T-20
    fn revoking_one_ends_it_at_once_and_leaves_the_others(server: &Server) {
        let (first, second) = (server.register("ada@example.org"), server.log_in("ada@example.org"));
        let answer = server.as_user(&second).delete(&path_of(&first));
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{answer:?}");
        assert_safe(&answer);
        assert_problem(&server.as_user(&first).get("/users/me"), 401, "session_revoked");
        assert_problem(&server.refresh(&first), 401, "refresh_token_invalid");
        assert_eq!(list(&server.as_user(&second)).len(), 1);
        assert_problem(&server.as_user(&second).delete(&path_of(&first)), 404, "not_found");
        assert_eq!(audit::count(&server.database, "session.revoked", text(&first["user"]["id"])), 1);
        assert_eq!(server.as_user(&second).delete(&path_of(&second)).status, 204, "my own, too");
        assert_problem(&server.as_user(&second).get("/users/me"), 401, "session_revoked");
    }

    /// REQ-13, T-20
    fn revoking_the_others_keeps_mine(server: &Server) {
        let mine = server.register("ada@example.org");
        let others = [server.log_in("ada@example.org"), server.log_in("ada@example.org")];
        let stranger = server.register("eve@example.org");
        for _ in 0..2 {
            assert_eq!(server.as_user(&mine).delete("/users/me/sessions").status, 204);
        }
        for other in &others {
            assert_problem(&server.as_user(other).get("/users/me"), 401, "session_revoked");
            assert_problem(&server.refresh(other), 401, "refresh_token_invalid");
        }
        assert_eq!(list(&server.as_user(&mine)).len(), 1);
        assert_eq!(list(&server.as_user(&stranger)).len(), 1);
        assert_tokens(&server.refresh(&mine), 200);
    }

    /// an id tells nobody whether it exists.
    fn another_s_session_an_unknown_and_a_malformed_id_get_the_same_answer(server: &Server) {
        let (mine, stranger) = (server.register("ada@example.org"), server.register("eve@example.org"));
        let me = server.as_user(&mine);
        let other = me.delete(&path_of(&stranger));
        assert_problem(&other, 404, "not_found");
        let braced = format!("%7B{}%7D", session_of(&mine));
        let bare = session_of(&mine).replace('-', "");
        let user = text(&mine["user"]["id"]).to_owned();
        let unknown = ["01890000-0000-7000-8000-000000000000", "00000000-0000-0000-0000-000000000000"];
        let malformed = ["x", "1", "%00", "..%2f", "'%20OR%201=1--", "%F0%9F%94%91", &braced, &bare, &user];
        for id in unknown.iter().chain(&malformed) {
            let answer = me.delete(&format!("/users/me/sessions/{id}"));
            assert_eq!(without_id_and_time(&answer), without_id_and_time(&other), "{id}");
        }
        assert_eq!(server.as_user(&stranger).get("/users/me").status, 200);
        assert_eq!(me.get("/users/me").status, 200);
    }

    /// shown later in lists, so it is kept short, printable and on one line.
    fn a_strange_user_agent_is_cut_and_cleaned(server: &Server) {
        server.register("ada@example.org");
        let log_in = |agent: &[u8]| {
            let body = json!({ "identifier": "ada@example.org", "password": PASSWORD });
            let tokens = assert_tokens(&server.client.header("User-Agent", agent).post("/auth/login", &body), 200);
            list(&server.as_user(&tokens))[0]["user_agent"].clone()
        };
        let html = "<script>alert(1)</script>\"'&";
        assert_eq!(log_in(html.as_bytes()), html);
        assert_eq!(log_in("Ünïcode/1 🔑".as_bytes()), "Ünïcode/1 🔑");
        for agent in [&b"\xff\xfe\x80 binary"[..], b"tab\there", &b"\xc3\xa9".repeat(10_000), &b"x".repeat(30_000)] {
            let kept = log_in(agent);
            let kept = text(&kept);
            assert!(!kept.is_empty() && kept.len() <= 256 && !kept.chars().any(char::is_control), "{kept:?}");
        }
        assert_eq!(log_in(b""), Value::Null);
    }
}
