//! Health, readiness, keys and documents.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use crate::contract::{assert_fields, assert_hardened, assert_problem, assert_safe};
use crate::jwt::{Jwt, text};
use crate::support::{Server, ServerOptions, on_every_database};

/// Each call of the contract that exists, and the statuses that the document has to tell.
const CALLS: [(&str, &str, &[u16]); 52] = [
    ("post", "/auth/register", &[201, 400, 403, 409, 413, 415, 422, 429, 500, 503]),
    ("post", "/auth/login", &[200, 400, 401, 403, 413, 415, 422, 429, 500, 503]),
    ("post", "/auth/refresh", &[200, 400, 401, 413, 415, 422, 429, 500, 503]),
    ("post", "/auth/logout", &[204, 400, 401, 413, 415, 500, 503]),
    ("post", "/auth/logout-all", &[204, 401, 500, 503]),
    ("get", "/auth/verify", &[204, 401, 503]),
    ("post", "/auth/challenge", &[200, 400, 401, 403, 413, 415, 422, 429, 500, 503]),
    ("post", "/auth/password/forgot", &[202, 400, 413, 415, 422, 429, 500, 503]),
    ("post", "/auth/password/reset", &[204, 400, 413, 415, 422, 429, 500, 503]),
    ("post", "/auth/password/change", &[204, 400, 401, 403, 409, 413, 415, 422, 429, 500, 503]),
    ("post", "/auth/secure-account", &[204, 400, 413, 415, 422, 429, 500, 503]),
    ("post", "/auth/email/verify", &[204, 400, 401, 413, 415, 422, 429, 500, 503]),
    ("post", "/auth/email/resend", &[202, 400, 413, 415, 422, 429, 500, 503]),
    ("post", "/auth/email/change/confirm", &[204, 400, 413, 415, 422, 429, 500, 503]),
    ("post", "/auth/email/change/undo", &[204, 400, 413, 415, 422, 429, 500, 503]),
    ("post", "/users/me/email", &[202, 400, 401, 403, 413, 415, 422, 429, 500, 503]),
    ("post", "/auth/reauth", &[204, 400, 401, 403, 413, 415, 422, 429, 500, 503]),
    ("get", "/users/me/mfa", &[200, 401, 403, 500, 503]),
    ("post", "/users/me/mfa/totp", &[200, 401, 403, 409, 500, 503]),
    ("post", "/users/me/mfa/totp/confirm", &[200, 400, 401, 403, 413, 415, 422, 429, 500, 503]),
    ("post", "/users/me/mfa/totp/disable", &[204, 400, 401, 403, 413, 415, 422, 429, 500, 503]),
    ("post", "/users/me/mfa/backup-codes", &[200, 400, 401, 403, 409, 413, 415, 422, 429, 500, 503]),
    ("get", "/link/{purpose}", &[200, 404, 429]),
    ("get", "/metrics", &[200, 404]),
    ("get", "/users/me", &[200, 401, 403, 500, 503]),
    ("patch", "/users/me", &[200, 400, 401, 403, 409, 413, 415, 422, 500, 503]),
    ("delete", "/users/me", &[204, 400, 401, 403, 409, 413, 415, 500, 503]),
    ("get", "/users/me/export", &[200, 401, 403, 500, 503]),
    ("get", "/users/me/security-events", &[200, 400, 401, 403, 422, 429, 500, 503]),
    ("get", "/users/me/sessions", &[200, 401, 500, 503]),
    ("delete", "/users/me/sessions", &[204, 401, 500, 503]),
    ("delete", "/users/me/sessions/{id}", &[204, 401, 404, 500, 503]),
    ("get", "/admin/users", &[200, 400, 401, 403, 422, 429, 500, 503]),
    ("post", "/admin/users", &[201, 400, 401, 403, 409, 413, 415, 422, 429, 500, 503]),
    ("get", "/admin/users/{id}", &[200, 401, 403, 404, 429, 500, 503]),
    ("patch", "/admin/users/{id}", &[200, 400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503]),
    ("delete", "/admin/users/{id}", &[204, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503]),
    ("post", "/admin/users/{id}/reset-mfa", &[204, 400, 401, 403, 404, 413, 415, 429, 500, 503]),
    ("post", "/admin/users/{id}/revoke-sessions", &[204, 400, 401, 403, 404, 413, 415, 429, 500, 503]),
    ("post", "/admin/users/{id}/send-password-reset", &[204, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503]),
    ("get", "/admin/audit", &[200, 400, 401, 403, 422, 429, 500, 503]),
    ("get", "/health", &[200]),
    ("get", "/health/ready", &[200, 503]),
    ("get", "/.well-known/jwks.json", &[200]),
    ("get", "/auth/providers", &[200, 500]),
    ("get", "/auth/{provider}", &[200, 302, 400, 404, 422, 429, 500, 501, 502, 503]),
    ("get", "/auth/{provider}/callback", &[200, 302, 400, 403, 404, 409, 429, 500, 501, 502, 503]),
    ("post", "/auth/oauth/exchange", &[200, 400, 403, 413, 415, 422, 429, 500, 503]),
    ("get", "/auth/link/{provider}", &[200, 302, 400, 401, 403, 404, 422, 429, 500, 501, 502, 503]),
    ("get", "/auth/link/{provider}/callback", &[200, 302, 400, 403, 404, 409, 429, 500, 501, 502, 503]),
    ("get", "/users/me/linked-accounts", &[200, 401, 403, 500, 503]),
    ("delete", "/users/me/link/{provider}", &[204, 400, 401, 403, 404, 409, 413, 415, 500, 503]),
];

fn server() -> Server {
    Server::on_sqlite(ServerOptions::default())
}

/// REQ-55, W-23: nothing about us, and no version.
#[test]
fn health_says_healthy_and_no_more() {
    let answer = server().client.get("/health");
    assert_eq!((answer.status, answer.json()), (200, json!({ "status": "healthy" })));
    assert_safe(&answer);
}

on_every_database! {
    /// REQ-55
    fn readiness_follows_the_database_and_health_does_not(server: &Server) {
        let ready = server.client.get("/health/ready");
        assert_eq!((ready.status, ready.json()), (200, json!({ "status": "ready", "checks": { "database": "up", "mail": "up" } })));
        assert_safe(&ready);
        server.database.execute("ALTER TABLE signing_keys RENAME TO signing_keys_away");
        let down = server.client.get("/health/ready");
        assert_eq!((down.status, down.json()), (503, json!({ "status": "unavailable", "checks": { "database": "down", "mail": "up" } })));
        assert_safe(&down);
        assert_eq!(server.client.get("/health").status, 200);
        server.database.execute("ALTER TABLE signing_keys_away RENAME TO signing_keys");
        assert_eq!(server.client.get("/health/ready").status, 200);
    }

    /// T-23, REQ-15: what verifies our tokens, and never what makes them.
    fn the_key_set_has_the_public_key_alone(server: &Server) {
        let answer = server.client.get("/.well-known/jwks.json");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_hardened(&answer);
        let caching = answer.header("cache-control").unwrap_or_default();
        assert!(caching.contains("public") && caching.contains("max-age="), "{answer:?}");
        let keys = answer.json();
        assert_fields(&keys, &["keys"]);
        let key = &keys["keys"][0];
        assert_fields(key, &["kty", "crv", "x", "kid", "use", "alg"]);
        assert_eq!((&key["kty"], &key["crv"]), (&json!("OKP"), &json!("Ed25519")));
        assert_eq!((&key["use"], &key["alg"]), (&json!("sig"), &json!("EdDSA")));
        assert_eq!(BASE64URL.decode(text(&key["x"])).unwrap().len(), 32);
        assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
        assert_eq!(Jwt::of(&server.register("ada@example.org")).header["kid"], key["kid"]);
    }

    /// REQ-59: what was given out stays good when the server starts again.
    fn tokens_outlive_a_restart(server: &Server) {
        let tokens = server.register("ada@example.org");
        let ended = server.log_in("ada@example.org");
        server.as_user(&ended).send("POST", "/auth/logout", None);
        assert_eq!(server.terminate(), Some(0), "SIGTERM ends it in good order");
        let again = Server::start_on(server.database.clone(), ServerOptions::default());
        assert_eq!(again.as_user(&tokens).get("/users/me").json()["id"], tokens["user"]["id"]);
        assert_eq!(again.refresh(&tokens).status, 200);
        assert_problem(&again.as_user(&ended).get("/auth/verify"), 401, "session_revoked");
        assert_problem(&again.refresh(&ended), 401, "refresh_token_invalid");
    }
}

/// REQ-56: the document has every call, with every status that it can answer.
#[test]
fn the_openapi_document_describes_every_call() {
    let server = server();
    let answer = server.client.get("/openapi.json");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_hardened(&answer);
    let document = answer.json();
    assert!(text(&document["openapi"]).starts_with("3."), "{}", document["openapi"]);
    let paths = document["paths"].as_object().unwrap();
    let described: BTreeSet<(&str, &str)> = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| (method.as_str(), path.as_str())))
        .collect();
    assert_eq!(described, CALLS.iter().map(|(method, path, _)| (*method, *path)).collect());
    for (method, path, statuses) in CALLS {
        let responses = document["paths"][path][method]["responses"].as_object().unwrap();
        for status in statuses {
            let response = responses.get(&status.to_string());
            let response = response.unwrap_or_else(|| panic!("{method} {path} says nothing of {status}"));
            assert!(!text(&response["description"]).is_empty());
            if *status >= 400 && path != "/health/ready" {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{method} {path} {status}");
            }
        }
    }
    assert_references_resolve(&document, &document);
}

/// Every `$ref` leads somewhere.
fn assert_references_resolve(value: &Value, document: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').expect("a reference within the document");
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
            members.values().for_each(|member| assert_references_resolve(member, document));
        }
        Value::Array(items) => items.iter().for_each(|item| assert_references_resolve(item, document)),
        _ => {}
    }
}

/// REQ-56: the page and all that it loads come from here.
#[test]
fn the_documents_page_loads_nothing_from_elsewhere() {
    let server = server();
    let page = server.client.get("/docs");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_hardened(&page);
    let html = page.text();
    let loaded: Vec<&str> = html
        .split(['"', '\''])
        .skip_while(|part| !part.contains("docs/"))
        .filter(|part| part.starts_with("docs/"))
        .collect();
    assert!(loaded.len() >= 3 && !html.contains("://") && !html.contains("src=\"//"), "{html}");
    for path in loaded {
        let asset = server.client.get(&format!("/{path}"));
        assert_eq!(asset.status, 200, "{path}");
        assert_hardened(&asset);
        assert!(!asset.body.is_empty());
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self';") && policy.contains("connect-src 'self'"), "{policy}");
    assert!(!policy.contains("unsafe-eval") && !policy.contains('*') && !policy.contains("http"), "{policy}");
}

/// W-23, W-24: no version of anything, wherever one asks.
#[test]
fn no_answer_tells_a_version_of_the_software() {
    let server = server();
    for path in [
        "/health",
        "/health/ready",
        "/nowhere",
        "/users/me",
        "/.well-known/jwks.json",
        "/docs",
        "/metrics",
        "/link/activate",
    ] {
        let answer = server.client.get(path);
        let told = format!("{:?} {}", answer.headers, answer.text()).to_ascii_lowercase();
        for word in ["actix", "rust", env!("CARGO_PKG_VERSION"), "gatehouse/"] {
            assert!(!told.contains(word), "{path} tells {word}: {told}");
        }
    }
}
