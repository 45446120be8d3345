//! `device_token`: an owner signs in on a device that is known whatever strangers do (L-05, L-14).

use serde_json::{Value, json};

use crate::calls::{change_password, log_in, reset};
use crate::contract::{assert_done, assert_problem, assert_refused_fields, assert_tokens};
use crate::jwt::text;
use crate::mails::reset_link;
use crate::rate_limits::assert_limited;
use crate::support::{Client, PASSWORD, Response, Server, ServerOptions, on_every_database};

const ADA: &str = "ada@example.org";
const WRONG: &str = "wrong wooden gates";
const NEW: &str = "nine bronze gates of Troy";

/// With the default limits, behind a proxy that says who its clients are.
fn limited() -> ServerOptions {
    ServerOptions::default().set("AUTH_RATE_LIMITS", "on").set("AUTH_TRUSTED_PROXIES", "127.0.0.0/8")
}

fn at(server: &Server, ip: &str) -> Client {
    server.client.header("X-Forwarded-For", ip)
}

fn sign_in_on(client: &Client, device: &str, password: &str) -> Response {
    client.post("/auth/login", &json!({ "identifier": ADA, "password": password, "device_token": device }))
}

/// What a sign-in gave the device.
#[track_caller]
fn device_of(tokens: &Value) -> String {
    text(&tokens["device_token"]).to_owned()
}

/// Ten strangers, each with one wrong password: what there is for a name.
#[track_caller]
fn exhaust(server: &Server) {
    for number in 0..10 {
        let guess = at(server, &format!("198.51.100.{number}"))
            .post("/auth/login", &json!({ "identifier": ADA, "password": WRONG }));
        assert_problem(&guess, 401, "invalid_credentials");
    }
}

on_every_database! {
    /// L-14
    fn strangers_don_t_lock_the_owner_s_device_out(server: &Server, limited()) {
        let device = device_of(&server.register(ADA));
        exhaust(server);
        let owner = at(server, "203.0.113.1");
        let right = json!({ "identifier": ADA, "password": PASSWORD });
        assert_limited(&owner.post("/auth/login", &right), "login_account", 10, 900);
        let tokens = assert_tokens(&sign_in_on(&owner, &device, PASSWORD), 200);
        assert_eq!(tokens.get("device_token"), None, "the device has one already");
        for _ in 0..10 {
            assert_problem(&sign_in_on(&owner, &device, WRONG), 401, "invalid_credentials");
        }
        assert_limited(&sign_in_on(&owner, &device, PASSWORD), "login_device", 10, 900);
    }

    /// L-05: a password that a hundred strangers' guesses switched off is good on the owner's device.
    fn a_password_that_strangers_switched_off_is_good_on_the_owner_s_device(server: &Server) {
        let device = device_of(&server.register(ADA));
        for _ in 0..100 {
            log_in(server, ADA, WRONG);
        }
        assert_problem(&log_in(server, ADA, PASSWORD), 401, "invalid_credentials");
        for none in ["", "ot_", "x", &device[..45], &device.replace("ot_", "OT_")] {
            assert_problem(&sign_in_on(&server.client, none, PASSWORD), 401, "invalid_credentials");
        }
        assert_tokens(&sign_in_on(&server.client, &device, PASSWORD), 200);
    }

    fn sign_ins_give_a_token_and_refreshes_don_t(server: &Server) {
        let registered = server.register(ADA);
        let refreshed = assert_tokens(&server.refresh(&registered), 200);
        assert_eq!(refreshed.get("device_token"), None);
        let again = assert_tokens(&log_in(server, ADA, PASSWORD), 200);
        assert_ne!(device_of(&registered), device_of(&again));
        for (kind, wrong) in [("a number", json!(7)), ("a list", json!(["x"])), ("an object", json!({}))] {
            let body = json!({ "identifier": ADA, "password": PASSWORD, "device_token": wrong });
            let status = server.client.post("/auth/login", &body).status;
            assert!([400, 422].contains(&status), "{kind}: {status}");
        }
        let null = json!({ "identifier": ADA, "password": PASSWORD, "device_token": null });
        assert_tokens(&server.client.post("/auth/login", &null), 200);
        let alone = json!({ "device_token": device_of(&again) });
        let refused = server.client.post("/auth/login", &alone);
        assert_refused_fields(&refused, &[("identifier", "required"), ("password", "required")]);
    }

    fn a_reset_ends_it_and_a_change_of_the_password_does_not(server: &Server) {
        let tokens = server.register(ADA);
        let device = device_of(&tokens);
        assert_done(&change_password(server, &tokens, PASSWORD, NEW));
        assert_eq!(assert_tokens(&sign_in_on(&server.client, &device, NEW), 200).get("device_token"), None);
        assert_done(&reset(server, &reset_link(server, ADA), PASSWORD));
        let given = device_of(&assert_tokens(&sign_in_on(&server.client, &device, PASSWORD), 200));
        assert_ne!(given, device);
        assert_eq!(assert_tokens(&sign_in_on(&server.client, &given, PASSWORD), 200).get("device_token"), None);
        let export = server.as_user(&server.log_in(ADA)).get("/users/me/export").json();
        assert_eq!(export["devices"].as_array().map(Vec::len), Some(2), "{export}");
    }

    fn nothing_of_a_token_is_kept_or_logged(server: &Server, ServerOptions::default().set("AUTH_LOG", "trace")) {
        let device = device_of(&server.register(ADA));
        assert_tokens(&sign_in_on(&server.client, &device, PASSWORD), 200);
        assert_problem(&sign_in_on(&server.client, &device, WRONG), 401, "invalid_credentials");
        let dump = server.database.dump();
        assert!(!dump.windows(43).any(|part| part == &device.as_bytes()[3..]));
        server.terminate();
        assert!(server.log().iter().all(|line| !line.contains(&device[3..])));
        assert!(server.log().len() > 10);
    }

    /// `AUTH_DEVICE_TOKEN_TTL`
    fn a_device_is_known_for_as_long_as_is_set(server: &Server, ServerOptions::default().set("AUTH_DEVICE_TOKEN_TTL", "30d")) {
        let device = device_of(&server.register(ADA));
        let past = |days: u64| {
            let earlier = |column| format!("{column} = {}", server.database.earlier(column, days * 86_400));
            let set = ["created_at", "last_used_at", "expires_at"].map(earlier).join(", ");
            server.database.execute(&format!("UPDATE devices SET {set}"));
        };
        for _ in 0..2 {
            past(29);
            assert_eq!(assert_tokens(&sign_in_on(&server.client, &device, PASSWORD), 200).get("device_token"), None);
        }
        past(30);
        assert!(assert_tokens(&sign_in_on(&server.client, &device, PASSWORD), 200)["device_token"].is_string());
    }
}
