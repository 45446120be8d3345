//! W-26: the Big List of Naughty Strings through every text field: kept exactly or refused, never anything else.

use std::collections::BTreeSet;

use serde_json::json;

use crate::admin_calls::administrator;
use crate::contract::{assert_refused_fields, assert_tokens};
use crate::support::{PASSWORD, Response, Server, ServerOptions, on_every_database};
use crate::vectors;

fn strings() -> Vec<String> {
    let text = std::fs::read_to_string(vectors::folder("blns").join("blns.json")).unwrap();
    let strings: Vec<String> = serde_json::from_str(&text).unwrap();
    assert!(strings.len() > 500, "the vectors are not there");
    strings
}

fn many_sessions() -> ServerOptions {
    ServerOptions::default().set("AUTH_SESSIONS_PER_USER", "10000")
}

/// The field holds exactly what was sent, or it alone was refused.
#[track_caller]
fn was_kept(answer: &Response, field: &str, sent: &str) -> bool {
    if answer.status == 422 {
        assert_refused_fields(answer, &[(field, &format!("invalid_{field}"))]);
        return false;
    }
    assert_eq!(answer.status, 200, "{sent:?}: {answer:?}");
    assert_eq!(answer.json()[field], sent);
    true
}

on_every_database! {
    fn a_display_name_is_kept_exactly_or_refused(server: &Server) {
        let tokens = server.register("ada@example.org");
        let me = server.as_user(&tokens);
        let mut kept = 0;
        for sent in strings() {
            if was_kept(&me.patch("/users/me", &json!({ "display_name": sent })), "display_name", &sent) {
                assert_eq!(me.get("/users/me").json()["display_name"], sent);
                assert_eq!(me.get("/users/me/export").json()["user"]["display_name"], sent);
                kept += 1;
            }
        }
        assert!(kept > 300, "{kept}");
    }

    fn an_avatar_is_kept_exactly_or_refused(server: &Server) {
        let tokens = server.register("ada@example.org");
        let me = server.as_user(&tokens);
        let mut kept = 0;
        for sent in strings() {
            for url in [sent.clone(), format!("https://cdn.example.org/{sent}"), format!("https://cdn.example.org/?q={sent}")] {
                if was_kept(&me.patch("/users/me", &json!({ "avatar_url": url })), "avatar_url", &url) {
                    assert_eq!(me.get("/users/me").json()["avatar_url"], url);
                    assert_eq!(me.get("/users/me/export").json()["user"]["avatar_url"], url);
                    kept += 1;
                }
            }
        }
        assert!(kept > 100, "{kept}");
    }

    /// An administrator's fields, the list of users, and what is searched for in it.
    fn what_an_administrator_types_is_kept_exactly_or_refused(server: &Server) {
        let root = administrator(server, "root@example.org");
        let (admin, ada) = (server.as_user(&root), server.register("ada@example.org"));
        let path = format!("/admin/users/{}", ada["user"]["id"].as_str().unwrap());
        let mut kept = 0;
        for sent in strings() {
            let mut url = url::Url::parse("http://localhost/admin/users").unwrap();
            url.query_pairs_mut().append_pair("q", &sent);
            let found = admin.get(&url[url::Position::BeforePath..]);
            assert!([200, 422].contains(&found.status), "{sent:?}: {found:?}");
            if was_kept(&admin.patch(&path, &json!({ "display_name": sent })), "display_name", &sent) {
                assert_eq!(admin.get(&path).json()["display_name"], sent);
                assert_eq!(server.as_user(&ada).get("/users/me").json()["display_name"], sent);
                let listed = admin.get("/admin/users?q=ada@example.org").json();
                assert_eq!(listed["users"][0]["display_name"], sent);
                kept += 1;
            }
        }
        assert!(kept > 300, "{kept}");
    }

    fn a_username_is_kept_exactly_or_refused_and_signs_its_owner_in(server: &Server, many_sessions()) {
        let me = server.as_user(&server.register("ada@example.org"));
        let mut kept = 0;
        for sent in strings() {
            if was_kept(&me.patch("/users/me", &json!({ "username": sent })), "username", &sent) {
                let tokens = assert_tokens(&log_in(server, &sent, PASSWORD), 200);
                assert_eq!(tokens["user"]["username"], sent);
                kept += 1;
            }
        }
        assert!(kept > 20, "{kept}");
    }

    fn an_address_is_kept_or_refused(server: &Server) {
        let mut kept = 0;
        for sent in strings() {
            for email in [sent.clone(), format!("{sent}@example.org"), format!("ada@{sent}")] {
                // With a password that is refused too, this only asks whether the address would do.
                let asked = server.client.post("/auth/register", &json!({ "email": email, "password": "short" }));
                if asked.text().contains("invalid_email") {
                    assert_refused_fields(&asked, &[("email", "invalid_email"), ("password", "weak_password")]);
                    continue;
                }
                assert_refused_fields(&asked, &[("password", "weak_password")]);
                let answer = server.client.post("/auth/register", &json!({ "email": email, "password": PASSWORD }));
                match answer.status {
                    409 => {}
                    _ => assert_eq!(assert_tokens(&answer, 201)["user"]["email"], email.trim()),
                }
                kept += 1;
            }
        }
        assert!(kept > 50, "{kept}");
        // No address holds the mails to the others up.
        crate::mails::settle(server);
        let sent = i64::try_from(server.sink().mails().len()).unwrap();
        let failed = server.database.count("email_outbox WHERE failed_at IS NOT NULL");
        assert_eq!(sent + failed, server.database.count("users"));
    }

    fn whatever_is_sent_for_a_token_is_refused_alike(server: &Server) {
        server.register("ada@example.org");
        for sent in strings() {
            for path in ["/auth/secure-account", "/auth/email/verify", "/auth/email/change/confirm", "/auth/email/change/undo"] {
                let answer = crate::calls::follow(server, path, &sent);
                assert_eq!((answer.status, answer.error_code()), (400, "token_invalid_or_expired".to_owned()), "{sent:?}");
            }
            let answer = crate::calls::reset(server, &sent, "nine bronze gates of Troy");
            assert_eq!((answer.status, answer.error_code()), (400, "token_invalid_or_expired".to_owned()), "{sent:?}");
            let answer = crate::calls::answer_with_link(server, &sent, Some(&sent));
            assert_eq!((answer.status, answer.error_code()), (401, "challenge_invalid".to_owned()), "{sent:?}");
            let answer = crate::calls::forgot(server, &sent);
            assert!([202, 422].contains(&answer.status), "{sent:?}: {answer:?}");
        }
    }

    fn whatever_is_tried_to_log_in_is_refused_alike(server: &Server) {
        server.register("ada@example.org");
        for sent in strings() {
            for (identifier, password) in [(sent.as_str(), PASSWORD), ("ada@example.org", sent.as_str())] {
                let answer = log_in(server, identifier, password);
                assert_eq!((answer.status, answer.error_code()), (401, "invalid_credentials".to_owned()), "{sent:?}");
            }
        }
    }

    fn a_user_agent_is_shown_as_it_was_sent(server: &Server) {
        let mut tokens = server.register("ada@example.org");
        let plain = |text: &&String| !text.is_empty() && text.len() <= 256 && text.trim() == *text && !text.chars().any(char::is_control);
        let strings = strings();
        for sent in strings.iter().filter(plain) {
            let body = json!({ "identifier": "ada@example.org", "password": PASSWORD });
            tokens = server.client.header("User-Agent", sent).post("/auth/login", &body).json();
            let me = server.as_user(&tokens);
            assert_eq!(me.get("/users/me/sessions").json()["sessions"][0]["user_agent"], *sent);
            assert_eq!(me.get("/users/me/security-events?limit=1").json()["events"][0]["user_agent"], *sent);
        }
        let export = server.as_user(&tokens).get("/users/me/export").json();
        let exported: BTreeSet<&str> = export["events"].as_array().unwrap().iter().filter_map(|event| event["user_agent"].as_str()).collect();
        for sent in strings.iter().filter(plain) {
            assert!(exported.contains(sent.as_str()), "{sent:?} is not in the export");
        }
    }
}

fn log_in(server: &Server, identifier: &str, password: &str) -> Response {
    server.client.post("/auth/login", &json!({ "identifier": identifier, "password": password }))
}

/// On SQLite alone: no database ever sees a password.
#[test]
fn a_password_signs_in_or_is_refused() {
    let server = Server::on_sqlite(ServerOptions::default());
    let mut taken = 0;
    for (index, sent) in strings().into_iter().enumerate() {
        let email = format!("user-{index}@example.org");
        let answer = server.client.post("/auth/register", &json!({ "email": email, "password": sent }));
        if answer.status == 201 {
            assert_tokens(&log_in(&server, &email, &sent), 200);
            taken += 1;
        } else {
            assert_refused_fields(&answer, &[("password", "weak_password")]);
        }
    }
    assert!(taken > 300, "{taken}");
}
