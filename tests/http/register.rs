//! `POST /auth/register`

use serde_json::{Value, json};

use crate::audit;
use crate::contract::{assert_problem, assert_refused_fields, assert_tokens};
use crate::support::{PASSWORD, Response, Server, at_once, on_every_database};

fn register(server: &Server, body: &Value) -> Response {
    server.client.post("/auth/register", body)
}

on_every_database! {
    /// REQ-04, REQ-44
    fn answers_tokens_that_work_and_the_user(server: &Server) {
        let body = json!({
            "email": " Ada.Lovelace@Bücher.example ", "password": PASSWORD, "username": "Ada_L", "display_name": "Ada  L."
        });
        let tokens = assert_tokens(&register(server, &body), 201);
        assert_eq!(tokens["expires_in"], 900);
        let user = &tokens["user"];
        for (field, value) in [
            ("email", json!("Ada.Lovelace@Bücher.example")),
            ("username", json!("Ada_L")),
            ("display_name", json!("Ada  L.")),
            ("role", json!("user")),
            ("is_active", json!(true)),
            ("has_password", json!(true)),
            ("email_verified", json!(false)),
            ("is_premium", json!(false)),
            ("password_must_change", json!(false)),
            ("mfa_enabled", json!(false)),
            ("avatar_url", Value::Null),
            ("premium_until", Value::Null),
            ("updated_at", user["created_at"].clone()),
        ] {
            assert_eq!(user[field], value, "{field}");
        }
        assert!(user["last_login_at"].as_str() >= user["created_at"].as_str(), "{user}");
        assert_eq!(server.as_user(&tokens).get("/users/me").json(), *user);
        assert_eq!(assert_tokens(&server.refresh(&tokens), 200)["user"], *user);
        assert_eq!(audit::count(&server.database, "user.registered", user["id"].as_str().unwrap()), 1);
    }

    /// REQ-04: a minimum of fields, and `null` for the others.
    fn username_and_display_name_may_be_missing(server: &Server) {
        let tokens = assert_tokens(&register(server, &json!({ "email": "a@example.org", "password": PASSWORD })), 201);
        assert_eq!((&tokens["user"]["username"], &tokens["user"]["display_name"]), (&Value::Null, &Value::Null));
        let body = json!({ "email": "b@example.org", "password": PASSWORD, "username": null, "display_name": null });
        assert_tokens(&register(server, &body), 201);
    }

    /// REQ-04
    fn an_address_or_username_that_is_taken_in_any_spelling_is_a_conflict(server: &Server) {
        let body = json!({ "email": "Anné@bücher.example", "password": PASSWORD, "username": "bob" });
        assert_tokens(&register(server, &body), 201);
        for email in ["ANNÉ@BÜCHER.EXAMPLE", "anne\u{301}@xn--bcher-kva.example", " anné@bücher.example\t"] {
            let body = json!({ "email": email, "password": PASSWORD, "username": "someone" });
            assert_problem(&register(server, &body), 409, "email_taken");
        }
        for username in ["bob", "BOB", "ｂｏｂ"] {
            let body = json!({ "email": "c@example.org", "password": PASSWORD, "username": username });
            assert_problem(&register(server, &body), 409, "username_taken");
        }
        let both = json!({ "email": "anné@bücher.example", "password": PASSWORD, "username": "bob" });
        assert_problem(&register(server, &both), 409, "email_taken");
        assert_eq!((server.database.count("users"), server.database.count("sessions")), (1, 1));
    }

    /// REQ-04: the database decides, not a look beforehand.
    fn of_many_at_once_with_one_address_or_username_one_gets_in(server: &Server) {
        for (round, field) in ["email", "username"].into_iter().enumerate() {
            let statuses = at_once(16, |index| {
                let mut body = json!({
                    "email": format!("{round}-{index}@example.org"), "username": format!("u-{round}-{index}"),
                    "password": PASSWORD,
                });
                body[field] = json!(if field == "email" { "one@example.org" } else { "only.one" });
                register(server, &body).status
            });
            let count = |status| statuses.iter().filter(|other| **other == status).count();
            assert_eq!((count(201), count(409)), (1, 15), "{field}: {statuses:?}");
        }
        assert_eq!((server.database.count("users"), server.database.count("sessions")), (2, 2));
    }

    /// REQ-02, REQ-54: everything that is wrong is told at once, by field, and nothing is kept.
    fn refused_fields_are_listed_and_no_account_is_made(server: &Server) {
        assert_refused_fields(&register(server, &json!({})), &[("email", "required"), ("password", "required")]);
        let nulls = json!({ "email": null, "password": null });
        assert_refused_fields(&register(server, &nulls), &[("email", "required"), ("password", "required")]);
        let all = json!({ "email": "a@b@c.example", "password": "short", "username": "a b", "display_name": "a\nb" });
        assert_refused_fields(&register(server, &all), &[
            ("email", "invalid_email"),
            ("username", "invalid_username"),
            ("display_name", "invalid_display_name"),
            ("password", "weak_password"),
        ]);
        for username in ["ab", &"a".repeat(33), "admin", "a@b", "018f4e6e6c9b70008000000000000000", "p\u{430}ul"] {
            let body = json!({ "email": "a@example.org", "password": PASSWORD, "username": username });
            assert_refused_fields(&register(server, &body), &[("username", "invalid_username")]);
        }
        for table in ["users", "sessions", "audit_events"] {
            assert_eq!(server.database.count(table), 0, "{table}");
        }
    }

    /// REQ-02
    fn weak_passwords_are_refused_and_long_ones_taken(server: &Server) {
        let body = |password: &str| json!({
            "email": "lovelace.ada@example.org", "username": "analytical", "display_name": "Countess Ada", "password": password,
        });
        for weak in [
            "eleven char",
            "password1234",
            "1234567890123",
            "lovelace.ada@example.org",
            "LOVELACE.ADA99",
            "!!Analytical!!",
            "countess ada",
            "Gatehouse2026",
            "gatehouse!!!!",
            &"x".repeat(257),
            &"\u{1f511}".repeat(300),
            &"y".repeat(5000),
        ] {
            assert_refused_fields(&register(server, &body(weak)), &[("password", "weak_password")]);
        }
        let long = "\u{1f511}é ".repeat(85) + "x";
        assert_eq!(long.chars().count(), 256);
        assert_tokens(&register(server, &body(&long)), 201);
        let log_in = json!({ "identifier": "analytical", "password": long });
        assert_tokens(&server.client.post("/auth/login", &log_in), 200);
        let all_but_one = json!({ "identifier": "analytical", "password": &long[..long.len() - 1] });
        assert_problem(&server.client.post("/auth/login", &all_but_one), 401, "invalid_credentials");
    }

    /// REQ-02: the spelling of one character makes no other password; everything else does.
    fn a_password_is_the_same_in_every_unicode_spelling(server: &Server) {
        let composed = json!({ "email": "a@example.org", "password": "dix-sept caf\u{e9}s" });
        assert_tokens(&register(server, &composed), 201);
        let decomposed = json!({ "identifier": "a@example.org", "password": "dix-sept cafe\u{301}s" });
        assert_tokens(&server.client.post("/auth/login", &decomposed), 200);
        for other in ["dix-sept caf\u{e9}s ", " dix-sept caf\u{e9}s", "dix-sept cafes", "Dix-sept caf\u{e9}s"] {
            let login = json!({ "identifier": "a@example.org", "password": other });
            assert_problem(&server.client.post("/auth/login", &login), 401, "invalid_credentials");
        }
    }

    /// Mass assignment: what a client must not set is an unknown field.
    fn fields_that_are_not_a_client_s_to_set_are_refused(server: &Server) {
        for field in ["role", "is_premium", "premium_until", "email_verified", "is_active", "id", "avatar_url", "Email"] {
            let body = json!({ "email": "a@example.org", "password": PASSWORD, field: "admin" });
            assert_problem(&register(server, &body), 400, "malformed_request");
        }
        assert_eq!(server.database.count("users"), 0);
    }
}
