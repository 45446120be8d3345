//! Signing in with another provider, without an app between: REQ-30, REQ-32, REQ-33, REQ-35.

use serde_json::{Value, json};
use url::Url;

use crate::audit;
use crate::contract::{assert_problem, assert_safe, assert_tokens};
use crate::jwt::{Jwt, text};
use crate::oauth_browser::{BASE, at_page, challenge_of, parameter, path_and_query, sent_to, target};
use crate::oauth_world::{PROVIDERS, World, exchange, linked, with_providers};

const VERIFIER: &str = "a-verifier-of-the-app-with-more-than-43-characters";

with_providers! {
    /// REQ-30, REQ-32: whoever comes back is known by the provider's id, not by what else it says.
    fn each_provider_signs_its_people_in(world: &World) {
        for (provider, avatar) in PROVIDERS.into_iter().zip([
            "https://lh3.example/a/ada=s96-c",
            "https://cdn.discordapp.com/avatars/1001/0123456789abcdef0123456789abcdef.png",
            "https://avatars.example/u/1001?v=4",
            "https://pictures.example/ada.png",
        ]) {
            let email = format!("ada@{provider}.example");
            let tokens = world.signed_in(provider);
            let user = &tokens["user"];
            assert_eq!((&user["email"], &user["email_verified"]), (&json!(email), &json!(true)), "{provider}");
            assert_eq!((&user["display_name"], &user["avatar_url"]), (&json!("Ada Lovelace"), &json!(avatar)));
            assert_eq!(
                (&user["has_password"], &user["username"], &user["role"]),
                (&json!(false), &Value::Null, &json!("user"))
            );
            assert_eq!(Jwt::of(&tokens).claims["amr"], json!(["fed"]));
            let id = text(&user["id"]);
            for (event, count) in [("user.registered", 1), ("oauth.linked", 1), ("login.succeeded", 1)] {
                assert_eq!(audit::count(world.database(), event, id), count, "{provider} {event}");
            }
            assert_eq!(linked(&world.server, &tokens), [provider]);

            world.person(provider, 1001, &format!("other@{provider}.example"));
            let again = world.signed_in(provider);
            assert_eq!(again["user"]["id"], user["id"], "{provider}: the same person");
            let sessions = world.server.as_user(&again).get("/users/me/sessions").json();
            assert_eq!(sessions["count"], 2);
            assert_eq!(sessions["sessions"][0]["auth_methods"], json!(["fed"]));
            assert_tokens(&world.server.refresh(&again), 200);
        }
        assert_eq!(world.counts(), (4, 4));
        assert!(
            world.server.sink().mails().iter().all(|mail| mail.to != ["ada@corp.example"]),
            "there is nothing to verify"
        );
    }

    /// REQ-30, O-06, O-25: what the provider is asked, all of it and nothing else.
    fn the_provider_is_asked_for_a_code_with_a_challenge(world: &World) {
        for (provider, scope) in PROVIDERS.into_iter().zip([
            "openid email profile",
            "identify email",
            "read:user user:email",
            "openid email profile",
        ]) {
            let browser = world.browser();
            let [url, other] = [browser.start(provider, &[]), browser.start(provider, &[])];
            let mut names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
            names.sort_unstable();
            let mut expected = vec!["client_id", "code_challenge", "code_challenge_method"];
            expected.extend((provider == "corp").then_some("nonce"));
            expected.extend(["redirect_uri", "response_type", "scope", "state"]);
            assert_eq!(names, expected, "{provider}");
            assert_eq!(parameter(&url, "scope"), scope);
            assert_eq!(parameter(&url, "redirect_uri"), format!("{BASE}/auth/{provider}/callback"));
            assert_eq!(parameter(&url, "client_id"), format!("{provider}-client"));
            for name in ["state", "code_challenge"] {
                assert_ne!(parameter(&url, name), parameter(&other, name), "new for each flow");
            }
            assert_tokens(&browser.come_back(&browser.approve(provider, &url)), 200);
            let form =
                world.provider(provider).requests().into_iter().find(|asked| !asked.form.is_empty()).unwrap().form;
            let verifier = &form["code_verifier"];
            assert!((43..=128).contains(&verifier.len()));
            assert_eq!(challenge_of(verifier), parameter(&url, "code_challenge"));
            assert_ne!(*verifier, parameter(&url, "state"));
        }
    }

    /// REQ-30: an app gets a code that it exchanges once, in the browser that began; no token is in an address.
    fn an_app_exchanges_a_code_once(world: &World) {
        let (challenge, state) = (challenge_of(VERIFIER), "what the app remembers: #&=");
        for provider in PROVIDERS {
            let browser = world.browser();
            let brought = browser.end_at_page(provider, &[("code_challenge", &challenge), ("app_state", state)]);
            assert_eq!(brought.keys().collect::<Vec<_>>(), ["app_state", "code"]);
            assert_eq!(brought["app_state"], state);
            assert!(brought["code"].starts_with("ot_") && brought["code"].len() == 46, "{brought:?}");
            assert_eq!(world.database().count("sessions WHERE revoked_at IS NULL"), 0, "not yet");
            let tokens = assert_tokens(&exchange(&world.server, &brought["code"], Some(VERIFIER)), 200);
            assert_eq!(tokens["user"]["email"], json!(format!("ada@{provider}.example")));
            assert_eq!(Jwt::of(&tokens).claims["amr"], json!(["fed"]));
            assert_problem(&exchange(&world.server, &brought["code"], Some(VERIFIER)), 400, "token_invalid_or_expired");
            assert_eq!(world.server.as_user(&tokens).send("POST", "/auth/logout", None).status, 204);
        }
    }

    /// REQ-30: a stranger who has the code can't use it, and neither can anybody after a wrong try.
    fn a_code_is_bound_by_the_app_s_challenge(world: &World) {
        let challenge = challenge_of(VERIFIER);
        let wrong = format!("{VERIFIER}x");
        for verifier in [None, Some(""), Some(wrong.as_str()), Some(challenge.as_str())] {
            let code = &world.browser().end_at_page("google", &[("code_challenge", &challenge)])["code"];
            assert_problem(&exchange(&world.server, code, verifier), 400, "token_invalid_or_expired");
            assert_problem(&exchange(&world.server, code, Some(VERIFIER)), 400, "token_invalid_or_expired");
        }
        let brought = world.browser().end_at_page("google", &[]);
        assert_eq!(brought.keys().collect::<Vec<_>>(), ["code"]);
        assert_problem(&exchange(&world.server, &brought["code"], Some(VERIFIER)), 400, "token_invalid_or_expired");
        let brought = world.browser().end_at_page("google", &[]);
        assert_tokens(&exchange(&world.server, &brought["code"], None), 200);
        assert_eq!(world.counts(), (1, 1));
        assert_eq!(world.database().count("sessions"), 1);
    }

    /// O-24: whoever says no is told so, all else is the provider's fault, and nothing of what it wrote comes back.
    fn who_denies_is_told_so(world: &World) {
        let browser = world.browser();
        for provider in PROVIDERS {
            let url = browser.start(provider, &[]);
            let evil = "<script>alert(1)</script>";
            let back = world.provider(provider).fail(&url, "access_denied", evil);
            let answer = browser.come_back(&back);
            assert_problem(&answer, 400, "oauth_denied");
            assert!(!answer.text().contains("script"), "{answer:?}");
            assert_problem(&browser.come_back(&back), 400, "oauth_state_invalid");
            for (error, told) in
                [("login_required", "oauth_denied"), ("invalid_scope", "provider_error"), (evil, "provider_error")]
            {
                let url = browser.start(provider, &[("redirect_to", crate::oauth_browser::PAGE), ("app_state", "7")]);
                let brought = at_page(&browser.come_back(&world.provider(provider).fail(&url, error, evil)));
                let told_all = (brought["error"].as_str(), brought["app_state"].as_str(), brought.len());
                assert_eq!(told_all, (told, "7", 2), "{error}");
            }
            for error in ["server_error", "temporarily_unavailable", "unauthorized_client", evil] {
                let url = browser.start(provider, &[]);
                let back = world.provider(provider).fail(&url, error, evil);
                assert_problem(&browser.come_back(&back), 502, "provider_error");
            }
        }
        assert_eq!(world.counts(), (0, 0));
        assert!(browser.cookie_names().is_empty(), "each flow takes its cookie back");
    }

    /// A single-page app asks for the address and opens it in the same browser; it brings the cookie along.
    fn an_app_may_ask_for_the_address(world: &World) {
        for accept in ["application/json", "application/json, text/plain, */*"] {
            let browser = world.browser();
            let answer = browser.open_with(&world.server.client.header("Accept", accept), "/auth/google");
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_safe(&answer);
            crate::contract::assert_fields(&answer.json(), &["authorization_url"]);
            let url = Url::parse(text(&answer.json()["authorization_url"])).unwrap();
            assert_tokens(&browser.come_back(&browser.approve("google", &url)), 200);
        }
        for accept in ["*/*", "text/html,application/xhtml+xml,*/*;q=0.8"] {
            sent_to(&world.server.client.header("Accept", accept).get("/auth/google"));
        }
    }

    /// REQ-35: addresses are made of the base URL and nothing that a request says.
    fn callbacks_are_below_the_base_url(world: &World, &[("AUTH_BASE_URL", "https://auth.example/gate/"), ("AUTH_ENV", "testing")]) {
        let browser = world.browser();
        let forged =
            world.server.client.header("X-Forwarded-Host", "evil.example").header("Forwarded", "host=evil.example");
        let start = browser.open_with(&forged, "/auth/google");
        let url = sent_to(&start);
        assert_eq!(parameter(&url, "redirect_uri"), "https://auth.example/gate/auth/google/callback");
        let cookie = start.header("set-cookie").unwrap();
        assert!(cookie.starts_with("__Host-gatehouse-oauth-") && cookie.contains("; Secure"), "{cookie}");
        let back = browser.approve("google", &url);
        let at_server = path_and_query(&back).strip_prefix("/gate").unwrap().to_owned();
        let other = world.browser();
        let [name] = browser.cookie_names().try_into().unwrap();
        let [value] = browser.cookie_values().try_into().unwrap();
        other.put(name.strip_prefix("__Host-").unwrap(), &value);
        assert_problem(&other.open(&at_server), 400, "oauth_state_invalid");
        let answer = browser.open(&at_server);
        assert_tokens(&answer, 200);
        let gone = answer.header("set-cookie").unwrap();
        assert!(gone.starts_with(&format!("{name}=;")) && gone.contains("; Secure"), "{gone}");
        let tokens = assert_tokens(&world.server.refresh(&answer.json()), 200);
        let url = browser.start_link(&tokens, "github", &[]);
        assert_eq!(parameter(&url, "redirect_uri"), "https://auth.example/gate/auth/link/github/callback");
    }
}

/// REQ-32: Discord's pictures are animated, still, or the one that it shows for those without; GitHub's people may keep
/// their addresses.
#[test]
fn what_a_provider_leaves_out_is_left_out() {
    let world = World::start(&crate::support::Backend::Sqlite, &[]);
    for (id, avatar, expected) in [
        ("175928847299117063", json!("a_0f"), json!("https://cdn.discordapp.com/avatars/175928847299117063/a_0f.gif")),
        ("175928847299117064", json!("0f"), json!("https://cdn.discordapp.com/avatars/175928847299117064/0f.png")),
        ("175928847299117065", Value::Null, json!("https://cdn.discordapp.com/embed/avatars/2.png")),
        ("175928847299117066", json!("../../x"), Value::Null),
    ] {
        let mut user = identity_provider::people::discord(id, &format!("{id}@example.org"));
        user["avatar"] = avatar;
        world.provider("discord").set_user(user);
        assert_eq!(world.signed_in("discord")["user"]["avatar_url"], expected, "{id}");
    }
    let mut github = identity_provider::people::github(7);
    for field in ["name", "email", "avatar_url"] {
        github[field] = Value::Null;
    }
    world.provider("github").set_user(github);
    let hidden = identity_provider::Answer::Status(404);
    world.provider("github").misbehave(identity_provider::Endpoint::Emails, hidden);
    let user = &world.signed_in("github")["user"];
    assert_eq!((&user["email"], &user["email_verified"]), (&Value::Null, &json!(false)));
    assert_eq!((&user["display_name"], &user["avatar_url"]), (&json!("ada"), &Value::Null));
}

/// REQ-30: the body of the exchange.
#[test]
fn an_exchange_wants_a_code_and_knows_nothing_else() {
    let world = World::start(&crate::support::Backend::Sqlite, &[]);
    let post = |body: &Value| world.server.client.post("/auth/oauth/exchange", body);
    crate::contract::assert_refused_fields(&post(&json!({})), &[("code", "required")]);
    for body in [
        json!({ "code": 7 }),
        json!([]),
        json!({ "code": "x", "id_token": "y" }),
        json!({ "code": "x", "provider": "google" }),
    ] {
        assert_problem(&post(&body), 400, "malformed_request");
    }
    let tokens = world.server.register("ada@example.org");
    let code = &world.browser().end_at_page("corp", &[])["code"];
    let upper = code.to_uppercase();
    for code in ["", "ot_", "x", &upper, text(&tokens["refresh_token"]), &format!("{code} "), &"a".repeat(60_000)] {
        assert_problem(&post(&json!({ "code": code })), 400, "token_invalid_or_expired");
    }
    for path in ["/auth/oauth/exchange", &target("/auth/oauth/exchange", &[("code", code)])] {
        assert_problem(&world.server.client.get(path), 405, "method_not_allowed");
    }
    let follow = json!({ "token": code });
    assert_problem(&world.server.client.post("/auth/email/verify", &follow), 400, "token_invalid_or_expired");
    assert_tokens(&post(&json!({ "code": code })), 200);
}
