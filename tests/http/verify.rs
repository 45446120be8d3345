//! `GET /auth/verify`

use serde_json::json;

use crate::contract::{assert_problem, assert_safe};
use crate::jwt::Jwt;
use crate::support::{Server, on_every_database};

on_every_database! {
    /// REQ-16: what a reverse proxy passes on to the service behind it.
    fn a_good_token_is_answered_with_who_it_is(server: &Server) {
        let tokens = server.register("ada@example.org");
        let answer = server.as_user(&tokens).get("/auth/verify");
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{answer:?}");
        assert_safe(&answer);
        let claims = Jwt::of(&tokens).claims;
        assert_eq!(answer.header("x-auth-user"), tokens["user"]["id"].as_str());
        assert_eq!(answer.header("x-auth-role"), Some("user"));
        assert_eq!(answer.header("x-auth-session"), claims["sid"].as_str());
    }

    /// What the client sends under those names is never passed on.
    fn a_refusal_names_nobody(server: &Server) {
        let tokens = server.register("ada@example.org");
        let liar = server.client.header("X-Auth-User", tokens["user"]["id"].as_str().unwrap()).header("X-Auth-Role", "admin");
        let refused = [liar.get("/auth/verify"), liar.bearer("x").get("/auth/verify")];
        assert_problem(&refused[0], 401, "not_authenticated");
        assert_problem(&refused[1], 401, "token_invalid");
        assert!(refused.iter().all(|answer| answer.headers.keys().all(|name| !name.starts_with("x-auth"))));
        assert_problem(&server.as_user(&tokens).post("/auth/verify", &json!({})), 405, "method_not_allowed");
    }

    /// REQ-12: the answer needs no database.
    fn it_does_no_input_or_output(server: &Server) {
        let tokens = server.register("ada@example.org");
        server.database.execute("ALTER TABLE users RENAME TO users_away; ALTER TABLE sessions RENAME TO sessions_away");
        assert_eq!(server.as_user(&tokens).get("/auth/verify").status, 204);
    }
}
