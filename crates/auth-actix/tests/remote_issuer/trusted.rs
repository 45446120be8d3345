//! Whom the extractors let in.

use std::time::Duration;

use actix_web::FromRequest as _;
use actix_web::dev::Payload;
use actix_web::test::TestRequest;
use auth_actix::{Admin, AdminUser, CurrentUser, OptionalUser, RequirePremium, RequireRole, Verdict};
use auth_core::{Clock as _, ErrorCode, Role, SigningAlgorithm};

use crate::world::World;

/// REQ-15
#[actix_web::test]
async fn tokens_of_each_published_algorithm_are_good() {
    for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256, SigningAlgorithm::Rs256] {
        let world = World::with(algorithm, |_| {});
        let user = world.ask::<CurrentUser>(&world.token()).await.unwrap();
        assert_eq!((user.role(), user.is_premium()), (Role::User, false));
        assert_eq!(world.issuer.keys().calls(), 1);
    }
}

/// REQ-16, REQ-41
#[actix_web::test]
async fn each_extractor_lets_in_whom_it_names() {
    let world = World::new().warmed_up().await;
    let end = world.clock.now().plus(Duration::from_mins(10));
    let (user, admin, paid) = (world.token(), world.token_of(Role::Admin, None), world.token_of(Role::User, Some(end)));
    assert!(world.ask::<CurrentUser>(&user).await.is_ok());
    assert!(world.ask::<OptionalUser>(&user).await.unwrap().0.is_some());
    assert!(world.ask::<AdminUser>(&admin).await.is_ok());
    assert!(world.ask::<RequireRole<Admin>>(&admin).await.is_ok());
    assert_eq!(world.ask::<RequirePremium>(&paid).await.unwrap().0.premium_until(), Some(end));
    for token in [&user, &paid] {
        assert_eq!(world.refusal::<AdminUser>(token).await, Some(ErrorCode::Forbidden));
        assert_eq!(world.refusal::<RequireRole<Admin>>(token).await, Some(ErrorCode::Forbidden));
    }
    assert_eq!(world.refusal::<RequirePremium>(&user).await, Some(ErrorCode::Forbidden));
    world.clock.set(end);
    assert_eq!(world.refusal::<RequirePremium>(&paid).await, Some(ErrorCode::Forbidden), "it ends by the clock");
    assert!(world.ask::<CurrentUser>(&paid).await.is_ok());
}

#[actix_web::test]
async fn without_a_token_nobody_is_asked() {
    let world = World::new();
    let request = TestRequest::get().app_data(world.service.clone()).to_http_request();
    assert_eq!(CurrentUser::extract(&request).await.unwrap_err().code(), ErrorCode::NotAuthenticated);
    assert!(OptionalUser::extract(&request).await.unwrap().0.is_none());
    assert_eq!(world.issuer.keys().calls(), 0);
}

/// With known keys nothing is waited for, so that the whole check is the same as in the issuer's own process.
#[actix_web::test]
async fn with_known_keys_the_verdict_is_there_at_once() {
    let world = World::new();
    let verdict = |token: &str| CurrentUser::from_request(&world.request(token), &mut Payload::None);
    assert!(matches!(verdict(&world.token()), Verdict::Right(_)), "the keys aren't there yet");
    world.service.prepare().await.unwrap();
    assert!(matches!(verdict(&world.token()), Verdict::Left(_)));
    assert!(matches!(verdict("nonsense"), Verdict::Left(_)));
}

/// What isn't a handler's argument: the first message of a web socket, for instance.
#[actix_web::test]
async fn a_bare_token_is_verified_as_well() {
    let world = World::new();
    assert!(world.service.verify(&world.token()).await.is_ok());
    assert_eq!(world.service.verify("nonsense").await.unwrap_err().code(), ErrorCode::TokenInvalid);
}

/// REQ-10
#[actix_web::test]
async fn a_token_ends_at_its_end() {
    let world = World::new().warmed_up().await;
    let token = world.token();
    world.clock.advance(Duration::from_hours(23));
    world.service.prepare().await.unwrap();
    assert!(world.ask::<CurrentUser>(&token).await.is_ok());
    world.clock.advance(Duration::from_hours(1));
    world.service.prepare().await.unwrap();
    assert_eq!(world.refusal::<CurrentUser>(&token).await, Some(ErrorCode::TokenExpired));
}
