//! P-14: a password that is refused is refused wherever one is set.

use serde_json::json;

use crate::calls::{answer_with_password, change_password, log_in, register, reset};
use crate::contract::{assert_challenge, assert_done, assert_refused_fields, assert_tokens};
use crate::jwt::text;
use crate::mails::reset_link;
use crate::support::{Backend, FakeBreaches, PASSWORD, Server, ServerOptions, TestDatabase};
use crate::verified_email_required::required;

const EMAIL: &str = "lovelace.ada@example.org";
const BREACHED: &str = "a password that leaked once";

/// Passwords that no path may take, and what each is refused as.
const REFUSED: [(&str, &str); 6] = [
    ("eleven char", "weak_password"),
    ("password1234", "weak_password"),
    ("1234567890123", "weak_password"),
    ("Gatehouse2026", "weak_password"),
    ("Lovelace.Ada99", "weak_password"),
    (BREACHED, "breached_password"),
];

fn asking(breaches: &FakeBreaches) -> ServerOptions {
    breaches.list(BREACHED, 3);
    ServerOptions::default().set("AUTH_HIBP", "on").set("AUTH_HIBP_URL", &breaches.url())
}

#[test]
fn no_path_over_http_takes_a_refused_password() {
    let breaches = FakeBreaches::start();
    let server = Server::on_sqlite(asking(&breaches));
    for (password, code) in REFUSED {
        assert_refused_fields(&register(&server, EMAIL, password), &[("password", code)]);
    }
    assert_eq!(server.database.count("users"), 0);

    let tokens = assert_tokens(&register(&server, EMAIL, PASSWORD), 201);
    for (password, code) in REFUSED {
        let answer = change_password(&server, &tokens, PASSWORD, password);
        assert_refused_fields(&answer, &[("new_password", code)]);
    }

    let link = reset_link(&server, EMAIL);
    for (password, code) in REFUSED {
        assert_refused_fields(&reset(&server, &link, password), &[("new_password", code)]);
    }

    let user = server.database.id(text(&tokens["user"]["id"]));
    server.database.execute(&format!("UPDATE users SET password_must_change = 1 WHERE id = {user}"));
    let challenge = assert_challenge(&log_in(&server, EMAIL, PASSWORD), "change_password");
    for (password, code) in REFUSED {
        assert_refused_fields(&answer_with_password(&server, &challenge, password), &[("new_password", code)]);
    }
    assert_tokens(&answer_with_password(&server, &challenge, "nine bronze gates of Troy"), 200);
}

#[test]
fn a_registration_that_waits_takes_none_either() {
    let breaches = FakeBreaches::start();
    breaches.list(BREACHED, 1);
    let options = required().set("AUTH_HIBP", "on").set("AUTH_HIBP_URL", &breaches.url());
    let server = Server::on_sqlite(options);
    for (password, code) in REFUSED {
        assert_refused_fields(&register(&server, EMAIL, password), &[("password", code)]);
    }
    assert_eq!(server.database.count("pending_registrations"), 0);
    assert_eq!(register(&server, EMAIL, PASSWORD).status, 202);
    let link = reset_link(&server, EMAIL);
    for (password, code) in REFUSED {
        assert_refused_fields(&reset(&server, &link, password), &[("new_password", code)]);
    }
    assert_done(&reset(&server, &link, "nine bronze gates of Troy"));
    assert_tokens(&log_in(&server, EMAIL, "nine bronze gates of Troy"), 200);
}

#[test]
fn no_administrator_is_made_with_a_refused_password() {
    let breaches = FakeBreaches::start();
    let database = TestDatabase::new(&Backend::Sqlite);
    for (password, _) in REFUSED {
        let options = asking(&breaches).set("ADMIN_PASSWORD", password);
        let ended = Server::command(&database, options.clone(), &["admin", "create", EMAIL]);
        assert!(ended.code.is_some_and(|code| code != 0), "{password}: {ended:?}");
        assert!(!ended.err.is_empty() && !ended.err.contains(password), "{ended:?}");
        let (code, said) = Server::refused_on(&database, options.set("ADMIN_EMAIL", EMAIL));
        assert!(code.is_some_and(|code| code != 0), "{password}: {said}");
        assert!(said.contains("ADMIN_PASSWORD") && !said.contains(password), "{said}");
    }
    let made =
        Server::command(&database, asking(&breaches).set("ADMIN_PASSWORD", PASSWORD), &["admin", "create", EMAIL]);
    assert_eq!((made.code, database.count("users")), (Some(0), 1), "{made:?}");
}

/// 6.2.4 of the ASVS: the most common passwords are refused without asking anybody.
#[test]
fn fifty_of_the_most_common_passwords_are_refused_by_our_own_list() {
    let server = Server::on_sqlite(ServerOptions::default().set("AUTH_PASSWORD_MIN_LENGTH", "8"));
    let common = "password 12345678 123456789 1234567890 qwertyuiop iloveyou princess sunshine football baseball superman \
                  trustno1 whatever starwars computer michelle jennifer corvette maverick passw0rd password1 password123 \
                  qwerty123 1q2w3e4r 1qaz2wsx zaq12wsx asdfghjkl 11111111 00000000 88888888 87654321 987654321 12341234 \
                  123123123 abcd1234 abc12345 abcdefgh letmein1 welcome1 welcome123 admin123 iloveyou1 mustang1 charlie1 \
                  liverpool chocolate butterfly december november september";
    let common: Vec<&str> = common.split_whitespace().collect();
    assert_eq!(common.len(), 50);
    for password in common {
        let body = json!({ "email": "ada@example.org", "password": password });
        assert_refused_fields(&server.client.post("/auth/register", &body), &[("password", "weak_password")]);
    }
}
