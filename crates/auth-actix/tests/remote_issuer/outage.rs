//! An issuer that is away, or answers nothing that can be used.

use std::time::Duration;

use actix_web::ResponseError as _;
use auth_actix::{AdminUser, CurrentUser, IssuerAway, OptionalUser, RemoteIssuer};
use auth_core::{ErrorCode, Role};
use serde_json::json;

use crate::issuer::Reply;
use crate::world::{MAX_AGE, World, until};

/// Nobody can tell whether the token is good: that is no reason to sign anybody out.
#[actix_web::test]
async fn before_the_first_keys_requests_are_put_off_and_not_refused() {
    let world = World::new();
    world.issuer.keys().set(Reply::status(503));
    let token = world.token();
    let problem = world.ask::<CurrentUser>(&token).await.unwrap_err();
    assert_eq!(problem.code(), ErrorCode::Overloaded);
    let retry_after = problem.error_response().headers().get("retry-after").unwrap().to_str().unwrap().to_owned();
    assert!((1..=6).contains(&retry_after.parse::<u64>().unwrap()));
    for _ in 0..20 {
        assert_eq!(world.refusal::<OptionalUser>(&token).await, Some(ErrorCode::Overloaded));
        assert_eq!(world.refusal::<AdminUser>("nonsense").await, Some(ErrorCode::Overloaded));
    }
    assert_eq!(world.issuer.keys().calls(), 1, "not asked anew by each request");
    assert_eq!(world.service.prepare().await, Err(IssuerAway));

    world.publish(&[world.key()]);
    world.clock.advance(Duration::from_secs(5));
    assert!(world.ask::<CurrentUser>(&token).await.is_ok());
    assert_eq!(world.refusal::<AdminUser>("nonsense").await, Some(ErrorCode::TokenInvalid));
    assert_eq!(world.issuer.keys().calls(), 2);
}

/// Once: then the known keys go on, and it is asked once a minute.
#[actix_web::test]
async fn while_the_issuer_is_away_the_known_keys_go_on() {
    let world = World::without_breaker().warmed_up().await;
    world.issuer.keys().set(Reply::Raw(""));
    world.clock.advance(Duration::from_secs(MAX_AGE));
    for minute in 0..10 {
        let admin = world.token_of(Role::Admin, None);
        for _ in 0..5 {
            assert!(world.ask::<AdminUser>(&admin).await.is_ok());
        }
        until("it was asked again", || world.issuer.keys().calls() == 2 + minute).await;
        assert!(world.service.prepare().await.is_ok(), "it is over");
        world.clock.advance(Duration::from_mins(1));
    }
    world.publish(&[world.key()]);
    assert!(world.ask::<CurrentUser>(&world.token()).await.is_ok());
    until("it is back", || world.issuer.keys().calls() == 12).await;
}

/// A key that can't be looked up now may be a good one.
#[actix_web::test]
async fn a_new_key_while_the_issuer_is_away_is_put_off_and_not_refused() {
    let mut world = World::without_breaker().warmed_up().await;
    let old = world.token();
    let old_key = world.key().clone();
    world.rotate();
    world.issuer.keys().set(Reply::status(502));
    let new = world.token();
    assert_eq!(world.refusal::<CurrentUser>(&new).await, Some(ErrorCode::Overloaded));
    assert_eq!(world.refusal::<CurrentUser>(&new).await, Some(ErrorCode::Overloaded));
    assert!(world.ask::<CurrentUser>(&old).await.is_ok());
    assert_eq!(world.issuer.keys().calls(), 2);

    world.publish(&[&old_key, world.key()]);
    world.clock.advance(Duration::from_mins(1));
    assert!(world.ask::<CurrentUser>(&new).await.is_ok());
}

/// By then every token has expired that the issuer gave while it was known to be there.
#[actix_web::test]
async fn after_a_day_without_the_issuer_its_keys_are_trusted_no_more() {
    let world = World::without_breaker().warmed_up().await;
    world.issuer.keys().set(Reply::status(500));
    world.clock.advance(Duration::from_hours(24) - Duration::from_millis(1));
    assert!(world.ask::<CurrentUser>(&world.token()).await.is_ok());
    until("it was asked", || world.issuer.keys().calls() == 2).await;
    assert!(world.service.prepare().await.is_ok(), "it is over");
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(world.refusal::<CurrentUser>(&world.token()).await, Some(ErrorCode::Overloaded));
}

/// REQ-43
#[actix_web::test]
async fn an_issuer_that_fails_five_times_is_left_alone_for_half_a_minute() {
    let world = World::new();
    world.issuer.keys().set(Reply::status(500));
    let token = world.token();
    for call in 1..=5 {
        assert_eq!(world.refusal::<CurrentUser>(&token).await, Some(ErrorCode::Overloaded));
        assert_eq!(world.issuer.keys().calls(), call);
        world.clock.advance(Duration::from_secs(5));
    }
    world.publish(&[world.key()]);
    for _ in 0..4 {
        assert_eq!(world.refusal::<CurrentUser>(&token).await, Some(ErrorCode::Overloaded));
        world.clock.advance(Duration::from_secs(5));
    }
    assert_eq!(world.issuer.keys().calls(), 5, "the breaker is open");
    world.clock.advance(Duration::from_secs(10));
    assert!(world.ask::<CurrentUser>(&token).await.is_ok());
    assert_eq!(world.issuer.keys().calls(), 6);
}

/// X-13, O-09: garbage neither replaces good keys nor makes any.
#[actix_web::test]
async fn answers_that_are_no_key_set_change_nothing() {
    let keys = World::new().key().public_jwk().map(|key| serde_json::to_value(key).unwrap()).unwrap();
    for garbage in [
        Reply::status(404),
        Reply::status(204),
        Reply::Answer(200, String::new(), "<html>".to_owned()),
        Reply::Answer(200, String::new(), "[]".to_owned()),
        Reply::Answer(200, String::new(), json!({ "keys": keys }).to_string()),
        Reply::Answer(200, String::new(), json!({ "keys": vec![keys.clone(); 101] }).to_string()),
        Reply::Answer(200, String::new(), format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(256 * 1024))),
        Reply::Raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"keys\":[]}"),
        Reply::Raw("SSH-2.0-OpenSSH_9.9\r\n"),
        Reply::Endless,
    ] {
        let world = World::without_breaker();
        world.issuer.keys().set(garbage.clone());
        assert_eq!(world.refusal::<CurrentUser>(&world.token()).await, Some(ErrorCode::Overloaded));
        world.publish(&[world.key()]);
        world.clock.advance(Duration::from_secs(5));
        assert!(world.ask::<CurrentUser>(&world.token()).await.is_ok());

        world.issuer.keys().set(garbage);
        world.clock.advance(Duration::from_secs(MAX_AGE));
        assert!(world.ask::<CurrentUser>(&world.token()).await.is_ok());
        until("it was asked", || world.issuer.keys().calls() == 3).await;
        assert!(world.service.prepare().await.is_ok(), "it is over");
        assert!(world.ask::<CurrentUser>(&world.token()).await.is_ok());
    }
}

/// Who can send the service elsewhere can't make it take keys from there.
#[actix_web::test]
async fn redirects_are_not_followed() {
    let elsewhere = World::new();
    let world = World::new();
    let location = format!("Location: {}/.well-known/jwks.json\r\n", elsewhere.issuer.url());
    for status in [301, 302, 307, 308] {
        world.issuer.keys().set(Reply::Answer(status, location.clone(), String::new()));
        assert_eq!(world.refusal::<CurrentUser>(&world.token()).await, Some(ErrorCode::Overloaded));
        world.clock.advance(Duration::from_secs(5));
    }
    assert_eq!((world.issuer.keys().calls(), elsewhere.issuer.keys().calls()), (4, 0));
}

/// an issuer that hangs holds a request up for no longer than the time-out.
#[actix_web::test]
async fn slow_answers_are_given_up() {
    for slow in [Reply::Held, Reply::Drip] {
        let world = World::impatient();
        world.issuer.keys().set(slow);
        assert_eq!(world.refusal::<CurrentUser>(&world.token()).await, Some(ErrorCode::Overloaded));
    }
}

/// A service whose runtime has gone, with the fetch in it, leaves nothing behind that another one waits for.
#[test]
fn a_fetch_that_was_cut_off_holds_up_nobody() {
    let world = World::new();
    world.issuer.keys().set(Reply::Held);
    let service = RemoteIssuer::clone(&world.service);
    actix_web::rt::System::new().block_on(async {
        let _ = tokio::time::timeout(Duration::ZERO, service.prepare()).await;
        until("the issuer is asked", || world.issuer.keys().calls() == 1).await;
    });
    world.publish(&[world.key()]);
    actix_web::rt::System::new().block_on(async {
        assert!(world.ask::<CurrentUser>(&world.token()).await.is_ok());
    });
}
