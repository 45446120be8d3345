//! Settings do what they say: each is set on a real server and its effect is seen over HTTP.

use serde_json::{Value, json};

use crate::audit;
use crate::contract::{assert_problem, assert_refused_fields, assert_tokens};
use crate::jwt::{Jwt, text};
use crate::support::{PASSWORD, Response, Server, ServerOptions, eventually, on_every_database};

fn with(variable: &str, value: &str) -> ServerOptions {
    ServerOptions::default().set(variable, value)
}

fn register(server: &Server, email: &str, password: &str) -> Response {
    server.client.post("/auth/register", &json!({ "email": email, "password": password }))
}

on_every_database! {
    fn closed_registration_lets_nobody_in(server: &Server, with("AUTH_REGISTRATION", "closed")) {
        for body in [json!({ "email": "ada@example.org", "password": PASSWORD }), json!({})] {
            assert_problem(&server.client.post("/auth/register", &body), 403, "registration_closed");
        }
        assert_eq!(server.database.count("users"), 0);
    }

    /// the oldest session ends, and its access token with it; nobody else's does.
    fn a_user_has_no_more_sessions_than_allowed(server: &Server, with("AUTH_SESSIONS_PER_USER", "3")) {
        let stranger = server.register("eve@example.org");
        let mut tokens = vec![server.register("ada@example.org")];
        for _ in 0..30 {
            tokens.push(server.log_in("ada@example.org"));
            let session = |tokens: &Value| text(&Jwt::of(tokens).claims["sid"]).to_owned();
            let newest: Vec<String> = tokens.iter().rev().take(3).map(session).collect();
            let list = server.as_user(tokens.last().unwrap()).get("/users/me/sessions").json();
            let there: Vec<String> =
                list["sessions"].as_array().unwrap().iter().map(|session| text(&session["id"]).to_owned()).collect();
            assert_eq!(there, newest);
            if let Some(ended) = tokens.len().checked_sub(4) {
                assert_problem(&server.as_user(&tokens[ended]).get("/auth/verify"), 401, "session_revoked");
                assert_problem(&server.refresh(&tokens[ended]), 401, "refresh_token_invalid");
            }
        }
        assert_eq!(server.as_user(&stranger).get("/auth/verify").status, 204);
    }

    /// with `session`, reuse ends that session alone.
    fn reuse_ends_one_session_if_so_configured(server: &Server, with("AUTH_REFRESH_REUSE_REVOKES", "session").set("AUTH_REFRESH_GRACE", "0s")) {
        let first = server.register("ada@example.org");
        let other = server.log_in("ada@example.org");
        let second = assert_tokens(&server.refresh(&first), 200);
        assert_problem(&server.refresh(&first), 401, "refresh_token_reused");
        assert_problem(&server.refresh(&second), 401, "refresh_token_invalid");
        assert_problem(&server.as_user(&second).get("/users/me"), 401, "session_revoked");
        assert_eq!(server.as_user(&other).get("/users/me").status, 200);
        assert_tokens(&server.refresh(&other), 200);
        assert_eq!(audit::count(&server.database, "token.reused", text(&first["user"]["id"])), 1);
    }

    /// the ends of a session are settings, and an access token never outlives it.
    fn a_session_ends_when_the_settings_say(server: &Server, with("AUTH_REFRESH_TOKEN_TTL", "2h").set("AUTH_REFRESH_IDLE_TTL", "1h").set("AUTH_ACCESS_TOKEN_TTL", "24h")) {
        let tokens = server.register("ada@example.org");
        assert!(tokens["expires_in"].as_u64().is_some_and(|seconds| (7190..=7200).contains(&seconds)), "{tokens}");
        let age = |column, seconds| {
            let earlier = server.database.earlier(column, seconds);
            server.database.execute(&format!("UPDATE sessions SET {column} = {earlier}"));
        };
        age("last_used_at", 3000);
        assert_tokens(&server.refresh(&tokens), 200);
        age("expires_at", 3600);
        let shorter = assert_tokens(&server.refresh(&tokens), 200);
        assert!(shorter["expires_in"].as_u64().is_some_and(|seconds| seconds <= 3600), "{shorter}");
        age("last_used_at", 3601);
        assert_problem(&server.refresh(&tokens), 401, "refresh_token_expired");
    }

    /// REQ-02
    fn the_password_policy_is_configurable(server: &Server, with("AUTH_PASSWORD_MIN_LENGTH", "8").set("AUTH_PASSWORD_MAX_LENGTH", "128").set("AUTH_PASSWORD_REQUIRE", "lower,upper,digit,symbol").set("AUTH_APP_NAME", "Zwinger")) {
        for (index, weak) in ["Gates-7", "gates-77", "GATES-77", "Gates-seven", "Gates777", &format!("Aa1-{}", "x".repeat(125))].into_iter().enumerate() {
            let answer = register(server, &format!("{index}@example.org"), weak);
            assert_refused_fields(&answer, &[("password", "weak_password")]);
        }
        assert_refused_fields(&register(server, "z@example.org", "Zwinger-1"), &[("password", "weak_password")]);
        for (index, good) in ["Kwqz-7px", "Törchen 7", &format!("Aa1-{}", "x".repeat(124))].into_iter().enumerate() {
            assert_tokens(&register(server, &format!("good-{index}@example.org"), good), 201);
        }
    }

    fn a_longer_minimum_is_kept(server: &Server, with("AUTH_PASSWORD_MIN_LENGTH", "20")) {
        assert_refused_fields(&register(server, "a@example.org", "nineteen characters"), &[("password", "weak_password")]);
        assert_tokens(&register(server, "a@example.org", "twenty characters it"), 201);
    }

    /// REQ-10: issuer and audience as configured.
    fn issuer_and_audience_are_those_of_the_settings(server: &Server, with("AUTH_JWT_ISSUER", "https://issuer.example").set("AUTH_JWT_AUDIENCE", "https://api.example")) {
        let tokens = server.register("ada@example.org");
        let claims = Jwt::of(&tokens).claims;
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!("https://issuer.example"), &json!("https://api.example")));
        assert_eq!(server.as_user(&tokens).get("/auth/verify").status, 204);
    }

    /// W-17: the address that is kept is the peer's, whatever the client says of itself, and the operator is told once.
    fn forwarding_headers_of_strangers_are_not_believed(server: &Server) {
        for _ in 0..2 {
            let client = server.client.header("X-Forwarded-For", "198.51.100.7").header("X-Real-IP", "198.51.100.7").header("Forwarded", "for=198.51.100.7");
            client.post("/auth/login", &json!({ "identifier": "a", "password": "b" }));
        }
        assert_eq!(server.database.count("audit_events WHERE ip = '127.0.0.1'"), 2);
        assert!(server.wait_for_log(|line| line.contains("AUTH_TRUSTED_PROXIES")).is_some());
        assert_eq!(server.log().iter().filter(|line| line.contains("AUTH_TRUSTED_PROXIES")).count(), 1);
    }

    fn the_address_behind_a_trusted_proxy_is_kept(server: &Server, with("AUTH_TRUSTED_PROXIES", "127.0.0.0/8,2001:db8::/32")) {
        for (forwarded, ip) in [
            ("198.51.100.7", "198.51.100.7"),
            ("203.0.113.9, 198.51.100.8", "198.51.100.8"),
            ("203.0.113.9, 198.51.100.9, 127.0.0.2, 2001:db8::1", "198.51.100.9"),
            ("[2a00:1450::1]:443", "2a00:1450::1"),
            ("nonsense", "127.0.0.1"),
            ("198.51.100.7, nonsense", "127.0.0.1"),
        ] {
            server.register(&format!("{}@example.org", forwarded.len()));
            let login = json!({ "identifier": format!("{}@example.org", forwarded.len()), "password": PASSWORD });
            let tokens = assert_tokens(&server.client.header("X-Forwarded-For", forwarded).post("/auth/login", &login), 200);
            let sessions = server.as_user(&tokens).get("/users/me/sessions").json();
            assert_eq!(sessions["sessions"][0]["ip"], ip, "{forwarded}");
        }
    }
}

/// L-02: while slower hashes are being replaced, a failure takes as long as the setting says, whoever it is of.
#[test]
fn a_failed_log_in_takes_at_least_the_floor() {
    let server = Server::on_sqlite(with("AUTH_LOGIN_FLOOR", "1500ms"));
    server.register("ada@example.org");
    let disabled = server.register("eve@example.org");
    let eve = server.database.id(text(&disabled["user"]["id"]));
    let now = server.database.now();
    server.database.execute(&format!("UPDATE users SET disabled_at = {now} WHERE id = {eve}"));
    for (identifier, password, status) in [
        ("ada@example.org", "wrong wooden gates", 401),
        ("nobody@example.org", PASSWORD, 401),
        ("eve@example.org", "wrong wooden gates", 401),
        ("eve@example.org", PASSWORD, 403),
    ] {
        let began = std::time::Instant::now();
        let answer = crate::calls::log_in(&server, identifier, password);
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(began.elapsed() >= std::time::Duration::from_millis(1500), "{:?}", began.elapsed());
    }
}

/// REQ-10: each algorithm signs, verifies and publishes what others need to verify.
#[test]
fn every_signing_algorithm_works_end_to_end() {
    for (algorithm, members) in [
        ("EdDSA", Some(&["kty", "crv", "x", "kid", "use", "alg"][..])),
        ("ES256", Some(&["kty", "crv", "x", "y", "kid", "use", "alg"])),
        ("RS256", Some(&["kty", "n", "e", "kid", "use", "alg"])),
        ("HS256", None),
    ] {
        let server = Server::on_sqlite(with("AUTH_JWT_ALGORITHM", algorithm));
        let tokens = server.register("ada@example.org");
        let token = Jwt::of(&tokens);
        assert_eq!(token.header["alg"], algorithm);
        assert_eq!(server.as_user(&tokens).get("/users/me").status, 200);
        assert_tokens(&server.refresh(&tokens), 200);
        let keys = server.client.get("/.well-known/jwks.json").json();
        match members {
            Some(members) => {
                crate::contract::assert_fields(&keys["keys"][0], members);
                assert_eq!(keys["keys"][0]["kid"], token.header["kid"]);
            }
            None => assert_eq!(keys, json!({ "keys": [] }), "a symmetric key is never published"),
        }
        // T-02, T-03: no relabelling, and no MAC under what is public.
        for other in ["none", "EdDSA", "ES256", "RS256", "HS256", "ES384", "RS384", "PS256", "HS384", "HS512"] {
            if other != algorithm {
                let relabelled = token.with_header("alg", json!(other)).unsigned();
                assert_problem(&server.client.bearer(&relabelled).get("/auth/verify"), 401, "token_invalid");
            }
        }
        for key in [
            keys.to_string(),
            keys["keys"][0].to_string(),
            String::new(),
            "k3Wn8sQx0vT5yB2eH7uJ9aZ4cM6pR1dL".to_owned(),
        ] {
            let forged =
                token.with_header("alg", json!("HS256")).with_claim("role", json!("admin")).mac(key.as_bytes());
            assert_problem(&server.client.bearer(&forged).get("/auth/verify"), 401, "token_invalid");
        }
    }
}

/// REQ-53: below its level nothing is logged.
#[test]
fn the_log_s_level_is_a_setting() {
    let server = Server::on_sqlite(with("AUTH_LOG", "warn,auth_server=info"));
    server.register("ada@example.org");
    server.database.execute("ALTER TABLE users RENAME TO users_away");
    assert_problem(
        &server.client.post("/auth/login", &json!({ "identifier": "a@example.org", "password": "b" })),
        500,
        "internal_error",
    );
    eventually("the failure is logged", || server.log().iter().any(|line| line.contains("\"ERROR\"")));
    assert!(server.log().iter().all(|line| !line.contains("\"target\":\"access\"")));
}

/// REQ-05, REQ-01: a short queue sheds at once, with a word when to come back.
#[test]
fn a_full_hashing_queue_is_told_and_heals() {
    let options = with("AUTH_HASH_THREADS", "1")
        .set("AUTH_HASH_QUEUE", "1")
        .set("AUTH_ARGON2_MEMORY_KIB", "65536")
        .set("AUTH_ARGON2_ITERATIONS", "3");
    let server = Server::on_sqlite(options);
    let login = json!({ "identifier": "ada@example.org", "password": PASSWORD });
    let answers = crate::support::at_once(16, |_| server.client.post("/auth/login", &login));
    let shed: Vec<&Response> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!shed.is_empty(), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    for answer in shed {
        assert_problem(answer, 503, "overloaded");
    }
    for answer in answers.iter().filter(|answer| answer.status != 503) {
        assert_problem(answer, 401, "invalid_credentials");
    }
    assert_problem(&server.client.post("/auth/login", &login), 401, "invalid_credentials");
}
