//! What a client may not set it doesn't set, wherever it tries (Z-01, Z-02, Z-03).

use identity_provider::people;
use serde_json::{Value, json};

use crate::contract::{assert_problem, assert_tokens};
use crate::jwt::text;
use crate::oauth_world::World;
use crate::support::{Backend, PASSWORD, Server, on_every_database};

/// Columns and facts of an account, in the spellings that frameworks bind.
const FIELDS: [&str; 34] = [
    "role",
    "roles",
    "Role",
    "is_admin",
    "isAdmin",
    "admin",
    "groups",
    "is_premium",
    "isPremium",
    "premium_until",
    "premiumUntil",
    "email_verified",
    "emailVerified",
    "email_verified_at",
    "id",
    "user_id",
    "userId",
    "created_at",
    "createdAt",
    "disabled",
    "disabled_at",
    "is_active",
    "mfa_enabled",
    "mfaEnabled",
    "mfa_enabled_at",
    "password_hash",
    "passwordHash",
    "password_must_change",
    "token_epoch",
    "user[role]",
    "user.role",
    "role[]",
    "__proto__",
    "constructor",
];

/// What is tried for them.
fn values() -> [Value; 6] {
    [json!("admin"), json!(["admin"]), json!(true), json!({ "role": "admin" }), json!(1), Value::Null]
}

/// Every call with a body, as it would be right.
fn calls() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("POST", "/auth/register", json!({ "email": "new@example.org", "password": PASSWORD })),
        ("POST", "/auth/login", json!({ "identifier": "ada@example.org", "password": PASSWORD })),
        ("POST", "/auth/challenge", json!({ "token": "x", "method": "totp", "code": "000000" })),
        ("POST", "/auth/refresh", json!({ "refresh_token": "x" })),
        ("POST", "/auth/logout", json!({})),
        ("POST", "/auth/reauth", json!({ "password": PASSWORD })),
        ("POST", "/auth/oauth/exchange", json!({ "code": "x" })),
        ("POST", "/auth/password/forgot", json!({ "email": "ada@example.org" })),
        ("POST", "/auth/password/reset", json!({ "token": "x", "new_password": "nine bronze gates of Troy" })),
        (
            "POST",
            "/auth/password/change",
            json!({ "current_password": PASSWORD, "new_password": "nine bronze gates of Troy" }),
        ),
        ("POST", "/auth/secure-account", json!({ "token": "x" })),
        ("POST", "/auth/email/verify", json!({ "token": "x" })),
        ("POST", "/auth/email/resend", json!({ "email": "ada@example.org" })),
        ("POST", "/auth/email/change/confirm", json!({ "token": "x" })),
        ("POST", "/auth/email/change/undo", json!({ "token": "x" })),
        ("PATCH", "/users/me", json!({ "display_name": "Eve" })),
        ("DELETE", "/users/me", json!({ "password": PASSWORD })),
        ("POST", "/users/me/email", json!({ "new_email": "new@example.org", "password": PASSWORD })),
        ("POST", "/users/me/mfa/totp/confirm", json!({ "code": "000000" })),
        ("POST", "/users/me/mfa/totp/disable", json!({ "password": PASSWORD })),
        ("POST", "/users/me/mfa/backup-codes", json!({ "password": PASSWORD })),
    ]
}

/// The facts of an account that only the server decides, as the database has them.
fn facts(server: &Server, email: &str) -> String {
    let columns = ["role", "email_verified_at", "disabled_at", "premium_until", "password_must_change", "token_epoch"];
    let columns = columns.map(|column| format!("coalesce(CAST({column} AS TEXT), '-')")).join(" || ' ' || ");
    server.database.texts(&columns, &format!("users WHERE email = '{email}'")).join("; ")
}

on_every_database! {
    /// Z-01, Z-02: on every call with a body; beside fields that are right, so that these alone are refused.
    fn no_body_takes_a_field_that_is_not_the_client_s(server: &Server) {
        let tokens = server.register("ada@example.org");
        crate::mails::settle(server);
        let me = server.as_user(&tokens);
        let (before, mails) = (facts(server, "ada@example.org"), server.database.count("email_outbox"));
        for (method, path, right) in calls() {
            for field in FIELDS {
                for value in values() {
                    let mut body = right.clone();
                    body[field] = value;
                    assert_problem(&me.request(method, path, Some(&body)), 400, "malformed_request");
                }
            }
            for nested in ["user", "data", "attributes", "profile"] {
                let body = json!({ nested: right });
                assert_problem(&me.request(method, path, Some(&body)), 400, "malformed_request");
            }
        }
        assert_eq!(me.get("/users/me").json(), tokens["user"]);
        assert_eq!(facts(server, "ada@example.org"), before);
        assert_eq!((server.database.count("users"), server.database.count("email_outbox")), (1, mails));
        assert_eq!(server.database.count("sessions"), 1, "nobody was signed in");
    }

    /// Z-01, Z-02: the address of a call sets nothing either.
    fn a_query_string_sets_nothing(server: &Server) {
        let query = "?role=admin&is_admin=true&email_verified=true&premium_until=2999-01-01T00:00:00Z&user[role]=admin";
        let body = json!({ "email": "ada@example.org", "password": PASSWORD });
        let tokens = assert_tokens(&server.client.post(&format!("/auth/register{query}"), &body), 201);
        let me = server.as_user(&tokens);
        me.patch(&format!("/users/me{query}"), &json!({ "display_name": "Ada" }));
        let login = json!({ "identifier": "ada@example.org", "password": PASSWORD });
        server.client.post(&format!("/auth/login{query}"), &login);
        let user = me.get(&format!("/users/me{query}")).json();
        let decided = (&user["role"], &user["email_verified"], &user["is_premium"], &user["premium_until"]);
        assert_eq!(decided, (&json!("user"), &json!(false), &json!(false), &Value::Null));
        assert_eq!(facts(server, "ada@example.org").split(' ').next(), Some("user"));
    }

    /// Z-03: an address, a password and another's username are changed by their own calls, with what those ask.
    fn a_profile_changes_no_address_no_password_and_no_name_of_another(server: &Server) {
        let (ada, eve) = (server.register("ada@example.org"), server.register("eve@example.org"));
        let taken = json!({ "username": "eve" });
        assert_eq!(server.as_user(&eve).patch("/users/me", &taken).status, 200);
        let me = server.as_user(&ada);
        for body in [
            json!({ "email": "root@example.org" }),
            json!({ "new_email": "root@example.org" }),
            json!({ "password": "nine bronze gates of Troy" }),
            json!({ "current_password": PASSWORD, "new_password": "nine bronze gates of Troy" }),
        ] {
            assert_problem(&me.patch("/users/me", &body), 400, "malformed_request");
        }
        assert_problem(&me.patch("/users/me", &taken), 409, "username_taken");
        assert_eq!(me.get("/users/me").json(), ada["user"]);
        server.log_in("ada@example.org");
    }
}

/// Z-02: what a provider says of a new user's rights is its own affair.
fn a_provider_gives_no_rights(backend: &Backend) {
    let world = World::start(backend, &[]);
    let rights = json!({
        "role": "admin", "roles": ["admin"], "groups": ["admin"], "is_admin": true, "user": { "role": "admin" },
        "is_premium": true, "premium_until": "2999-01-01T00:00:00Z", "mfa_enabled": true,
    });
    for provider in ["google", "discord", "corp"] {
        let email = format!("{provider}@example.org");
        let mut person = match provider {
            "google" => people::google("1001", &email),
            "discord" => people::discord("1002", &email),
            _ => people::openid("1003", &email),
        };
        person.as_object_mut().unwrap().extend(rights.as_object().unwrap().clone());
        world.provider(provider).set_user(person);
        let user = &world.signed_in(provider)["user"];
        let decided = (&user["role"], &user["is_premium"], &user["premium_until"], &user["mfa_enabled"]);
        assert_eq!(decided, (&json!("user"), &json!(false), &Value::Null, &json!(false)), "{provider}");
        assert_eq!(facts(&world.server, text(&user["email"])).split(' ').next(), Some("user"));
    }
}

#[test]
fn a_provider_gives_no_rights_on_sqlite() {
    a_provider_gives_no_rights(&Backend::Sqlite);
}

#[test]
fn a_provider_gives_no_rights_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        a_provider_gives_no_rights(&backend);
    }
}
