//! Two servers on one database (REQ-12, T-11, T-20, and the races with two processes).

use serde_json::json;

use crate::contract::{assert_problem, assert_tokens};
use crate::jwt::{Jwt, text};
use crate::support::{PASSWORD, Server, ServerOptions, at_once, eventually, on_every_database};

/// Another server on the same database.
fn another(server: &Server, options: ServerOptions) -> Server {
    Server::start_on(server.database.clone(), options)
}

on_every_database! {
    /// T-20, REQ-12: an access token dies on every instance, without a look at the database per request.
    fn a_session_that_ends_on_one_ends_on_the_other(server: &Server) {
        let other = another(server, ServerOptions::default());
        let tokens = server.register("ada@example.org");
        let kept = other.log_in("ada@example.org");
        for instance in [server, &other] {
            assert_eq!(instance.as_user(&tokens).get("/auth/verify").status, 204);
        }
        assert_eq!(server.as_user(&tokens).send("POST", "/auth/logout", None).status, 204);
        assert_problem(&other.refresh(&tokens), 401, "refresh_token_invalid");
        eventually("the news reach the other instance", || other.as_user(&tokens).get("/auth/verify").status == 401);
        assert_problem(&other.as_user(&tokens).get("/users/me"), 401, "session_revoked");
        assert_eq!(server.as_user(&kept).get("/auth/verify").status, 204);
        assert_eq!(server.as_user(&kept).delete("/users/me").status, 204);
        eventually("a deleted account is news too", || other.as_user(&kept).get("/auth/verify").status == 401);
    }

    /// on two instances at once there is one successor, too.
    fn refreshes_on_both_at_once_get_the_same_successor(server: &Server, ServerOptions::default().set("AUTH_REFRESH_GRACE", "5m")) {
        let other = another(server, ServerOptions::default().set("AUTH_REFRESH_GRACE", "5m"));
        for round in 0..5 {
            let tokens = server.register(&format!("{round}@example.org"));
            let mut successors = at_once(20, |index| {
                let instance = if index % 2 == 0 { server } else { &other };
                loop {
                    let answer = instance.refresh(&tokens);
                    if answer.status != 503 {
                        break assert_tokens(&answer, 200)["refresh_token"].clone();
                    }
                }
            });
            successors.dedup();
            assert_eq!(successors.len(), 1);
        }
        assert_eq!(server.database.count("audit_events WHERE event = 'token.reused'"), 0);
    }

    /// T-11: the same key under another issuer or audience is no token of ours.
    fn a_token_for_another_audience_or_from_another_issuer_is_refused(server: &Server) {
        let tokens = server.register("ada@example.org");
        for (variable, value) in [
            ("AUTH_JWT_AUDIENCE", "https://other.example"),
            ("AUTH_JWT_AUDIENCE", "http://localhost:8080/"),
            ("AUTH_JWT_ISSUER", "HTTP://localhost:8080"),
            ("AUTH_JWT_ISSUER", "https://localhost:8080"),
        ] {
            let other = another(server, ServerOptions::default().set(variable, value));
            let theirs = other.log_in("ada@example.org");
            let claim = if variable == "AUTH_JWT_ISSUER" { "iss" } else { "aud" };
            assert_eq!(Jwt::of(&theirs).claims[claim], value);
            assert_eq!(Jwt::of(&theirs).header, Jwt::of(&tokens).header, "the same key");
            assert_eq!(other.as_user(&theirs).get("/auth/verify").status, 204);
            assert_problem(&server.as_user(&theirs).get("/auth/verify"), 401, "token_invalid");
            assert_problem(&other.as_user(&tokens).get("/auth/verify"), 401, "token_invalid");
            assert_tokens(&server.refresh(&theirs), 200);
        }
    }

    /// T-10: a token that lives longer than is allowed here is past its time.
    fn a_token_that_claims_a_longer_life_than_ours_is_refused(server: &Server) {
        let other = another(server, ServerOptions::default().set("AUTH_ACCESS_TOKEN_TTL", "24h"));
        let tokens = other.register("ada@example.org");
        assert_eq!(tokens["expires_in"], 24 * 3600);
        assert_eq!(other.as_user(&tokens).get("/auth/verify").status, 204);
        assert_problem(&server.as_user(&tokens).get("/auth/verify"), 401, "token_expired");
    }

    /// REQ-01: stronger parameters reach the old hashes at the next sign-in.
    fn a_hash_of_weaker_parameters_is_made_anew_at_the_next_log_in(server: &Server) {
        let tokens = server.register("ada@example.org");
        let hash = || server.database.texts("password_hash", "users").remove(0);
        assert!(hash().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        let stronger = another(server, ServerOptions::default().set("AUTH_ARGON2_MEMORY_KIB", "16").set("AUTH_ARGON2_ITERATIONS", "2"));
        let wrong = json!({ "identifier": "ada@example.org", "password": "wrong wooden gates" });
        assert_problem(&stronger.client.post("/auth/login", &wrong), 401, "invalid_credentials");
        assert!(hash().contains("m=8,"));
        stronger.log_in("ada@example.org");
        assert!(hash().starts_with("$argon2id$v=19$m=16,t=2,p=1$"));
        assert_eq!(crate::audit::count(&server.database, "password.rehashed", text(&tokens["user"]["id"])), 1);
        let login = json!({ "identifier": "ada@example.org", "password": PASSWORD });
        assert_tokens(&stronger.client.post("/auth/login", &login), 200);
        assert_eq!(server.as_user(&tokens).get("/users/me").status, 200, "no session ends by it");
    }

    /// REQ-15: with another algorithm the old tokens stay good, and the new ones are signed by a new key.
    fn another_algorithm_makes_a_new_key_and_keeps_the_old_one(server: &Server) {
        let old = server.register("ada@example.org");
        server.terminate();
        let again = another(server, ServerOptions::default().set("AUTH_JWT_ALGORITHM", "ES256"));
        assert_eq!(again.as_user(&old).get("/auth/verify").status, 204);
        let new = assert_tokens(&again.refresh(&old), 200);
        assert_eq!(Jwt::of(&new).header["alg"], "ES256");
        let keys = again.client.get("/.well-known/jwks.json").json();
        let mut algorithms: Vec<&str> = keys["keys"].as_array().unwrap().iter().map(|key| text(&key["alg"])).collect();
        algorithms.sort_unstable();
        assert_eq!(algorithms, ["ES256", "EdDSA"]);
    }
}
