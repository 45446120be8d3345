//! How providers fail, and who notices: REQ-43, O-22, X-13.

use identity_provider::{Answer, Endpoint};
use serde_json::{Value, json};

use crate::contract::{assert_problem, assert_tokens};
use crate::oauth_world::{PROVIDERS, World, with_providers};
use crate::support::{Backend, Response, eventually};

/// An answer of JSON with the status 200.
fn json_body(body: &Value) -> Answer {
    Answer::Body { status: 200, content_type: "application/json", body: body.to_string() }
}

fn body(status: u16, content_type: &'static str, body: &str) -> Answer {
    Answer::Body { status, content_type, body: body.to_owned() }
}

/// The faults in this test are many, and not about the breaker.
fn without_breaker() -> World {
    World::start(&Backend::Sqlite, &[("AUTH_BREAKER_FAILURES", "1000")])
}

with_providers! {
    /// REQ-43: five failures in a row open the breaker of one provider, whose start goes on sending people there.
    fn a_provider_that_is_down_is_left_alone(world: &World) {
        let google = world.provider("google");
        google.misbehave(Endpoint::Token, Answer::Status(500));
        for _ in 0..5 {
            assert_problem(&world.sign_in("google"), 502, "provider_error");
        }
        let asked = google.count(Endpoint::Token);
        assert_problem(&world.sign_in("google"), 503, "provider_unavailable");
        let brought = world.browser().end_at_page("google", &[]);
        assert_eq!(brought["error"], "provider_unavailable");
        assert_eq!(google.count(Endpoint::Token), asked, "nobody asks it");
        assert_tokens(&world.sign_in("discord"), 200);
        assert_eq!(world.server.client.get("/health/ready").status, 200);
    }

    /// REQ-43: after a while one is sent to look, and a provider that is back is used.
    fn a_provider_that_is_back_is_used(world: &World, &[("AUTH_BREAKER_FAILURES", "1"), ("AUTH_BREAKER_RECOVERY", "100ms")]) {
        let google = world.provider("google");
        google.misbehave(Endpoint::Userinfo, Answer::Close);
        assert_problem(&world.sign_in("google"), 502, "provider_error");
        google.misbehave(Endpoint::Userinfo, Answer::Normal);
        eventually("it is used again", || world.sign_in("google").status == 200);
    }

    /// REQ-43: a refusal is no failure: what comes of it is the caller's own.
    fn codes_that_are_refused_put_nobody_else_out(world: &World) {
        for _ in 0..8 {
            let browser = world.browser();
            let back = browser.approve("google", &browser.start("google", &[]));
            let forged = crate::oauth_browser::with_parameter(&back, "code", Some("forged"));
            assert_problem(&browser.come_back(&forged), 502, "provider_error");
        }
        assert_tokens(&world.sign_in("google"), 200);
    }
}

/// O-22: whatever the token endpoint says, nobody gets in, it is asked once, and the next one is served.
#[test]
fn a_bad_token_answer_ends_the_flow_cleanly() {
    let world = without_breaker();
    let token = |fields: Value| {
        let mut answer = json!({ "access_token": "x", "token_type": "Bearer", "id_token": "a.b.c" });
        for (name, value) in fields.as_object().unwrap() {
            answer[name] = value.clone();
        }
        answer
    };
    let answers = [
        json_body(&json!({ "error": "bad_verification_code", "error_description": "<b>x</b>" })),
        json_body(&token(json!({ "error": "slow_down" }))),
        body(200, "text/html", "<html>hello</html>"),
        body(200, "application/json", ""),
        body(200, "", "null"),
        json_body(&json!([])),
        json_body(&json!({ "token_type": "Bearer" })),
        json_body(&token(json!({ "access_token": null }))),
        json_body(&token(json!({ "access_token": "" }))),
        json_body(&token(json!({ "access_token": 7 }))),
        json_body(&token(json!({ "access_token": ["x"] }))),
        json_body(&token(json!({ "token_type": null }))),
        json_body(&token(json!({ "token_type": "mac" }))),
        body(200, "application/json", r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#),
        body(400, "application/json", r#"{"error":"invalid_grant"}"#),
        Answer::Status(302),
        Answer::Redirect(world.provider("discord").token_url()),
        Answer::Status(404),
        Answer::Status(500),
        Answer::Status(503),
        Answer::Large(20_000_000),
        Answer::Endless,
        Answer::Close,
    ];
    for provider in PROVIDERS {
        let fake = world.provider(provider);
        for answer in &answers {
            fake.misbehave(Endpoint::Token, answer.clone());
            let before = fake.count(Endpoint::Token);
            let refusal = world.sign_in(provider);
            assert_eq!(
                (refusal.status, refusal.error_code().as_str()),
                (502, "provider_error"),
                "{provider} {answer:?}"
            );
            assert_problem(&refusal, 502, "provider_error");
            assert_eq!(fake.count(Endpoint::Token), before + 1, "{provider} {answer:?}: no second try");
        }
        fake.misbehave(Endpoint::Token, Answer::Normal);
        world.signed_in(provider);
    }
    let to = world.provider("discord");
    assert_eq!(to.count(Endpoint::Token), answers.len() + 1, "no redirect was followed");
}

/// O-22, O-12: the same of the user.
#[test]
fn a_bad_user_ends_the_flow_cleanly() {
    let world = without_breaker();
    let answers = [
        body(200, "text/html", "<html>hello</html>"),
        body(200, "application/json", ""),
        json_body(&json!([])),
        json_body(&json!("ada")),
        body(200, "application/json", r#"{"sub":"1","sub":"2","id":1,"id":2}"#),
        Answer::Redirect(world.provider("corp").userinfo_url()),
        Answer::Status(401),
        Answer::Status(500),
        Answer::Large(20_000_000),
        Answer::Endless,
        Answer::Close,
    ];
    for (provider, endpoint) in [
        ("google", Endpoint::Userinfo),
        ("discord", Endpoint::Userinfo),
        ("github", Endpoint::Userinfo),
        ("github", Endpoint::Emails),
    ] {
        let fake = world.provider(provider);
        for answer in answers.iter().filter(|answer| endpoint == Endpoint::Userinfo || **answer != answers[2]) {
            fake.misbehave(endpoint, answer.clone());
            let refusal = world.sign_in(provider);
            assert_eq!(
                (refusal.status, refusal.error_code().as_str()),
                (502, "provider_error"),
                "{provider} {answer:?}"
            );
        }
        fake.misbehave(endpoint, Answer::Normal);
    }
    assert_eq!(world.counts(), (0, 0));
    for provider in PROVIDERS {
        world.signed_in(provider);
    }
}

/// X-13, O-22: while providers hang or drip, everybody else is served, and in the end so are those who wait.
#[test]
fn a_provider_that_hangs_holds_up_nobody_else() {
    let world = without_breaker();
    world.provider("google").misbehave(Endpoint::Token, Answer::Hang);
    world.provider("discord").misbehave(Endpoint::Userinfo, Answer::Drip);
    world.provider("github").misbehave(Endpoint::Emails, Answer::Hang);
    let waiting: Vec<Response> = std::thread::scope(|scope| {
        let threads: Vec<_> = ["google", "discord", "github"]
            .map(|provider| scope.spawn(|| world.sign_in(provider)))
            .into_iter()
            .collect();
        for (provider, endpoint) in
            [("google", Endpoint::Token), ("discord", Endpoint::Userinfo), ("github", Endpoint::Emails)]
        {
            eventually("it is asked", || world.provider(provider).count(endpoint) == 1);
        }
        world.signed_in("corp");
        world.server.register("bob@example.org");
        world.server.log_in("bob@example.org");
        assert!(threads.iter().any(|thread| !thread.is_finished()), "the others were served meanwhile");
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for answer in &waiting {
        assert_problem(answer, 502, "provider_error");
    }
}
