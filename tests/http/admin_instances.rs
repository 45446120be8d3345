//! What an administrator changes at one instance counts at the other (REQ-41, REQ-42, REQ-44).

use serde_json::{Value, json};

use crate::admin_calls::{ADA, ROOT, administrator, change};
use crate::contract::assert_tokens;
use crate::jwt::Jwt;
use crate::support::{Server, ServerOptions, at_once, eventually, on_every_database};

fn another(server: &Server) -> Server {
    Server::start_on(server.database.clone(), ServerOptions::default())
}

fn refusal(server: &Server, tokens: &Value) -> String {
    server.as_user(tokens).get("/users/me").error_code()
}

on_every_database! {
    fn changes_reach_the_other_instance(server: &Server) {
        let other = another(server);
        let (root, ada) = (administrator(server, ROOT), server.register(ADA));
        assert_eq!(other.as_user(&ada).get("/users/me").status, 200);
        assert_eq!(change(server, &root, &ada, &json!({ "role": "admin" })).status, 200);
        eventually("the older token is refused", || refusal(&other, &ada) == "token_expired");
        let ada = assert_tokens(&other.refresh(&ada), 200);
        assert_eq!(Jwt::of(&ada).claims["role"], "admin");
        assert_eq!(other.as_user(&ada).get("/admin/users").status, 200);
        assert_eq!(change(server, &root, &ada, &json!({ "is_active": false })).status, 200);
        eventually("the session is refused", || refusal(&other, &ada) == "session_revoked");
        assert_eq!(other.refresh(&ada).error_code(), "refresh_token_invalid");
    }

    /// REQ-42: two administrators demote each other, each at an instance of their own.
    fn of_two_who_demote_each_other_one_stays(server: &Server) {
        let other = another(server);
        let servers = [server, &other];
        for round in 0..3 {
            server.database.execute("UPDATE users SET role = 'user'");
            let admins = [0, 1].map(|nth| administrator(server, &format!("admin-{round}-{nth}@example.org")));
            let answers = at_once(2, |nth| change(servers[nth], &admins[nth], &admins[1 - nth], &json!({ "role": "user" })));
            let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
            assert!(statuses.iter().any(|status| [401, 403].contains(status)), "{answers:?}");
            assert_eq!(server.database.count("users WHERE role = 'admin'"), 1);
        }
    }

    /// REQ-42: and when each demotes themselves, one is told that nobody would be left.
    fn of_two_who_demote_themselves_one_stays(server: &Server) {
        let other = another(server);
        let servers = [server, &other];
        for round in 0..3 {
            server.database.execute("UPDATE users SET role = 'user'");
            let admins = [0, 1].map(|nth| administrator(server, &format!("admin-{round}-{nth}@example.org")));
            let answers = at_once(2, |nth| change(servers[nth], &admins[nth], &admins[nth], &json!({ "role": "user" })));
            let mut told: Vec<_> = answers.iter().map(|answer| (answer.status, answer.error_code())).collect();
            told.sort();
            assert_eq!(told, [(200, String::new()), (409, "last_admin".to_owned())]);
            assert_eq!(server.database.count("users WHERE role = 'admin'"), 1);
        }
    }
}
