//! Refresh tokens under attack (section 2.B of the security rows): reuse, races, lost answers.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64URL};
use serde_json::{Value, json};

use crate::audit;
use crate::contract::{assert_problem, assert_tokens};
use crate::jwt::{Jwt, text};
use crate::support::{PASSWORD, Response, Server, ServerOptions, at_once, on_every_database};

/// As long as the default `AUTH_REFRESH_GRACE`.
const GRACE: u64 = 30;

fn strict() -> ServerOptions {
    ServerOptions::default().set("AUTH_REFRESH_GRACE", "0s")
}

/// Lets `seconds` pass for every session.
fn pass(server: &Server, seconds: u64) {
    let earlier = |column| format!("{column} = {}", server.database.earlier(column, seconds));
    server.database.execute(&format!("UPDATE sessions SET {}, {}", earlier("rotated_at"), earlier("handed_at")));
}

/// Shows that the answer with `tokens` has arrived, as its access token does.
#[track_caller]
fn use_access_token(server: &Server, tokens: &Value) {
    assert_eq!(server.as_user(tokens).get("/auth/verify").status, 204);
}

#[track_caller]
fn assert_dead(server: &Server, tokens: &Value) {
    assert_problem(&server.refresh(tokens), 401, "refresh_token_invalid");
    assert_problem(&server.as_user(tokens).get("/users/me"), 401, "session_revoked");
}

/// Asks as an honest client does: again, while it is told to come back.
fn refresh_patiently(server: &Server, tokens: &Value) -> Response {
    loop {
        let answer = server.refresh(tokens);
        if answer.status != 503 {
            return answer;
        }
    }
}

on_every_database! {
    /// R-02, REQ-11: everything of that user's ends, with one event and one mail.
    fn a_stolen_token_that_comes_back_ends_every_session_of_the_user(server: &Server) {
        let first = server.register("ada@example.org");
        let (other, stranger) = (server.log_in("ada@example.org"), server.register("eve@example.org"));
        let second = assert_tokens(&server.refresh(&first), 200);
        use_access_token(server, &second);
        pass(server, GRACE + 1);
        assert_problem(&server.refresh(&first), 401, "refresh_token_reused");
        for tokens in [&first, &second, &other] {
            assert_dead(server, tokens);
        }
        assert_eq!(server.as_user(&stranger).get("/users/me").status, 200);
        assert_tokens(&server.refresh(&stranger), 200);
        assert_eq!(audit::count(&server.database, "token.reused", text(&first["user"]["id"])), 1);
        assert_eq!(server.database.count("email_outbox WHERE template = 'security_alert'"), 1);
    }

    /// a token two generations back needs no proof of use to be called stolen.
    fn a_token_from_before_the_previous_one_is_reuse_even_within_the_grace(server: &Server) {
        let first = server.register("ada@example.org");
        let second = assert_tokens(&server.refresh(&first), 200);
        pass(server, GRACE + 1);
        let third = assert_tokens(&server.refresh(&second), 200);
        assert_ne!(third["refresh_token"], second["refresh_token"]);
        assert_problem(&server.refresh(&first), 401, "refresh_token_reused");
        assert_dead(server, &third);
    }

    /// in strict mode a token is good once.
    fn in_strict_mode_a_spent_token_is_reuse_at_once(server: &Server, strict()) {
        let first = server.register("ada@example.org");
        let second = assert_tokens(&server.refresh(&first), 200);
        let third = assert_tokens(&server.refresh(&second), 200);
        let tokens: BTreeSet<&str> = [&first, &second, &third].map(|tokens| text(&tokens["refresh_token"])).into();
        assert_eq!(tokens.len(), 3);
        assert_problem(&server.refresh(&second), 401, "refresh_token_reused");
        assert_dead(server, &third);
        assert_dead(server, &second);
        assert_eq!(audit::count(&server.database, "token.reused", text(&first["user"]["id"])), 1);
    }

    /// of fifty at once one wins in strict mode; the others are reuse, which ends the family: no branch lives.
    fn of_fifty_strict_refreshes_with_one_token_one_succeeds(server: &Server, strict()) {
        for round in 0..3 {
            let tokens = server.register(&format!("{round}@example.org"));
            let answers = at_once(50, |_| refresh_patiently(server, &tokens));
            let winners: Vec<&Response> = answers.iter().filter(|answer| answer.status == 200).collect();
            assert_eq!(winners.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
            for answer in answers.iter().filter(|answer| answer.status != 200) {
                assert!(["refresh_token_reused", "refresh_token_invalid"].contains(&answer.error_code().as_str()));
            }
            assert_dead(server, &winners[0].json());
            let user = text(&tokens["user"]["id"]).to_owned();
            assert_eq!(audit::count(&server.database, "token.reused", &user), 1);
            let live = format!("sessions WHERE revoked_at IS NULL AND user_id = {}", server.database.id(&user));
            assert_eq!(server.database.count(&live), 0);
        }
    }

    /// sixty tabs that refresh at once get one and the same successor.
    fn sixty_refreshes_at_once_get_the_same_successor(server: &Server, ServerOptions::default().set("AUTH_REFRESH_GRACE", "5m")) {
        for round in 0..3 {
            let tokens = server.register(&format!("{round}@example.org"));
            let answers = at_once(60, |_| assert_tokens(&refresh_patiently(server, &tokens), 200));
            let successors: BTreeSet<&str> = answers.iter().map(|answer| text(&answer["refresh_token"])).collect();
            assert_eq!(successors.len(), 1);
            assert!(!successors.contains(text(&tokens["refresh_token"])));
            let generation = |tokens: &Value| Jwt::of(tokens).claims["gen"].as_i64().unwrap();
            assert!(answers.iter().all(|answer| generation(answer) == generation(&tokens) + 1));
            assert_eq!(assert_tokens(&server.refresh(&answers[0]), 200)["refresh_token"], answers[0]["refresh_token"]);
        }
        assert_eq!(server.database.count("sessions WHERE revoked_at IS NULL AND generation = 2 AND skips = 0"), 3);
        assert_eq!(server.database.count("audit_events WHERE event = 'token.reused'"), 0);
    }

    /// within the grace a repeat gets the same successor; whichever copy is used, there is one branch.
    fn a_lost_answer_within_the_grace_is_given_again(server: &Server) {
        let first = server.register("ada@example.org");
        let lost = assert_tokens(&server.refresh(&first), 200);
        let repeated = assert_tokens(&server.refresh(&first), 200);
        assert_eq!(repeated["refresh_token"], lost["refresh_token"]);
        for tokens in [&lost, &repeated] {
            use_access_token(server, tokens);
        }
        pass(server, GRACE + 1);
        assert_tokens(&server.refresh(&repeated), 200);
    }

    /// long after the grace too, as long as nobody has used the successor; that one is dead then.
    fn an_answer_that_nobody_got_strands_no_client_after_the_grace(server: &Server) {
        let first = server.register("ada@example.org");
        let lost = assert_tokens(&server.refresh(&first), 200);
        pass(server, GRACE + 1);
        let second = assert_tokens(&server.refresh(&first), 200);
        assert_ne!(second["refresh_token"], lost["refresh_token"]);
        use_access_token(server, &second);
        pass(server, GRACE + 1);
        assert_problem(&server.refresh(&lost), 401, "refresh_token_reused");
        assert_dead(server, &second);
    }

    /// using the old token does not keep its window open.
    fn the_grace_does_not_slide(server: &Server) {
        let first = server.register("ada@example.org");
        let second = assert_tokens(&server.refresh(&first), 200);
        use_access_token(server, &second);
        pass(server, GRACE * 9 / 10);
        assert_eq!(assert_tokens(&server.refresh(&first), 200)["refresh_token"], second["refresh_token"]);
        pass(server, GRACE * 9 / 10);
        let wait = server.refresh(&first);
        assert_problem(&wait, 503, "retry_later");
        let seconds: u64 = wait.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=GRACE).contains(&seconds), "{wait:?}");
        assert_eq!(assert_tokens(&server.refresh(&second), 200)["refresh_token"], second["refresh_token"]);
        pass(server, GRACE + 1);
        assert_problem(&server.refresh(&first), 401, "refresh_token_reused");
        assert_dead(server, &second);
    }

    /// the refusal never takes the revocation back, whatever else is odd about the request.
    fn reuse_is_committed_although_the_request_is_refused(server: &Server, strict()) {
        let agents: [&[u8]; 3] = [b"\xff\xfe\x80", &b"x".repeat(20_000), b"'; DROP TABLE sessions; --"];
        for (index, agent) in agents.into_iter().enumerate() {
            let first = server.register(&format!("{index}@example.org"));
            let second = assert_tokens(&server.refresh(&first), 200);
            let odd = server.client.header("User-Agent", agent).header("X-Request-ID", "bad id").header("X-Forwarded-For", "?");
            let answer = odd.post("/auth/refresh", &json!({ "refresh_token": first["refresh_token"] }));
            assert_problem(&answer, 401, "refresh_token_reused");
            assert_dead(server, &second);
            assert_eq!(audit::count(&server.database, "token.reused", text(&first["user"]["id"])), 1);
        }
    }

    ///
    fn a_malformed_token_is_refused(server: &Server) {
        let tokens = server.register("ada@example.org");
        let token = text(&tokens["refresh_token"]);
        let bytes = BASE64URL.decode(&token[3..]).unwrap();
        let spelled = |bytes: &[u8]| format!("rt_{}", BASE64URL.encode(bytes));
        let mut malformed = vec![
            String::new(), "rt_".into(), "x".into(), "\0".into(), "🔑".into(), "null".into(), "a".repeat(60_000),
            format!(" {token}"), format!("{token} "), format!("{token}\n"), format!("{token}="), token.repeat(2),
            token[3..].into(), format!("RT_{}", &token[3..]), format!("rt_{}", STANDARD.encode([0xfb; 69])),
            spelled(&[0; 69]), spelled(&bytes[..68]), spelled(&[&bytes[..], b"x"].concat()),
        ];
        // Version, session, generation, binding tag and forgery tag: every bit of a token counts.
        malformed.extend([0, 1, 16, 17, 20, 21, 52, 53, 68].map(|at| {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            spelled(&changed)
        }));
        for text in malformed {
            let answer = server.client.post("/auth/refresh", &json!({ "refresh_token": text }));
            assert_problem(&answer, 401, "refresh_token_invalid");
        }
        for value in [json!(1), json!([token]), json!({ "token": token }), json!(true)] {
            let answer = server.client.post("/auth/refresh", &json!({ "refresh_token": value }));
            assert_problem(&answer, 400, "malformed_request");
        }
        assert_tokens(&server.refresh(&tokens), 200);
    }

    /// R-21, REQ-11: who steals the database finds no token in it.
    fn no_token_that_was_on_the_wire_is_in_the_database(server: &Server) {
        let registered = server.register("ada@example.org");
        let refreshed = assert_tokens(&server.refresh(&registered), 200);
        let logged_in = server.log_in("ada@example.org");
        let dump = server.database.dump();
        let is_there = |needle: &[u8]| dump.windows(needle.len()).any(|window| window == needle);
        assert!(is_there(b"ada@example.org"), "the dump holds what it should");
        for tokens in [&registered, &refreshed, &logged_in] {
            let refresh = BASE64URL.decode(&text(&tokens["refresh_token"])[3..]).unwrap();
            let access = Jwt::of(tokens).signature;
            for secret in [&refresh[21..53], &refresh[53..], &access[..32]] {
                let hex = secret.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
                let texts = [hex.to_uppercase(), hex, BASE64URL.encode(secret), STANDARD.encode(secret)];
                assert!(!is_there(secret) && texts.iter().all(|text| !is_there(text.trim_end_matches('=').as_bytes())));
            }
            for token in ["refresh_token", "access_token"] {
                assert!(!is_there(text(&tokens[token]).as_bytes()), "{token}");
            }
        }
        assert!(!is_there(PASSWORD.as_bytes()));
    }

    /// who else is named in the request makes no difference.
    fn the_refresh_token_alone_decides(server: &Server) {
        let (ada, eve) = (server.register("ada@example.org"), server.register("eve@example.org"));
        let ended = server.log_in("eve@example.org");
        server.as_user(&ended).send("POST", "/auth/logout", None);
        let body = json!({ "refresh_token": ada["refresh_token"] });
        for client in [server.client.clone(), server.as_user(&eve), server.as_user(&ended), server.client.bearer("x")] {
            let tokens = assert_tokens(&client.post("/auth/refresh", &body), 200);
            assert_eq!(tokens["user"]["email"], "ada@example.org");
        }
        let body = json!({ "refresh_token": ended["refresh_token"] });
        assert_problem(&server.as_user(&eve).post("/auth/refresh", &body), 401, "refresh_token_invalid");
    }
}
