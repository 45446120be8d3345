//! T-06: each token at every place that another one belongs to. It is refused there, and stays good for its own.

use serde_json::{Value, json};

use crate::calls::{answer_with_password, ask_for_address, change_password, follow, log_in, move_to, reset};
use crate::contract::{assert_challenge, assert_done, assert_problem, assert_tokens};
use crate::jwt::text;
use crate::mails::{link, reset_link};
use crate::support::{PASSWORD, Response, Server, on_every_database};
use crate::verified_email_required::{required, verified_user};

const NEW: &str = "nine bronze gates of Troy";

/// A place where a token is presented, and how a foreign one is refused there.
struct Place {
    name: &'static str,
    present: fn(&Server, &str) -> Response,
    refusal: (u16, &'static str),
}

const DEAD_LINK: (u16, &str) = (400, "token_invalid_or_expired");

const PLACES: [Place; 8] = [
    Place {
        name: "access",
        present: |server, token| server.client.bearer(token).get("/users/me"),
        refusal: (401, "token_invalid"),
    },
    Place {
        name: "refresh",
        present: |server, token| server.client.post("/auth/refresh", &json!({ "refresh_token": token })),
        refusal: (401, "refresh_token_invalid"),
    },
    Place {
        name: "challenge",
        present: |server, token| answer_with_password(server, token, NEW),
        refusal: (401, "challenge_invalid"),
    },
    Place {
        name: "verify",
        present: |server, token| {
            server.client.post("/auth/email/verify", &json!({ "token": token, "password": PASSWORD }))
        },
        refusal: DEAD_LINK,
    },
    Place { name: "reset", present: |server, token| reset(server, token, NEW), refusal: DEAD_LINK },
    Place {
        name: "change",
        present: |server, token| follow(server, "/auth/email/change/confirm", token),
        refusal: DEAD_LINK,
    },
    Place {
        name: "undo",
        present: |server, token| follow(server, "/auth/email/change/undo", token),
        refusal: DEAD_LINK,
    },
    Place {
        name: "secure",
        present: |server, token| follow(server, "/auth/secure-account", token),
        refusal: DEAD_LINK,
    },
];

/// A token of each kind, each of a user of its own, so that the use of one ends none of the others.
fn token_of_each_kind(server: &Server) -> Vec<(&'static str, String)> {
    let session = server.register("session@example.org");
    server.register("challenge@example.org");
    let yes = server.database.yes();
    server
        .database
        .execute(&format!("UPDATE users SET password_must_change = {yes} WHERE email = 'challenge@example.org'"));
    server.register("verify@example.org");
    server.register("reset@example.org");
    let change = server.register("change@example.org");
    assert_eq!(ask_for_address(server, &change, "changed@example.org").status, 202);
    let undo = server.register("undo@example.org");
    move_to(server, &undo, "undone@example.org");
    let secure = server.register("secure@example.org");
    assert_done(&change_password(server, &secure, PASSWORD, NEW));
    vec![
        ("access", text(&session["access_token"]).to_owned()),
        ("refresh", text(&session["refresh_token"]).to_owned()),
        ("challenge", assert_challenge(&log_in(server, "challenge@example.org", PASSWORD), "change_password")),
        ("verify", link(server, "verify-email", "verify@example.org")),
        ("reset", reset_link(server, "reset@example.org")),
        ("change", link(server, "change-email", "changed@example.org")),
        ("undo", link(server, "undo-email", "undo@example.org")),
        ("secure", link(server, "secure-account", "secure@example.org")),
    ]
}

on_every_database! {
    fn each_token_is_good_for_one_thing_and_is_not_spent_on_another(server: &Server) {
        let tokens = token_of_each_kind(server);
        let before = server.database.count("one_time_tokens WHERE used_at IS NULL");
        for (kind, token) in &tokens {
            for place in PLACES.iter().filter(|place| place.name != *kind) {
                let answer = (place.present)(server, token);
                let (status, code) = place.refusal;
                assert_eq!((answer.status, answer.error_code().as_str()), (status, code), "{kind} as {}: {answer:?}", place.name);
                assert_problem(&answer, status, code);
            }
            // Nor in the shape of another one.
            for prefix in ["rt_", "ot_", ""] {
                let bare = token.trim_start_matches("rt_").trim_start_matches("ot_");
                for place in PLACES.iter().filter(|place| place.name != *kind) {
                    assert_eq!((place.present)(server, &format!("{prefix}{bare}")).status, place.refusal.0, "{kind}");
                }
            }
        }
        assert_eq!(server.database.count("one_time_tokens WHERE used_at IS NULL"), before);
        assert_eq!(server.database.count("audit_events WHERE event = 'token.reused'"), 0);
        for (kind, token) in &tokens {
            let place = PLACES.iter().find(|place| place.name == *kind).unwrap();
            let answer = (place.present)(server, token);
            assert!([200, 204].contains(&answer.status), "{kind}: {answer:?}");
        }
    }

    /// The other places of tokens: the proof beside a link, the code of a challenge, the log-out.
    fn no_token_is_a_proof_or_a_code_but_the_right_one(server: &Server, required()) {
        let session = verified_user(server, "session@example.org");
        let reset_token = reset_link(server, "session@example.org");
        assert_eq!(crate::calls::register(server, "ada@example.org", PASSWORD).status, 202);
        let verify = link(server, "verify-email", "ada@example.org");
        let pending = assert_challenge(&log_in(server, "ada@example.org", PASSWORD), "verify_email");
        let others = [text(&session["access_token"]), text(&session["refresh_token"]), reset_token.as_str(), verify.as_str()];
        for token in others {
            let answer = server.client.post("/auth/email/verify", &json!({ "token": verify, "challenge_token": token }));
            assert_problem(&answer, 401, "proof_required");
            assert_done(&server.client.post("/auth/logout", &json!({ "refresh_token": token.replacen("rt_", "ot_", 1) })));
        }
        for (count, token) in others.iter().chain([&pending.as_str()]).filter(|token| **token != verify).enumerate() {
            assert!(count < 4);
            assert_problem(&crate::calls::answer_with_link(server, &pending, Some(token)), 401, "invalid_code");
        }
        for device in others.iter().chain([&pending.as_str()]) {
            let body = json!({ "identifier": "session@example.org", "password": "wrong wooden gates", "device_token": device });
            assert_problem(&server.client.post("/auth/login", &body), 401, "invalid_credentials");
        }
        assert_tokens(&crate::calls::answer_with_link(server, &pending, Some(&verify)), 200);
        assert_done(&reset(server, &reset_token, NEW));
    }

    /// A user's own id, or another's, beside a token is an unknown field.
    fn no_call_lets_the_client_say_whose_token_it_is(server: &Server) {
        let eve = server.register("eve@example.org");
        server.register("ada@example.org");
        let token = reset_link(server, "ada@example.org");
        for (field, value) in [("user_id", eve["user"]["id"].clone()), ("email", json!("eve@example.org")), ("sub", Value::Null)] {
            let mut body = json!({ "token": token, "new_password": NEW });
            body[field] = value;
            assert_problem(&server.client.post("/auth/password/reset", &body), 400, "malformed_request");
        }
        assert_done(&reset(server, &token, NEW));
        assert_tokens(&log_in(server, "eve@example.org", PASSWORD), 200);
        assert_tokens(&log_in(server, "ada@example.org", NEW), 200);
    }
}
