//! How an access token comes along (RFC 6750): in the `Authorization` header alone, and within limits.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::contract::assert_problem;
use crate::jwt::{Jwt, stranger, text};
use crate::support::{PASSWORD, Server, ServerOptions, on_every_database};

fn signed_in() -> (Server, Value) {
    let server = Server::on_sqlite(ServerOptions::default());
    let tokens = server.register("ada@example.org");
    (server, tokens)
}

/// T-17: what is too long to be a token is refused unread.
#[test]
fn a_token_beyond_4096_characters_is_refused_quickly() {
    let (server, tokens) = signed_in();
    for length in [4096, 4097, 8 * 1024, 30 * 1024] {
        assert_problem(&server.client.bearer(&"a".repeat(length)).get("/auth/verify"), 401, "token_invalid");
    }
    let longer = Jwt::of(&tokens).with_claim("x", json!("y".repeat(4096))).signed(&stranger());
    assert_problem(&server.client.bearer(&longer).get("/auth/verify"), 401, "token_invalid");
    for length in [64 * 1024, 1024 * 1024] {
        let request = server.client.bearer(&"a".repeat(length)).compose("GET", "/users/me", None);
        let answer = server.client.raw(&request);
        assert!(answer.is_none_or(|answer| [400, 401, 431].contains(&answer.status)), "{length}");
    }
    let body = json!({ "refresh_token": "a".repeat(20 * 1024 * 1024) }).to_string();
    let answer = server.client.send_beginning("POST", "/auth/refresh", ("application/json", body.as_bytes()));
    assert_problem(&answer, 413, "payload_too_large");
    assert_eq!(server.as_user(&tokens).get("/users/me").status, 200);
}

/// T-24, RFC 9700 4.3.2: a token in the URL or in a form body is ignored.
#[test]
fn a_token_counts_in_the_authorization_header_alone() {
    let (server, tokens) = signed_in();
    let token = text(&tokens["access_token"]);
    for path in ["/users/me", "/auth/verify"] {
        for name in ["access_token", "token", "Authorization"] {
            assert_problem(&server.client.get(&format!("{path}?{name}={token}")), 401, "not_authenticated");
        }
    }
    let form = format!("access_token={token}");
    let form = Some(("application/x-www-form-urlencoded", form.as_bytes()));
    assert_problem(&server.client.send("POST", "/auth/logout-all", form), 401, "not_authenticated");
    assert_problem(&server.client.send("GET", "/users/me", form), 401, "not_authenticated");
    for name in ["Proxy-Authorization", "X-Access-Token", "X-Authorization", "X-Auth-User"] {
        assert_problem(
            &server.client.header(name, format!("Bearer {token}")).get("/users/me"),
            401,
            "not_authenticated",
        );
    }
}

on_every_database! {
    /// T-25: cookies are not read, so they can't disagree with the bearer token; none is ever set (`assert_hardened`).
    fn cookies_are_not_read(server: &Server) {
        let (ada, eve) = (server.register("ada@example.org"), server.register("eve@example.org"));
        let cookies = |tokens: &Value| {
            let (access, refresh) = (text(&tokens["access_token"]), text(&tokens["refresh_token"]));
            format!("access_token={access}; __Host-access={access}; session={access}; refresh_token={refresh}; access_token={access}")
        };
        let with_both = server.as_user(&ada).header("Cookie", cookies(&eve));
        assert_eq!(with_both.get("/users/me").json()["email"], "ada@example.org");
        let with_cookie = server.client.header("Cookie", cookies(&eve));
        assert_problem(&with_cookie.get("/users/me"), 401, "not_authenticated");
        assert_problem(&with_cookie.post("/auth/refresh", &json!({})), 422, "validation_failed");
    }
}

/// T-26, RFC 6750 2.1
#[test]
fn the_authorization_header_is_read_strictly() {
    let (server, tokens) = signed_in();
    let token = text(&tokens["access_token"]);
    let get = |value: &[u8]| server.client.header("Authorization", value).get("/users/me");
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(get(format!("{scheme} {token}").as_bytes()).status, 200, "the scheme's case makes no difference");
    }
    let basic = STANDARD.encode(format!("ada@example.org:{PASSWORD}"));
    for none in [
        "",
        "Bearer",
        "Basic",
        &format!("Basic {basic}"),
        "Digest x",
        token,
        &format!("Token {token}"),
        &format!("Bearer\t{token}"),
    ] {
        assert_problem(&get(none.as_bytes()), 401, "not_authenticated");
    }
    for bad in [
        format!("Bearer  {token}").into_bytes(),
        format!("Bearer {token} x").into_bytes(),
        format!("Bearer {token}, Bearer {token}").into_bytes(),
        b"Bearer \xff\xfe".to_vec(),
        "Bearer é".into(),
        b"Bearer %00%zz%".to_vec(),
        b"Bearer undefined".to_vec(),
    ] {
        assert_problem(&get(&bad), 401, "token_invalid");
    }
    let twice = server.client.bearer(token).bearer(token).get("/users/me");
    assert_problem(&twice, 401, "token_invalid");
    let nul = server.client.header("Authorization", "Bearer \0").compose("GET", "/users/me", None);
    assert_eq!(server.client.raw(&nul).map(|answer| answer.status), Some(400));
}
