//! The address from the userinfo endpoint (OpenID Connect Core, sections 5.3 and 5.4; O-10).

use identity_provider::{Answer, Endpoint, Signing, people};
use serde_json::json;

use super::*;

const CLAIMS: [&str; 4] = ["email", "email_verified", "name", "picture"];

/// An issuer that keeps these claims out of its ID tokens.
fn silent_about(claims: &'static [&str]) -> Desk {
    let desk = Desk::start();
    desk.issuer.set_claims(move |token| {
        for claim in claims {
            token.remove(*claim);
        }
    });
    desk
}

#[tokio::test]
async fn what_the_token_does_not_say_comes_from_userinfo() {
    let desk = silent_about(&CLAIMS);
    let user = desk.sign_in().await.unwrap();
    assert_eq!(user.verified_email().unwrap().as_str(), "ada@example.org");
    assert_eq!(user.display_name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(user.avatar_url.as_deref(), Some("https://pictures.example/ada.png"));
    let requests = desk.issuer.requests();
    let request = requests.iter().find(|request| request.endpoint == Endpoint::Userinfo).unwrap();
    assert!(request.headers["authorization"].starts_with("Bearer ") && !request.target.contains('?'));
}

#[tokio::test]
async fn what_the_token_says_stays() {
    let desk = Desk::start();
    desk.issuer.set_claims(|token| {
        token.remove("email");
        token.remove("picture");
        token["name"] = json!("The token's");
    });
    desk.issuer.set_userinfo(|claims| claims["name"] = json!("The endpoint's"));
    let user = desk.sign_in().await.unwrap();
    assert_eq!(user.display_name.as_deref(), Some("The token's"));
    assert_eq!(user.avatar_url.as_deref(), Some("https://pictures.example/ada.png"));
    assert!(user.verified_email().is_some());
}

#[tokio::test]
async fn userinfo_is_not_asked_for_what_the_token_says() {
    let desk = silent_about(&["name", "picture"]);
    let user = desk.sign_in().await.unwrap();
    assert!(user.verified_email().is_some() && user.display_name.is_none());
    assert_eq!(desk.issuer.count(Endpoint::Userinfo), 0);
}

/// REQ-32: issuers that keep the flag where userinfo is, as Okta's and Authelia do.
#[tokio::test]
async fn userinfo_is_asked_whether_the_token_s_address_is_verified() {
    let desk = silent_about(&["email_verified", "name"]);
    let user = desk.sign_in().await.unwrap();
    assert_eq!(user.verified_email().unwrap().as_str(), "ada@example.org");
    assert_eq!(user.display_name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(desk.issuer.count(Endpoint::Userinfo), 1);
}

/// O-10: the flag is taken with the address that it was said of.
#[tokio::test]
async fn an_address_and_its_flag_are_one_pair_of_userinfo() {
    let desk = silent_about(&["email_verified"]);
    desk.issuer.set_userinfo(|claims| claims["email"] = json!("eve@example.org"));
    let user = desk.sign_in().await.unwrap();
    assert_eq!(user.verified_email().unwrap().as_str(), "eve@example.org");
    for change in [
        (|claims| claims["email_verified"] = json!(false)) as fn(&mut serde_json::Map<_, _>),
        |claims| claims["email_verified"] = json!("true"),
        |claims| drop(claims.remove("email_verified")),
        |claims| drop(claims.remove("email")),
    ] {
        desk.issuer.set_userinfo(change);
        let user = desk.sign_in().await.unwrap();
        assert_eq!((user.email.unwrap().as_str(), user.email_verified), ("ada@example.org", false));
    }
}

/// O-10: what the token denies, nobody else makes good.
#[tokio::test]
async fn a_false_of_the_token_stays_false() {
    for value in [json!(false), json!(null), json!("true")] {
        let desk = Desk::start();
        desk.issuer.set_claims(move |token| token["email_verified"] = value.clone());
        let user = desk.sign_in().await.unwrap();
        assert_eq!((user.email.is_some(), user.email_verified), (true, false));
        assert_eq!(desk.issuer.count(Endpoint::Userinfo), 0);
    }
}

/// That one address is verified says nothing of another.
#[tokio::test]
async fn an_address_and_its_verification_come_from_one_place() {
    let desk = silent_about(&["email"]);
    desk.issuer.set_userinfo(|claims| drop(claims.remove("email_verified")));
    let user = desk.sign_in().await.unwrap();
    assert!(user.email.is_some() && !user.email_verified);
    assert_eq!(user.verified_email(), None);
}

/// O-10.
#[tokio::test]
async fn an_address_is_verified_by_the_json_value_true_alone() {
    for value in [json!(false), json!(null), json!("true"), json!("false"), json!(1), json!([true])] {
        for desk in [silent_about(&[]), silent_about(&CLAIMS)] {
            let mut user = people::openid("subject-1", "ada@example.org");
            user["email_verified"] = value.clone();
            desk.issuer.set_user(user);
            let user = desk.sign_in().await.unwrap();
            assert_eq!((user.email.is_some(), user.email_verified), (true, false), "{value}");
        }
    }
}

/// Section 5.3.2: the answer to a token that was swapped.
#[tokio::test]
async fn claims_about_somebody_else_are_refused() {
    for subject in [json!("subject-2"), json!("Subject-1"), json!(null), json!(1), json!(["subject-1"])] {
        let desk = silent_about(&CLAIMS);
        desk.issuer.set_userinfo(move |claims| claims["sub"] = subject.clone());
        assert_eq!(desk.refusal(desk.sign_in().await), "the userinfo endpoint speaks of another subject");
    }
    let desk = silent_about(&CLAIMS);
    desk.issuer.set_userinfo(|claims| drop(claims.remove("sub")));
    assert_eq!(desk.refusal(desk.sign_in().await), "the userinfo endpoint speaks of another subject");
}

/// Without its address, a person who is known by it would get a second account.
#[tokio::test]
async fn an_endpoint_that_fails_ends_the_sign_in() {
    for answer in [
        Answer::Status(500),
        Answer::Status(401),
        Answer::Status(204),
        // Good claims, but the status says that they are none.
        Answer::Body {
            status: 403,
            content_type: "application/json",
            body: r#"{"sub":"subject-1","email":"ada@example.org"}"#.to_owned(),
        },
        Answer::Redirect("https://elsewhere.example/".to_owned()),
        Answer::Close,
        Answer::Large(2 * 1024 * 1024),
        body("application/json", "[]"),
        body("application/json", ""),
        body("application/json", r#"{"sub":"subject-1","sub":"subject-1"}"#),
        body("text/html", "<html></html>"),
    ] {
        let desk = silent_about(&CLAIMS);
        desk.issuer.misbehave(Endpoint::Userinfo, answer);
        let reason = desk.refusal(desk.sign_in().await);
        assert!(reason.starts_with("the userinfo endpoint: "), "{reason}");
    }
}

/// Signed answers aren't supported: they say nothing, and no fault is found in them.
#[tokio::test]
async fn a_signed_answer_says_nothing() {
    let desk = silent_about(&CLAIMS);
    desk.issuer.sign_with(Signing::Rs256);
    let claims = json!({"sub": "subject-1", "email": "ada@example.org", "email_verified": true});
    let signed = desk.issuer.sign(claims.as_object().unwrap());
    for content_type in ["application/jwt", "application/JWT; charset=utf-8"] {
        desk.issuer.misbehave(Endpoint::Userinfo, body(content_type, &signed));
        let user = desk.sign_in().await.unwrap();
        assert_eq!((user.subject.as_str(), user.email, user.display_name), ("subject-1", None, None));
    }
    assert_eq!(desk.client.breaker_state(), auth_core::BreakerState::Closed);
}

#[tokio::test]
async fn an_issuer_without_the_endpoint_may_give_no_address() {
    let desk = silent_about(&CLAIMS);
    desk.issuer.set_metadata(|metadata| drop(metadata.remove("userinfo_endpoint")));
    assert_eq!(desk.sign_in().await.unwrap().email, None);
    assert_eq!(desk.issuer.count(Endpoint::Userinfo), 0);
}

#[tokio::test]
async fn a_person_may_have_no_address_anywhere() {
    let desk = silent_about(&CLAIMS);
    desk.issuer.set_userinfo(|claims| drop(claims.remove("email")));
    let user = desk.sign_in().await.unwrap();
    assert!(user.email.is_none() && !user.email_verified && user.display_name.is_some());
}

fn body(content_type: &'static str, body: &str) -> Answer {
    Answer::Body { status: 200, content_type, body: body.to_owned() }
}
