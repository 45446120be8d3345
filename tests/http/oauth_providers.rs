//! Which providers there are, and what others may have them do: REQ-35, REQ-57, O-26, O-27.

use serde_json::json;

use crate::contract::{assert_fields, assert_problem, assert_safe};
use crate::oauth_browser::{PAGE, sent_to, target};
use crate::oauth_world::{World, exchange, with_providers};
use crate::support::{Backend, Response, Server, ServerOptions};

with_providers! {
    /// REQ-35: apps show what is configured, in the order of a menu.
    fn the_configured_ones_are_listed(world: &World) {
        let answer = world.server.client.get("/auth/providers");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_safe(&answer);
        let list = answer.json();
        assert_fields(&list, &["providers"]);
        let mut listed: Vec<(String, String)> = list["providers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|provider| {
                assert_fields(provider, &["name", "display_name"]);
                (provider["name"].as_str().unwrap().to_owned(), provider["display_name"].as_str().unwrap().to_owned())
            })
            .collect();
        listed.sort_unstable();
        let expected = [("corp", "Corp & Co."), ("discord", "Discord"), ("github", "GitHub"), ("google", "Google")];
        assert_eq!(listed, expected.map(|(name, display)| (name.to_owned(), display.to_owned())));
        assert!(!answer.text().contains("client") && !answer.text().contains("127.0.0.1"), "{answer:?}");
    }
}

/// REQ-35: unknown and unconfigured ones, at each call; fixed paths come first.
#[test]
fn other_providers_are_told_apart() {
    let server = Server::on_sqlite(
        ServerOptions::default()
            .set("AUTH_GITHUB_CLIENT_ID", "id")
            .set("AUTH_GITHUB_CLIENT_SECRET", "a-secret-of-github"),
    );
    let me = server.as_user(&server.register("bob@example.org"));
    assert_eq!(
        server.client.get("/auth/providers").json()["providers"],
        json!([{ "name": "github", "display_name": "GitHub" }])
    );
    for name in ["google", "discord"] {
        for path in [format!("/auth/{name}"), format!("/auth/{name}/callback"), format!("/auth/link/{name}/callback")] {
            assert_problem(&server.client.get(&path), 501, "provider_not_configured");
        }
        assert_problem(&me.get(&format!("/auth/link/{name}")), 501, "provider_not_configured");
    }
    for name in
        ["corp", "GitHub", "github%00", "github.", "%67ithub2", "..%2fgithub", "a".repeat(300).as_str(), "facebook"]
    {
        for path in [format!("/auth/{name}"), format!("/auth/{name}/callback"), format!("/auth/link/{name}/callback")] {
            assert_problem(&server.client.get(&path), 404, "provider_unknown");
        }
        assert_problem(&me.get(&format!("/auth/link/{name}")), 404, "provider_unknown");
    }
    for path in ["login", "register", "refresh", "logout", "challenge", "reauth", "oauth/exchange"] {
        assert_problem(&server.client.get(&format!("/auth/{path}")), 405, "method_not_allowed");
    }
    for path in
        ["/auth/github", "/auth/github/callback", "/auth/link/github", "/auth/link/github/callback", "/auth/providers"]
    {
        for method in ["POST", "PUT", "DELETE"] {
            let answer = me.send(method, path, None);
            assert_eq!((answer.status, answer.header("location")), (405, None), "{method} {path}");
        }
    }
    let real = sent_to(&server.client.get("/auth/github"));
    assert!(real.as_str().starts_with("https://github.com/login/oauth/authorize?"), "{real}");
}

/// A name that would hide a path of ours, or a built-in provider, is a fault of the configuration.
#[test]
fn a_provider_can_t_take_a_path_of_ours() {
    for name in ["login", "link", "callback", "oauth", "providers", "google", "verify", "Corp", "a-b", "1a", ""] {
        let upper = name.to_uppercase();
        let options = ServerOptions::default()
            .set("AUTH_OIDC_PROVIDERS", &format!("{name},other"))
            .set(&format!("AUTH_OIDC_{upper}_ISSUER"), "http://127.0.0.1:1")
            .set(&format!("AUTH_OIDC_{upper}_CLIENT_ID"), "id")
            .set("AUTH_OIDC_OTHER_ISSUER", "http://127.0.0.1:1")
            .set("AUTH_OIDC_OTHER_CLIENT_ID", "id");
        let (code, said) = Server::refused(options);
        assert_eq!(code, Some(2), "{name}: {said}");
        assert!(said.contains("AUTH_OIDC_PROVIDERS"), "{name}: {said}");
    }
}

/// O-26, O-27: what somebody else says about a user counts nowhere.
#[test]
fn nobody_brings_an_identity_of_their_own() {
    let world = World::start(&Backend::Sqlite, &[]);
    let issuer = world.provider("corp").issuer();
    let claims = json!({ "iss": issuer, "aud": "corp-client", "sub": "1001", "exp": 4_000_000_000_u64 });
    let id_token = world.provider("corp").sign(claims.as_object().unwrap());
    let client = &world.server.client;
    for (path, body) in [
        ("/auth/oauth/exchange", json!({ "code": "x", "id_token": id_token })),
        ("/auth/oauth/exchange", json!({ "id_token": id_token, "issuer": issuer })),
        ("/auth/login", json!({ "identifier": "a", "password": "b", "id_token": id_token })),
        (
            "/auth/register",
            json!({ "email": "a@example.org", "password": "b", "provider": "google", "subject": "1001" }),
        ),
        ("/auth/register", json!({ "email": "a@example.org", "password": "b", "external_id": "1001" })),
        ("/auth/challenge", json!({ "token": "x", "method": "id_token", "id_token": id_token })),
    ] {
        assert_problem(&client.post(path, &body), 400, "malformed_request");
    }
    assert_problem(&client.bearer(&id_token).get("/users/me"), 401, "token_invalid");
    let me = world.server.as_user(&world.server.register("bob@example.org"));
    for path in ["/users/me/linked-accounts", "/users/me/link/google"] {
        let answer = me.post(path, &json!({ "provider": "google", "subject": "1001", "id_token": id_token }));
        assert_problem(&answer, 405, "method_not_allowed");
    }
    assert_eq!(world.counts(), (1, 0));
}

/// REQ-57: pages of listed origins may begin a flow with credentials, and no other call or page may have them.
#[test]
fn pages_may_send_cookies_to_the_two_starts_alone() {
    let world = World::start(&Backend::Sqlite, &[("AUTH_CORS_ORIGINS", "https://app.example")]);
    let me = world.server.as_user(&world.server.register("bob@example.org"));
    let allowed = |answer: &Response| {
        let header = |name| answer.header(name).map(str::to_owned);
        (header("access-control-allow-origin"), header("access-control-allow-credentials"))
    };
    let credentials = (Some("https://app.example".to_owned()), Some("true".to_owned()));
    for path in ["/auth/google", "/auth/corp", &target("/auth/google", &[("redirect_to", PAGE)]), "/auth/link/google"] {
        let page = me.header("Origin", "https://app.example").header("Accept", "application/json");
        let answer = page.get(path);
        assert_eq!((answer.status, allowed(&answer)), (200, credentials.clone()), "{path}");
        let preflight = page.header("Access-Control-Request-Method", "GET").send("OPTIONS", path, None);
        assert_eq!(allowed(&preflight), credentials, "{path}");
        for origin in ["https://evil.example", "null", "https://app.example.evil.example", "http://app.example"] {
            let evil = me.header("Origin", origin).header("Accept", "application/json");
            assert_eq!(allowed(&evil.get(path)), (None, None), "{origin} {path}");
        }
    }
    for path in ["/auth/providers", "/users/me/linked-accounts", "/users/me", "/auth/google/callback", "/auth/login"] {
        let answer = me.header("Origin", "https://app.example").get(path);
        assert_eq!(allowed(&answer).1, None, "{path}");
    }
}

/// What a refusal says beside its code.
#[track_caller]
fn detail(answer: &Response, status: u16, code: &str) -> String {
    assert_problem(answer, status, code);
    answer.json()["detail"].as_str().unwrap().to_owned()
}

/// REQ-35: whoever reads a refusal learns what to do.
#[test]
fn refusals_say_what_to_do() {
    let world = World::start(&Backend::Sqlite, &[("AUTH_DISCORD_CLIENT_ID", ""), ("AUTH_DISCORD_CLIENT_SECRET", "")]);
    let server = &world.server;
    let told = detail(&server.client.get("/auth/discord"), 501, "provider_not_configured");
    assert!(told.contains("AUTH_<PROVIDER>_CLIENT_ID") && told.contains("GET /auth/providers"), "{told}");
    let elsewhere = target("/auth/google", &[("redirect_to", "https://evil.example/")]);
    let told = detail(&server.client.get(&elsewhere), 400, "redirect_not_allowed");
    assert!(told.contains("AUTH_REDIRECT_ORIGINS") && told.contains("fragment"), "{told}");
    let told = detail(&exchange(server, "none", None), 400, "token_invalid_or_expired");
    assert!(told.contains("the code is unknown") && !told.contains("link"), "{told}");

    // Whoever registered the address first may be anybody: the mail comes before the sign-in.
    server.register("ada@google.example");
    let told = detail(&world.sign_in("google"), 409, "account_exists");
    let (mail, link) = (told.find("POST /auth/password/forgot"), told.find("GET /auth/link/{provider}"));
    assert!(mail.is_some() && mail < link, "{told}");

    let ada = world.signed_in("github");
    assert_eq!(world.link(&ada, "corp").status, 200);
    let told = detail(&world.link(&ada, "corp"), 409, "already_linked");
    assert!(told.contains("DELETE /users/me/link/{provider}") && told.contains("another one"), "{told}");
}

/// What would end the start, or each sign-in: told with its name before the database is touched.
#[test]
fn a_url_that_can_t_be_used_is_a_fault_of_the_configuration() {
    for (name, value) in [
        ("AUTH_GITHUB_AUTHORIZE_URL", "https://github.example/authorize?state=mine".to_owned()),
        ("AUTH_OIDC_CORP_ISSUER", format!("https://idp.example/{}", "a".repeat(1024))),
    ] {
        let options = ServerOptions::default()
            .set("AUTH_GITHUB_CLIENT_ID", "id")
            .set("AUTH_GITHUB_CLIENT_SECRET", "a-secret-of-github")
            .set("AUTH_OIDC_PROVIDERS", "corp")
            .set("AUTH_OIDC_CORP_ISSUER", "https://idp.example")
            .set("AUTH_OIDC_CORP_CLIENT_ID", "id")
            .set(name, &value);
        let (code, said) = Server::refused(options);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(name), "{said}");
    }
}
