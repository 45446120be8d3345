//! GitHub.

use auth_core::Email;

use crate::claims::Claims;
use crate::error::OAuthError;
use crate::plain::{DefaultEndpoints, OAuth2Provider, ReadingUser};
use crate::user_api::UserApi;
use crate::user_info::OAuthUserInfo;

/// See <https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps>.
pub(crate) struct GitHub;

impl OAuth2Provider for GitHub {
    fn names(&self) -> (&str, &str) {
        ("github", "GitHub")
    }

    fn scope(&self) -> &'static str {
        "read:user user:email"
    }

    fn endpoints(&self) -> DefaultEndpoints<'_> {
        DefaultEndpoints {
            authorize: "https://github.com/login/oauth/authorize",
            token: "https://github.com/login/oauth/access_token",
            userinfo: "https://api.github.com/user",
        }
    }

    fn issuer(&self) -> Option<&str> {
        Some("https://github.com/login/oauth")
    }

    fn read_user<'a>(&'a self, api: &'a UserApi<'_>) -> ReadingUser<'a> {
        Box::pin(async move {
            let user = user(&api.userinfo().await?)?;
            // People may agree to the sign-in without the addresses. The most that a page has, where 30 is usual: the
            // primary one may be the last.
            let addresses = api.list_below_userinfo("emails", &[("per_page", "100")]).await?;
            let email = addresses.and_then(|addresses| verified_primary(&addresses));
            Ok(OAuthUserInfo { email_verified: email.is_some(), email, ..user })
        })
    }
}

/// The user without address: the `email` of a profile is what its owner shows, and says nothing of being verified.
fn user(user: &Claims) -> Result<OAuthUserInfo, OAuthError> {
    let subject = user.subject("id")?;
    // `0123` would be another identity than 123.
    if subject.parse::<u64>().ok().map(|id| id.to_string()).as_ref() != Some(&subject) {
        return Err(OAuthError::Provider("the user's id is no number".to_owned()));
    }
    Ok(OAuthUserInfo {
        subject,
        email: None,
        email_verified: false,
        display_name: user.display_name("name").or_else(|| user.display_name("login")),
        avatar_url: user.https_url("avatar_url"),
    })
}

/// The primary address, if it is verified and takes mail. Another verified one may be an old employer's.
fn verified_primary(addresses: &[Claims]) -> Option<Email> {
    let primary = addresses.iter().find(|address| address.is_true("primary"))?;
    primary.email("email").filter(|email| primary.is_true("verified") && !is_noreply(email))
}

/// `…@users.noreply.github.com`, or the same of an enterprise installation: mail to it is dropped.
fn is_noreply(email: &Email) -> bool {
    email.canonical().rsplit_once('@').is_some_and(|(_, domain)| domain.starts_with("users.noreply."))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn claims(value: Value) -> Claims {
        let Value::Object(members) = value else { panic!("an object") };
        Claims::new(members)
    }

    /// O-12.
    #[test]
    fn a_number_and_its_digits_are_one_identity() {
        let subject = |id: Value| user(&claims(json!({ "id": id }))).map(|user| user.subject);
        assert_eq!(subject(json!(123)).unwrap(), "123");
        assert_eq!(subject(json!("123")).unwrap(), "123");
        for id in
            [json!("0123"), json!("+123"), json!(" 123"), json!("123.0"), json!(123.0), json!("1e2"), json!("ada")]
        {
            assert!(subject(id.clone()).is_err(), "{id}");
        }
    }

    #[test]
    fn the_public_address_of_a_profile_is_not_used() {
        let user = user(&claims(json!({ "id": 1, "login": "ada", "name": null, "email": "ada@example.org",
            "avatar_url": "https://avatars.example/u/1?v=4" })));
        let user = user.unwrap();
        assert_eq!((user.email, user.email_verified), (None, false));
        assert_eq!(user.display_name.as_deref(), Some("ada"));
        assert_eq!(user.avatar_url.as_deref(), Some("https://avatars.example/u/1?v=4"));
    }

    /// O-10.
    #[test]
    fn the_address_is_the_primary_one_if_it_is_verified_and_takes_mail() {
        let email = |addresses: Value| {
            let Value::Array(addresses) = addresses else { panic!("a list") };
            let addresses: Vec<_> = addresses.into_iter().map(claims).collect();
            verified_primary(&addresses).map(|email| email.as_str().to_owned())
        };
        let address = |email: &str, primary: Value, verified: Value| json!({ "email": email, "primary": primary, "verified": verified });
        let old = address("old@example.org", json!(false), json!(true));
        let yes = || json!(true);
        assert_eq!(email(json!([old, address("ada@example.org", yes(), yes())])).as_deref(), Some("ada@example.org"));
        for none in [
            json!([]),
            json!([old]),
            json!([old, address("ada@example.org", yes(), json!(false))]),
            json!([old, address("ada@example.org", yes(), json!("true"))]),
            json!([old, address("ada@example.org", json!(1), yes())]),
            json!([old, address("1+ada@users.noreply.github.com", yes(), yes())]),
            json!([old, address("1+ada@Users.NoReply.GitHub.com", yes(), yes())]),
            json!([old, address("1+ada@users.noreply.ghe.example", yes(), yes())]),
            json!([old, address("nonsense", yes(), yes())]),
            json!([{ "email": null, "primary": true, "verified": true }]),
        ] {
            assert_eq!(email(none.clone()), None, "{none}");
        }
    }
}
