//! Providers that refuse, answer nonsense, or send us elsewhere (O-22).

use auth_core::BreakerState;
use auth_oauth::OAuthError;
use identity_provider::{Answer, Endpoint, IdentityProvider, people};
use serde_json::json;

use crate::bed::{RECOVERY, agree, assert_tells_nothing, builder, configured};

fn json(status: u16, body: &str) -> Answer {
    Answer::Body { status, content_type: "application/json", body: body.to_owned() }
}

/// What a flow ends with if an endpoint answers so; that its error tells nothing; that it was asked once.
async fn ending(endpoint: Endpoint, answer: Answer) -> (OAuthError, BreakerState) {
    let fake = IdentityProvider::start();
    fake.set_user(people::discord("1", "ada@example.org"));
    let providers = configured(builder(1).0, &fake);
    let discord = providers.find("discord").unwrap();
    fake.misbehave(endpoint, answer);
    let returned = agree(discord, &fake).await;
    let error = returned.exchange(discord).await.unwrap_err();
    assert_tells_nothing(&error, &returned, &fake);
    assert_eq!(fake.count(endpoint), 1, "{error}");
    (error, discord.breaker_state())
}

/// The provider works, and this flow is at fault: nobody else's is to suffer for it.
#[tokio::test]
async fn a_refusal_ends_the_flow_and_opens_no_breaker() {
    for (answer, word) in [
        (json(200, r#"{"error":"bad_verification_code","error_description":"x"}"#), "bad_verification_code"),
        (json(400, r#"{"error":"invalid_grant"}"#), "invalid_grant"),
        (json(401, r#"{"error":"invalid_client"}"#), "invalid_client"),
        (json(400, r#"{"error":"<script>alert(1)</script>"}"#), "another error"),
        (Answer::Status(403), "the status 403"),
        (Answer::Status(429), "the status 429"),
    ] {
        let (error, breaker) = ending(Endpoint::Token, answer).await;
        assert!(matches!(&error, OAuthError::Provider(text) if text.ends_with(word)), "{error}");
        assert_eq!(breaker, BreakerState::Closed, "{word}");
    }
    for status in [401, 403, 404] {
        let (error, breaker) = ending(Endpoint::Userinfo, Answer::Status(status)).await;
        assert!(matches!(error, OAuthError::Provider(_)), "{error}");
        assert_eq!(breaker, BreakerState::Closed);
    }
}

/// O-22: 200 with what is no answer, and every other status.
#[tokio::test]
async fn nonsense_ends_the_flow_and_opens_the_breaker() {
    let elsewhere = IdentityProvider::start();
    for answer in [
        json(200, ""),
        json(200, "{}"),
        json(200, "null"),
        json(200, r#"["token","bearer"]"#),
        json(200, r#"{"access_token":"t"}"#),
        json(200, r#"{"access_token":1,"token_type":"bearer"}"#),
        json(200, r#"{"access_token":"t","token_type":"mac"}"#),
        json(200, r#"{"access_token":"t","access_token":"u","token_type":"bearer"}"#),
        json(200, r#"{"access_token":"a\r\nb","token_type":"bearer""#),
        Answer::Body { status: 200, content_type: "text/html", body: "<html></html>".to_owned() },
        Answer::Large(20_000_000),
        Answer::Endless,
        Answer::Close,
        Answer::Redirect(elsewhere.token_url()),
        Answer::Status(500),
        Answer::Status(503),
    ] {
        let (error, breaker) = ending(Endpoint::Token, answer.clone()).await;
        assert!(matches!(error, OAuthError::Provider(_)), "{answer:?} {error}");
        assert_eq!(breaker, BreakerState::Open, "{answer:?}");
    }
    for answer in [
        json(200, ""),
        json(200, "[]"),
        json(200, r#"{"id":"1","id":"2"}"#),
        json(200, r#"{"id":"1","a":{"b":1,"b":2}}"#),
        Answer::Endless,
        Answer::Redirect(elsewhere.userinfo_url()),
        Answer::Status(502),
    ] {
        let (error, breaker) = ending(Endpoint::Userinfo, answer.clone()).await;
        assert!(matches!(error, OAuthError::Provider(_)), "{answer:?} {error}");
        assert_eq!(breaker, BreakerState::Open, "{answer:?}");
    }
    assert!(elsewhere.requests().is_empty(), "a redirect was followed");
}

/// A user with odd data is one user's affair.
#[tokio::test]
async fn a_user_without_subject_opens_no_breaker() {
    let (error, breaker) = ending(Endpoint::Userinfo, json(200, &json!({ "id": null }).to_string())).await;
    assert!(matches!(error, OAuthError::Provider(_)));
    assert_eq!(breaker, BreakerState::Closed);
}

/// REQ-43: one that fails isn't called for a while; then one call finds out.
#[tokio::test]
async fn a_provider_that_fails_is_left_alone_until_it_is_back() {
    let fake = IdentityProvider::start();
    fake.set_user(people::discord("1", "ada@example.org"));
    let (builder, clock) = builder(3);
    let providers = configured(builder, &fake);
    let discord = providers.find("discord").unwrap();
    fake.misbehave(Endpoint::Token, Answer::Status(503));
    for _ in 0..3 {
        let error = agree(discord, &fake).await.exchange(discord).await.unwrap_err();
        assert!(matches!(error, OAuthError::Provider(_)), "{error}");
    }
    assert_eq!(discord.breaker_state(), BreakerState::Open);
    assert_eq!(providers.find("github").unwrap().breaker_state(), BreakerState::Closed);
    let returned = agree(discord, &fake).await;
    fake.misbehave(Endpoint::Token, Answer::Normal);
    assert!(matches!(returned.exchange(discord).await, Err(OAuthError::Unavailable)));
    assert_eq!(fake.count(Endpoint::Token), 3);
    clock.advance(RECOVERY);
    assert_eq!(returned.exchange(discord).await.unwrap().subject, "1");
    assert_eq!(discord.breaker_state(), BreakerState::Closed);
}

/// REQ-43: a token endpoint that works doesn't make up for another that fails.
#[tokio::test]
async fn whatever_endpoint_fails_opens_the_breaker() {
    for endpoint in [Endpoint::Userinfo, Endpoint::Emails] {
        let fake = IdentityProvider::start();
        fake.set_user(people::github(1));
        let (builder, clock) = builder(5);
        let providers = configured(builder, &fake);
        let github = providers.find("github").unwrap();
        fake.misbehave(endpoint, Answer::Status(500));
        for _ in 0..5 {
            assert_eq!(github.breaker_state(), BreakerState::Closed);
            let error = agree(github, &fake).await.exchange(github).await.unwrap_err();
            assert!(matches!(error, OAuthError::Provider(_)), "{error}");
        }
        assert_eq!(github.breaker_state(), BreakerState::Open, "{endpoint:?}");
        let error = agree(github, &fake).await.exchange(github).await.unwrap_err();
        assert!(matches!(error, OAuthError::Unavailable), "{error}");
        assert_eq!((fake.count(Endpoint::Token), fake.count(endpoint)), (5, 5));
        fake.misbehave(endpoint, Answer::Normal);
        clock.advance(RECOVERY);
        agree(github, &fake).await.exchange(github).await.unwrap();
        assert_eq!(github.breaker_state(), BreakerState::Closed);
    }
}

/// RFC 6749, appendix A.11: a browser can bring anything; what no provider gives out goes to none.
#[tokio::test]
async fn what_can_be_no_code_is_refused_before_anybody_is_called() {
    let fake = IdentityProvider::start();
    let providers = configured(builder(1).0, &fake);
    let discord = providers.find("discord").unwrap();
    fake.misbehave(Endpoint::Token, Answer::Status(500));
    let mut returned = agree(discord, &fake).await;
    let longest = "c".repeat(4 * 1024);
    for code in ["", "a\0", "a\n", "a\tb", "a\u{7f}", "\u{e4}", "\u{1f511}", &format!("{longest}c")] {
        code.clone_into(&mut returned.code);
        let error = returned.exchange(discord).await.unwrap_err();
        assert!(matches!(error, OAuthError::Provider(_)), "{code:?} {error}");
        assert!(code.is_empty() || !error.to_string().contains(code));
    }
    assert_eq!((fake.count(Endpoint::Token), discord.breaker_state()), (0, BreakerState::Closed));
    fake.misbehave(Endpoint::Token, Answer::Normal);
    for code in [" 4/0A~!\"", &longest] {
        code.clone_into(&mut returned.code);
        let error = returned.exchange(discord).await.unwrap_err();
        assert!(error.to_string().contains("invalid_grant"), "{error}");
    }
    assert_eq!(fake.count(Endpoint::Token), 2);
}
