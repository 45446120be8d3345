//! Handlers that ask the issuer about each token.

use auth_actix::{AdminUser, Confirmed, ConfirmedUser, CurrentUser};
use auth_core::{ErrorCode, Role};
use serde_json::json;

use crate::issuer::Reply;
use crate::world::World;

/// The issuer's yes to this user.
fn yes(user: &CurrentUser) -> Reply {
    let (id, session, role) = (user.id(), user.session(), user.role().as_str());
    let headers = format!("X-Auth-User: {id}\r\nX-Auth-Role: {role}\r\nX-Auth-Session: {session}\r\n");
    Reply::Answer(204, headers, String::new())
}

fn no(code: &str) -> Reply {
    Reply::Answer(401, String::new(), json!({ "status": 401, "error_code": code }).to_string())
}

/// REQ-12, T-20, T-21: by the claim an ex-admin is an admin until the token expires; who asks knows at once.
#[actix_web::test]
async fn an_ex_admin_is_refused_at_once_where_the_issuer_is_asked() {
    let world = World::new();
    let token = world.token_of(Role::Admin, None);
    let admin = world.ask::<AdminUser>(&token).await.unwrap().0;
    world.issuer.verify().set(yes(&admin));
    assert!(world.ask::<ConfirmedUser>(&token).await.is_ok());
    assert_eq!(world.ask::<Confirmed<AdminUser>>(&token).await.unwrap().as_ref().id(), admin.id());
    assert_eq!(world.issuer.verify().calls(), 2, "once a request");

    for (code, refusal) in [
        ("token_expired", ErrorCode::TokenExpired),
        ("session_revoked", ErrorCode::SessionRevoked),
        ("token_invalid", ErrorCode::TokenInvalid),
        ("email_taken", ErrorCode::TokenInvalid),
    ] {
        world.issuer.verify().set(no(code));
        assert_eq!(world.refusal::<Confirmed<AdminUser>>(&token).await, Some(refusal));
        assert_eq!(world.refusal::<ConfirmedUser>(&token).await, Some(refusal));
        assert!(world.ask::<AdminUser>(&token).await.is_ok(), "who doesn't ask learns it late");
    }
}

/// What isn't confirmed isn't let in.
#[actix_web::test]
async fn without_a_clear_yes_nobody_gets_in() {
    let world = World::without_breaker();
    let token = world.token();
    let user = world.ask::<CurrentUser>(&token).await.unwrap();
    let other = world.ask::<CurrentUser>(&world.token()).await.unwrap();
    let elsewhere = format!("Location: {}/auth/verify\r\n", world.issuer.url());
    for unclear in [
        Reply::Raw(""),
        Reply::status(500),
        Reply::status(503),
        Reply::status(429),
        Reply::status(404),
        Reply::Answer(302, elsewhere, String::new()),
        Reply::status(204),
        Reply::Answer(200, String::new(), "<html>Welcome</html>".to_owned()),
        yes(&other),
    ] {
        world.issuer.verify().set(unclear);
        let problem = world.ask::<ConfirmedUser>(&token).await.unwrap_err();
        assert_eq!(problem.code(), ErrorCode::Overloaded);
        assert!(world.ask::<CurrentUser>(&token).await.is_ok());
    }
    world.issuer.verify().set(yes(&user));
    assert!(world.ask::<ConfirmedUser>(&token).await.is_ok());
}

/// Strangers have nobody called, and users aren't asked about where the claim says no.
#[actix_web::test]
async fn only_tokens_that_pass_here_are_asked_about() {
    let world = World::new().warmed_up().await;
    for token in ["nonsense", &world.forged_token(|header, _| header["typ"] = json!("JWT"))] {
        assert_eq!(world.refusal::<ConfirmedUser>(token).await, Some(ErrorCode::TokenInvalid));
    }
    assert_eq!(world.refusal::<Confirmed<AdminUser>>(&world.token()).await, Some(ErrorCode::Forbidden));
    assert_eq!(world.issuer.verify().calls(), 0);
}

/// REQ-43: confirmations that fail open their own breaker, and the keys' stays closed.
#[actix_web::test]
async fn an_issuer_that_confirms_nothing_is_left_alone_and_its_keys_are_not() {
    let mut world = World::new().warmed_up().await;
    world.issuer.verify().set(Reply::status(500));
    let token = world.token();
    for _ in 0..20 {
        assert_eq!(world.refusal::<ConfirmedUser>(&token).await, Some(ErrorCode::Overloaded));
    }
    assert_eq!(world.issuer.verify().calls(), 5);
    world.rotate();
    world.publish(&[world.key()]);
    assert!(world.ask::<CurrentUser>(&world.token()).await.is_ok());
}
