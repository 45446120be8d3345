//! O-28: what providers gave us, and what proves a flow, is kept nowhere and told nobody.

use std::cell::RefCell;

use identity_provider::{Answer, Endpoint, Signing};
use url::Url;

use crate::oauth_browser::{Browser, challenge_of, parameter, with_parameter};
use crate::oauth_world::{PROVIDERS, World, exchange};
use crate::support::{Backend, Response};

const VERIFIER: &str = "canary-verifier-of-the-app-with-more-than-43-characters";

/// An answer of the token endpoint that nothing comes of.
const TOKENS: &str = r#"{
    "access_token": "canary-access-token", "token_type": "Bearer",
    "refresh_token": "canary-refresh-token", "id_token": "canary.id.token"
}"#;

fn body(status: u16, body: &str) -> Answer {
    Answer::Body { status, content_type: "application/json", body: body.to_owned() }
}

/// What came back to browsers and apps, and what nobody may find elsewhere.
#[derive(Default)]
struct Seen {
    answers: RefCell<Vec<Response>>,
    /// What a browser or an app has to be told, and the server has to forget.
    of_flows: RefCell<Vec<String>>,
}

impl Seen {
    fn keep(&self, answer: Response) -> Response {
        self.answers.borrow_mut().push(answer.clone());
        answer
    }

    fn keep_flow(&self, browser: &Browser<'_>, url: &Url) {
        let mut secrets = self.of_flows.borrow_mut();
        secrets.extend(browser.cookie_values());
        secrets.push(parameter(url, "state"));
        secrets.extend(url.query_pairs().filter(|(name, _)| name == "nonce").map(|(_, value)| value.into_owned()));
    }
}

/// Goes through every flow, well and badly.
fn use_everything(world: &World, seen: &Seen) {
    let tokens = world.server.register("bob@example.org");
    let challenge = challenge_of(VERIFIER);
    for provider in PROVIDERS {
        let fake = world.provider(provider);
        let flow = |query: &[(&str, &str)], back: &dyn Fn(&Url) -> Url| {
            let browser = world.browser();
            let url = browser.start(provider, query);
            seen.keep_flow(&browser, &url);
            let elsewhere = back(&url);
            seen.keep(world.browser().come_back(&elsewhere));
            seen.keep(browser.come_back(&elsewhere))
        };
        let approve = |url: &Url| fake.approve(url);
        flow(&[], &approve);
        let page = [
            ("redirect_to", crate::oauth_browser::PAGE),
            ("code_challenge", &challenge),
            ("app_state", "canary-app-state"),
        ];
        let at_page = Url::parse(flow(&page, &approve).header("location").unwrap()).unwrap();
        let code = parameter(&at_page, "code");
        seen.of_flows.borrow_mut().push(code.clone());
        seen.keep(exchange(&world.server, &code, Some("canary-wrong")));
        seen.keep(exchange(&world.server, &code, Some(VERIFIER)));
        flow(&[], &|url| fake.deny(url));
        flow(&[], &|url| fake.fail(url, "canary-error", "canary-description"));
        flow(&[], &|url| with_parameter(&approve(url), "code", Some("canary-code")));
        for (endpoint, answer) in [
            (Endpoint::Token, Answer::Status(500)),
            (Endpoint::Token, body(400, r#"{"error":"canary-token-error","error_description":"canary"}"#)),
            (Endpoint::Token, body(200, TOKENS)),
            (Endpoint::Userinfo, body(200, r#"{"canary":"#)),
            (Endpoint::Emails, body(500, "canary")),
        ] {
            fake.misbehave(endpoint, answer);
            flow(&[], &approve);
            fake.misbehave(endpoint, Answer::Normal);
        }
        let browser = world.browser();
        let url = browser.start_link(&tokens, provider, &[]);
        seen.keep_flow(&browser, &url);
        seen.keep(browser.come_back(&approve(&url)));
    }
    world.provider("corp").sign_with(Signing::OtherKey);
    seen.keep(world.sign_in("corp"));
}

fn nothing_is_kept(backend: &Backend, level: &str) {
    let world = World::start(backend, &[("AUTH_LOG", level), ("AUTH_BREAKER_FAILURES", "1000")]);
    let seen = Seen::default();
    use_everything(&world, &seen);
    let mut secrets = world.secrets();
    let verifiers = PROVIDERS.iter().flat_map(|provider| world.provider(provider).requests());
    secrets.extend(verifiers.filter_map(|request| request.form.get("code_verifier").cloned()));
    assert!(secrets.len() > 60, "{}", secrets.len());
    for answer in seen.answers.borrow().iter() {
        let told = format!("{answer:?}");
        for secret in &secrets {
            assert!(!told.contains(secret.as_str()), "{secret} in {told}");
        }
        let told = told.replace("canary-app-state", "");
        assert!(!told.contains("canary"), "{told}");
    }
    secrets.extend(seen.of_flows.take());
    secrets.push("canary".to_owned());
    let kept = world.database().dump();
    world.server.terminate();
    let log = world.server.log();
    assert!(log.iter().any(|line| line.contains("a flow with another provider ended")), "the faults were logged");
    for secret in &secrets {
        // Not a part of it either, which a cut quotation could have.
        let part = secret.get(..20).unwrap_or(secret).as_bytes();
        assert!(!kept.windows(part.len()).any(|window| window == part), "{secret} in the database");
        let part = String::from_utf8_lossy(part);
        if let Some(line) = log.iter().find(|line| line.contains(&*part)) {
            panic!("{secret} in {line}");
        }
    }
}

#[test]
fn nothing_of_a_flow_is_kept_on_sqlite() {
    for level in ["info", "trace"] {
        nothing_is_kept(&Backend::Sqlite, level);
    }
}

#[test]
fn nothing_of_a_flow_is_kept_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        nothing_is_kept(&backend, "debug");
    }
}
