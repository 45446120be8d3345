//! Metadata that is wrong, huge, slow or away (O-09, X-13).

use auth_core::BreakerState;
use identity_provider::{Answer, Endpoint};
use serde_json::json;

use super::*;

/// Why no flow begins.
#[track_caller]
fn reason(result: Result<(Flow, Url), OAuthError>) -> String {
    match result {
        Err(OAuthError::Provider(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn metadata_of_another_issuer_is_refused() {
    for suffix in ["/", "/other", "0"] {
        let desk = Desk::start();
        desk.issuer.set_issuer(&(desk.issuer.url() + suffix));
        let reason = reason(desk.begin().await);
        assert!(reason.starts_with("the metadata is another issuer's: compare the configured issuer"), "{reason}");
    }
}

#[tokio::test]
async fn metadata_that_cannot_be_used_is_refused() {
    let body = |body: &str| Answer::Body { status: 200, content_type: "application/json", body: body.to_owned() };
    for (answer, expected) in [
        (Answer::Status(404), "the metadata: it answered with the status 404"),
        (Answer::Status(500), "the metadata: it answered with the status 500"),
        (Answer::Close, "the metadata: it is unreachable"),
        (Answer::Large(10 * 1024 * 1024), "the metadata: its answer is too long"),
        (Answer::Endless, "the metadata: its answer is too long"),
        (body("<html>"), "the metadata: its answer can't be read"),
        (body(r#"{"issuer":"a","issuer":"b"}"#), "the metadata: its answer can't be read"),
        (body("[]"), "the metadata is malformed: "),
        (body("{}"), "the metadata is malformed: "),
    ] {
        let desk = Desk::start();
        desk.issuer.misbehave(Endpoint::Discovery, answer);
        let reason = reason(desk.begin().await);
        assert!(reason.starts_with(expected), "{reason}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (desk, elsewhere) = (Desk::start(), Desk::start());
    let url = elsewhere.issuer.url() + "/.well-known/openid-configuration";
    elsewhere.issuer.set_issuer(&desk.issuer.url());
    desk.issuer.misbehave(Endpoint::Discovery, Answer::Redirect(url));
    assert_eq!(reason(desk.begin().await), "the metadata: it answered with the status 302");
    assert!(elsewhere.issuer.requests().is_empty());
}

#[tokio::test]
async fn metadata_that_does_not_end_in_time_is_given_up() {
    for answer in [Answer::Hang, Answer::Drip] {
        let desk = Desk::impatient();
        desk.issuer.misbehave(Endpoint::Discovery, answer);
        assert_eq!(reason(desk.begin().await), "the metadata: it took too long");
    }
}

/// Outside development, names that lead to this machine are refused, and so are issuers by http.
#[tokio::test]
async fn an_issuer_outside_the_public_internet_is_refused() {
    let issuer = IdentityProvider::start();
    let build = |url: String| {
        let config = OidcIssuer { issuer: url, ..config(&issuer) };
        let clock = Arc::new(ManualClock::default());
        Providers::builder(NetworkPolicy::Public, BreakerConfig::default(), clock).openid_connect(config).build()
    };
    let port = issuer.port();
    for url in [
        issuer.url(),
        format!("http://localhost:{port}"),
        format!("https://127.0.0.1:{port}"),
        format!("https://[::1]:{port}"),
        "https://169.254.169.254".to_owned(),
        "https://login.example.com/?tenant=1".to_owned(),
        "https://login.example.com/#tenant".to_owned(),
    ] {
        let refused = build(url.clone());
        assert!(matches!(&refused, Err(auth_oauth::InvalidProvider::Url(name, _)) if name == "company"), "{url}");
    }
    let client = build(format!("https://localhost:{port}")).unwrap().find("company").unwrap().clone();
    let flow = Flow::begin(Url::parse(REDIRECT_URI).unwrap(), &OsRandom);
    let refused = client.authorization_url(&flow, &Flow::new_state(&OsRandom)).await;
    assert_eq!(
        reason(refused.map(|url| (flow, url))),
        "the metadata: its name leads to no address of the public internet"
    );
    assert!(issuer.requests().is_empty());
}

#[tokio::test]
async fn the_first_flows_share_one_request() {
    let desk = Desk::start();
    let flows = (0..50).map(|_| desk.begin());
    for flow in join_all(flows).await {
        flow.unwrap();
    }
    assert_eq!(desk.issuer.count(Endpoint::Discovery), 1);
}

/// X-13: whoever waits for somebody else's request has a deadline of their own.
#[tokio::test]
async fn a_flow_does_not_wait_for_another_without_an_end() {
    let timeouts = Timeouts { exchange: Duration::from_millis(300), ..PATIENT };
    let desk = Desk::start_with(|_, _| {}, |builder| builder.timeouts(timeouts));
    let mut first = Box::pin(desk.begin());
    let began = std::future::poll_fn(|context| std::task::Poll::Ready(first.as_mut().poll(context))).await;
    assert!(began.is_pending());
    // From here on nobody attends to the first.
    let second = desk.begin().await;
    assert!(matches!(second, Err(OAuthError::Unavailable)), "{second:?}");
}

/// No storm of retries, and another try after a pause.
#[tokio::test]
async fn flows_share_a_failure_too() {
    let desk = Desk::start();
    desk.issuer.misbehave(Endpoint::Discovery, Answer::Status(500));
    for flow in join_all((0..50).map(|_| desk.begin())).await {
        assert_eq!(reason(flow), "the metadata: it answered with the status 500");
    }
    assert_eq!(desk.issuer.count(Endpoint::Discovery), 1);
    desk.issuer.misbehave(Endpoint::Discovery, Answer::Normal);
    assert!(desk.begin().await.is_err());
    desk.pass(Duration::from_secs(10));
    assert!(desk.begin().await.is_ok());
    assert_eq!(desk.issuer.count(Endpoint::Discovery), 2);
}

/// A flow begins even if nobody can be called, for a day.
#[tokio::test]
async fn known_metadata_outlives_an_open_breaker() {
    let desk = Desk::start();
    desk.begin().await.unwrap();
    for endpoint in [Endpoint::Discovery, Endpoint::Token] {
        desk.issuer.misbehave(endpoint, Answer::Status(503));
    }
    for _ in 0..5 {
        assert!(desk.sign_in().await.is_err());
    }
    assert_eq!(desk.client.breaker_state(), BreakerState::Open);
    desk.begin().await.unwrap();
    let result = desk.sign_in().await;
    assert!(matches!(result, Err(OAuthError::Unavailable)), "{result:?}");
    desk.pass(Duration::from_hours(23));
    desk.begin().await.unwrap();
    desk.pass(Duration::from_hours(1));
    assert!(desk.begin().await.is_err());
}

#[tokio::test]
async fn metadata_is_renewed_after_an_hour() {
    let desk = Desk::start();
    desk.begin().await.unwrap();
    let moved = desk.issuer.url() + "/moved";
    desk.issuer.set_metadata(move |metadata| metadata["authorization_endpoint"] = json!(moved));
    desk.pass(Duration::from_secs(3599));
    assert_eq!(desk.begin().await.unwrap().1.path(), "/authorize");
    desk.pass(Duration::from_secs(1));
    assert_eq!(desk.begin().await.unwrap().1.path(), "/moved");
    assert_eq!(desk.issuer.count(Endpoint::Discovery), 2);
}

/// What was good goes on when something else comes in its place.
#[tokio::test]
async fn bad_metadata_does_not_take_the_place_of_good() {
    let desk = Desk::start();
    desk.begin().await.unwrap();
    desk.issuer.set_metadata(|metadata| {
        metadata["issuer"] = json!("https://evil.example");
        metadata["token_endpoint"] = json!("https://evil.example/token");
    });
    desk.pass(Duration::from_hours(1));
    desk.sign_in().await.unwrap();
    assert_eq!(desk.issuer.count(Endpoint::Discovery), 2);
}

/// Polls all of them, so that they are under way at the same time.
async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, result) in &mut futures {
            if result.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *result = Some(value);
            }
        }
        if futures.iter().all(|(_, result)| result.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    futures.into_iter().filter_map(|(_, result)| result).collect()
}
