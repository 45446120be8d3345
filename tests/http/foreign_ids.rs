//! What is another's is not there for me, whatever id or name I ask with (Z-04, Z-13).

use serde_json::{Value, json};

use crate::contract::{assert_problem, without_id_and_time};
use crate::jwt::text;
use crate::second_factor_app::{answer, ask, fresh_code, protected};
use crate::support::{Server, on_every_database};

/// Everything below `/users/me`.
const OWN: [(&str, &str); 14] = [
    ("GET", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("GET", "/export"),
    ("POST", "/email"),
    ("GET", "/sessions"),
    ("DELETE", "/sessions"),
    ("GET", "/mfa"),
    ("POST", "/mfa/totp"),
    ("POST", "/mfa/totp/disable"),
    ("POST", "/mfa/backup-codes"),
    ("GET", "/security-events"),
    ("GET", "/linked-accounts"),
    ("DELETE", "/link/google"),
];

/// An id of one's own user in every spelling, ids that could be guessed, and ways around.
fn tricks(user: &str) -> Vec<String> {
    let bare = user.replace('-', "");
    let (upper, next) = (user.to_uppercase(), format!("{}0", &user[..user.len() - 1]));
    let v1 = format!("{}1{}", &user[..14], &user[15..]);
    let mut tricks = vec![user.to_owned(), upper, next, v1, format!("%7B{user}%7D"), format!("urn:uuid:{user}"), bare];
    tricks.extend(
        [
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "01890000-0000-7000-8000-000000000000",
            "me%2f",
            "ME",
            "%6de%2f..%2fme",
            "self",
            "0",
            "-1",
            "*",
            "null",
            "me%00",
            "%2e%2e",
            "..",
            "..%2fme",
            "me;id=1",
            "ada@example.org",
        ]
        .map(str::to_owned),
    );
    tricks
}

on_every_database! {
    /// Z-04, Z-13: there is no way to another's account, and none to one's own by its id.
    fn nobody_is_reached_by_an_id(server: &Server) {
        let (ada, eve) = (server.register("ada@example.org"), server.register("eve@example.org"));
        let me = server.as_user(&ada);
        for (method, path) in OWN {
            let unknown = me.send(method, &format!("/users/01890000-0000-7000-8000-000000000000{path}"), None);
            assert_problem(&unknown, 404, "not_found");
            for user in [&ada, &eve] {
                for id in tricks(text(&user["user"]["id"])) {
                    let answer = me.send(method, &format!("/users/{id}{path}"), None);
                    assert_eq!(without_id_and_time(&answer), without_id_and_time(&unknown), "{method} {id}{path}");
                }
            }
        }
        assert_eq!(server.database.count("users"), 2);
        for user in [&ada, &eve] {
            assert_eq!(server.as_user(user).get("/users/me").json(), user["user"]);
        }
    }

    /// Z-04: the address names nobody else, either.
    fn a_parameter_names_nobody_else(server: &Server) {
        let (ada, eve) = (server.register("ada@example.org"), server.register("eve@example.org"));
        let (me, her) = (server.as_user(&ada), text(&eve["user"]["id"]));
        for name in ["user_id", "id", "sub", "user", "account", "email"] {
            for path in ["/users/me", "/users/me/export", "/users/me/sessions", "/users/me/mfa", "/users/me/security-events"] {
                let answer = me.get(&format!("{path}?{name}={her}"));
                assert!([200, 400, 422].contains(&answer.status), "{path}: {answer:?}");
                let body = answer.text();
                assert!(!body.contains("eve@example.org"), "{path}: {body}");
                assert!(answer.status != 200 || !body.contains(her), "{path}: {body}");
            }
            me.patch(&format!("/users/me?{name}={her}"), &json!({ "display_name": "taken" }));
            assert_eq!(server.as_user(&eve).get("/users/me").json()["display_name"], Value::Null);
            let header = me.header("X-User-Id", her).header("X-Auth-User", her).get("/users/me");
            assert_eq!(header.json()["id"], ada["user"]["id"]);
        }
    }

    /// Z-04: a code opens the account that it was made for, and none else.
    fn a_backup_code_of_another_opens_nothing(server: &Server) {
        let (ada, eve) = (protected(server, "ada@example.org"), protected(server, "eve@example.org"));
        let challenge = ask(server, "ada@example.org");
        assert_problem(&answer(server, &challenge, "backup_code", &eve.backup_codes[0]), 401, "invalid_code");
        let code = fresh_code(server, &eve.app);
        assert_problem(&answer(server, &challenge, "totp", &code), 401, "invalid_code");
        let disable = json!({ "code": eve.backup_codes[0] });
        let refused = server.as_user(&ada.tokens).post("/users/me/mfa/totp/disable", &disable);
        assert_problem(&refused, 401, "invalid_code");
        // Nothing of hers was used up by it.
        let hers = ask(server, "eve@example.org");
        assert_eq!(answer(server, &hers, "backup_code", &eve.backup_codes[0]).status, 200);
    }

    /// Z-04: what I link and unlink is mine.
    fn another_s_linked_account_is_not_mine_to_unlink(server: &Server) {
        let (ada, eve) = (server.register("ada@example.org"), server.register("eve@example.org"));
        let user = server.database.id(text(&eve["user"]["id"]));
        let now = server.database.now();
        server.database.execute(&format!(
            "INSERT INTO oauth_accounts (user_id, provider, issuer, subject, linked_at)
             VALUES ({user}, 'google', 'google', 'subject-of-eve', {now})"
        ));
        let me = server.as_user(&ada);
        assert_problem(&me.delete("/users/me/link/google"), 404, "not_linked");
        assert_eq!(me.get("/users/me/linked-accounts").json()["accounts"], json!([]));
        for name in ["..%2f..%2feve", "google%00", "%2e%2e", "GOOGLE", "google;x", "google%2f..", "'", "subject-of-eve"] {
            let answer = me.delete(&format!("/users/me/link/{name}"));
            assert_eq!(answer.status, 404, "{name}: {answer:?}");
        }
        assert_eq!(server.database.count("oauth_accounts"), 1);
    }
}
