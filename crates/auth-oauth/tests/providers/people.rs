//! Users that can't be told apart, and addresses that prove nothing.

use auth_oauth::OAuthError;
use identity_provider::{Answer, Endpoint, IdentityProvider, people};
use serde_json::{Value, json};

use crate::bed::sign_in;

const EMAIL: &str = "ada@example.org";

/// Who signs in if a member of their userinfo is changed.
async fn with(name: &str, user: Value, member: &'static str, value: Value) -> Result<String, OAuthError> {
    let fake = IdentityProvider::start();
    fake.set_user(user);
    fake.set_userinfo(move |user| {
        user.insert(member.to_owned(), value.clone());
    });
    let user = sign_in(name, &fake).await?;
    Ok(format!("{} {}", user.subject, user.verified_email().map_or("nobody", |email| email.as_str())))
}

/// O-12.
#[tokio::test]
async fn who_has_no_subject_does_not_sign_in() {
    for (name, user, member) in [
        ("google", people::google("1", EMAIL), "sub"),
        ("discord", people::discord("1", EMAIL), "id"),
        ("github", people::github(1), "id"),
    ] {
        for value in [json!(null), json!(""), json!("undefined"), json!("null"), json!(1.5), json!([1]), json!("\n")] {
            let refused = with(name, user.clone(), member, value.clone()).await;
            assert!(matches!(refused, Err(OAuthError::Provider(_))), "{name} {value}");
        }
        let fake = IdentityProvider::start();
        fake.set_user(user);
        fake.set_userinfo(move |user| {
            user.remove(member);
        });
        assert!(matches!(sign_in(name, &fake).await, Err(OAuthError::Provider(_))), "{name}");
    }
}

/// O-12.
#[tokio::test]
async fn a_number_and_its_digits_are_one_user() {
    for id in [json!(123), json!("123")] {
        assert_eq!(with("github", people::github(1), "id", id.clone()).await.unwrap(), format!("123 {EMAIL}"));
        assert_eq!(with("discord", people::discord("1", EMAIL), "id", id).await.unwrap(), format!("123 {EMAIL}"));
    }
}

/// O-10.
#[tokio::test]
async fn an_address_that_is_not_verified_is_nobody_s() {
    for value in [json!(false), json!("false"), json!("true"), json!(1), json!(null), json!([true])] {
        let google = with("google", people::google("1", EMAIL), "email_verified", value.clone()).await;
        assert_eq!(google.unwrap(), "1 nobody", "{value}");
        let discord = with("discord", people::discord("1", EMAIL), "verified", value.clone()).await;
        assert_eq!(discord.unwrap(), "1 nobody", "{value}");
        let fake = IdentityProvider::start();
        fake.set_user(people::github(1));
        fake.set_emails(json!([{ "email": EMAIL, "primary": true, "verified": value }]));
        assert_eq!(sign_in("github", &fake).await.unwrap().verified_email(), None, "{value}");
    }
}

/// O-10: not even the address that the profile shows.
#[tokio::test]
async fn a_github_user_may_keep_the_addresses() {
    for answer in
        [Answer::Status(404), Answer::Body { status: 200, content_type: "application/json", body: "[]".to_owned() }]
    {
        let fake = IdentityProvider::start();
        fake.set_user(people::github(1));
        fake.misbehave(Endpoint::Emails, answer.clone());
        let user = sign_in("github", &fake).await.unwrap();
        assert_eq!((user.subject.as_str(), user.email, user.email_verified), ("1", None, false), "{answer:?}");
    }
}

/// A page has 30 of them unless one asks for more, and the primary one may be the 31st.
#[tokio::test]
async fn all_addresses_of_a_github_user_are_asked_for() {
    let fake = IdentityProvider::start();
    fake.set_user(people::github(1));
    fake.set_emails(people::github_emails(EMAIL));
    assert_eq!(sign_in("github", &fake).await.unwrap().verified_email().unwrap().as_str(), EMAIL);
    let requests = fake.requests();
    let request = requests.iter().find(|request| request.endpoint == Endpoint::Emails).unwrap();
    assert_eq!(request.target, "/userinfo/emails?per_page=100");
}

/// A list that can't be read isn't one without addresses: the account that would be made could never be joined.
#[tokio::test]
async fn a_github_user_whose_addresses_cannot_be_read_comes_back_later() {
    let body = |body: &str| Answer::Body { status: 200, content_type: "application/json", body: body.to_owned() };
    for answer in [
        Answer::Status(401),
        // Rate limits.
        Answer::Status(403),
        Answer::Status(429),
        Answer::Status(500),
        body("{}"),
        body("null"),
        body("[1]"),
        body(r#"[{"email":"a@b.co","email":"c@d.co","primary":true,"verified":true}]"#),
    ] {
        let fake = IdentityProvider::start();
        fake.set_user(people::github(1));
        fake.misbehave(Endpoint::Emails, answer.clone());
        assert!(matches!(sign_in("github", &fake).await, Err(OAuthError::Provider(_))), "{answer:?}");
    }
}
