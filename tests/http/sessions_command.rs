//! `auth-server sessions revoke-all`, beside running servers.

use crate::contract::{assert_problem, assert_tokens};
use crate::second_factor_app::{answer, ask, fresh_code, protected, sign_in};
use crate::support::{Ended, Server, ServerOptions, eventually, on_every_database};

fn revoke_all(server: &Server, arguments: &[&str]) -> Ended {
    Server::command(&server.database, ServerOptions::default(), &[&["sessions", "revoke-all"], arguments].concat())
}

on_every_database! {
    /// REQ-19
    fn every_session_of_everybody_ends_on_every_instance(server: &Server) {
        let other = Server::start_on(server.database.clone(), ServerOptions::default());
        let ada = protected(server, "ada@example.org");
        let ben = server.register("ben@example.org");
        let again = server.log_in("ben@example.org");
        let challenge = ask(server, "ada@example.org");
        let ended = revoke_all(server, &[]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
        assert_eq!(ended.out, "users signed out: 2; sessions ended: 3\n");
        for instance in [server, &other] {
            for tokens in [&ada.tokens, &ben, &again] {
                eventually("the access token is refused", || instance.as_user(tokens).get("/auth/verify").status == 401);
                assert_eq!(instance.as_user(tokens).get("/users/me").status, 401);
                assert_problem(&instance.refresh(tokens), 401, "refresh_token_invalid");
            }
        }
        let code = fresh_code(server, &ada.app);
        assert_problem(&answer(server, &challenge, "totp", &code), 401, "challenge_invalid");
        let row = r#"audit_events WHERE event = 'admin.sessions_revoked' AND details LIKE '%"sessions":3%' AND user_id IS NULL"#;
        assert_eq!(server.database.count(row), 1);

        let tokens = sign_in(server, &ada);
        for instance in [server, &other] {
            assert_eq!(instance.as_user(&tokens).get("/users/me").status, 200);
        }
        let tokens = assert_tokens(&other.refresh(&tokens), 200);
        assert_eq!(server.as_user(&tokens).get("/auth/verify").status, 204);
        let twice = revoke_all(server, &[]);
        assert_eq!(twice.out, "users signed out: 2; sessions ended: 1\n");
    }
}
