//! When the keys are fetched again, and how often.

use std::sync::Arc;
use std::time::Duration;

use actix_web::FromRequest as _;
use actix_web::dev::Payload;
use auth_actix::{CurrentUser, OptionalUser, Verdict};
use auth_core::ErrorCode;
use futures_util::future::join_all;

use crate::issuer::Reply;
use crate::world::{MAX_AGE, World, until};

/// REQ-15
#[actix_web::test]
async fn requests_that_come_together_share_one_fetch() {
    let world = World::new();
    let (good, bad) = (world.token(), world.forged_token(|header, _| header["kid"] = "unknown".into()));
    let requests = (0..50).map(|index| world.ask::<CurrentUser>(if index % 2 == 0 { &good } else { &bad }));
    let answers = join_all(requests).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 25);
    assert_eq!(world.issuer.keys().calls(), 1, "keys that came this moment have no newer ones");
}

/// REQ-15: a new key is known from its first token on, and nobody has to wait for the cache's end.
#[actix_web::test]
async fn a_new_key_is_fetched_when_its_first_token_comes() {
    let mut world = World::new().warmed_up().await;
    let (old_key, old) = (Arc::clone(world.key()), world.token());
    world.rotate();
    world.publish(&[&old_key, world.key()]);
    let new = world.token();
    assert!(join_all((0..20).map(|_| world.ask::<CurrentUser>(&new))).await.iter().all(Result::is_ok));
    assert_eq!(world.issuer.keys().calls(), 2);
    assert!(world.ask::<CurrentUser>(&old).await.is_ok(), "the old one stays while it is published");
    assert!(world.ask::<OptionalUser>(&new).await.unwrap().0.is_some());
    assert_eq!(world.issuer.keys().calls(), 2);
}

/// REQ-15: whoever makes up names of keys has the issuer called once a minute.
#[actix_web::test]
async fn a_storm_of_unknown_keys_is_one_fetch_a_minute() {
    let world = World::new().warmed_up().await;
    for minute in 1..=3 {
        for index in 0..40 {
            let kid = format!("{minute}-{index}");
            let token = world.forged_token(|header, _| header["kid"] = kid.into());
            assert_eq!(world.refusal::<CurrentUser>(&token).await, Some(ErrorCode::TokenInvalid));
            world.clock.advance(Duration::from_millis(1400));
        }
        assert_eq!(world.issuer.keys().calls(), 1 + minute);
        world.clock.advance(Duration::from_secs(4));
    }
    assert!(world.ask::<CurrentUser>(&world.token()).await.is_ok());
}

/// T-23: what the issuer has taken back is trusted no more, also where the token was met before.
#[actix_web::test]
async fn a_key_that_is_gone_is_trusted_no_more_from_the_next_fetch_on() {
    let mut world = World::new().warmed_up().await;
    let old = world.token();
    assert!(world.ask::<CurrentUser>(&old).await.is_ok());
    world.rotate();
    world.publish(&[world.key()]);
    assert!(world.ask::<CurrentUser>(&old).await.is_ok(), "nothing was fetched yet");
    assert!(world.ask::<CurrentUser>(&world.token()).await.is_ok());
    assert_eq!(world.issuer.keys().calls(), 2);
    assert_eq!(world.refusal::<CurrentUser>(&old).await, Some(ErrorCode::TokenInvalid));
    assert_eq!(world.issuer.keys().calls(), 2, "the minute isn't over");
}

/// An issuer may withdraw every key.
#[actix_web::test]
async fn a_set_without_keys_makes_no_token_good() {
    let world = World::new().warmed_up().await;
    let token = world.token();
    world.publish(&[]);
    world.clock.advance(Duration::from_secs(MAX_AGE));
    assert!(world.ask::<CurrentUser>(&token).await.is_ok(), "replaced in the background");
    until("the keys are gone", || is_refused_at_once(&world, &token)).await;
}

/// REQ-15
#[actix_web::test]
async fn keys_past_their_cache_life_are_replaced_without_holding_up_a_request() {
    let mut world = World::new().warmed_up().await;
    let old = world.token();
    world.clock.advance(Duration::from_secs(MAX_AGE - 1));
    assert!(world.ask::<CurrentUser>(&old).await.is_ok());
    assert_eq!(world.issuer.keys().calls(), 1, "fresh until then");

    world.issuer.keys().set(Reply::Held);
    world.clock.advance(Duration::from_secs(1));
    for _ in 0..10 {
        let verdict = CurrentUser::from_request(&world.request(&old), &mut Payload::None);
        assert!(matches!(verdict, Verdict::Left(_)), "nobody waits");
        assert!(verdict.await.is_ok());
    }
    until("the issuer is asked", || world.issuer.keys().calls() == 2).await;
    assert!(world.ask::<CurrentUser>(&old).await.is_ok(), "the old keys go on meanwhile");

    world.rotate();
    world.publish(&[world.key()]);
    until("the keys are replaced", || is_refused_at_once(&world, &old)).await;
    assert!(world.ask::<CurrentUser>(&world.token()).await.is_ok());
    assert_eq!(world.issuer.keys().calls(), 2);
}

/// The request that began a fetch is given up; the others still get their keys by it.
#[actix_web::test]
async fn a_fetch_goes_on_when_the_request_that_began_it_is_given_up() {
    let world = World::new();
    world.issuer.keys().set(Reply::Held);
    let token = world.token();
    let given_up = tokio::time::timeout(Duration::ZERO, world.ask::<CurrentUser>(&token)).await;
    assert!(given_up.is_err());
    until("the issuer is asked", || world.issuer.keys().calls() == 1).await;
    let other = world.ask::<CurrentUser>(&token);
    world.publish(&[world.key()]);
    assert!(other.await.is_ok());
    assert_eq!(world.issuer.keys().calls(), 1);
}

fn is_refused_at_once(world: &World, token: &str) -> bool {
    match CurrentUser::from_request(&world.request(token), &mut Payload::None) {
        Verdict::Left(ready) => ready.into_inner().is_err(),
        // It names a key that isn't known any more.
        Verdict::Right(_) => true,
    }
}
