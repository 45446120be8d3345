//! Google, as plain OAuth 2.0: an `id_token` in its answer is ignored.

use crate::claims::Claims;
use crate::error::OAuthError;
use crate::plain::{DefaultEndpoints, OAuth2Provider, ReadingUser};
use crate::user_api::UserApi;
use crate::user_info::OAuthUserInfo;

/// See <https://developers.google.com/identity/protocols/oauth2/web-server>.
pub(crate) struct Google;

impl OAuth2Provider for Google {
    fn names(&self) -> (&str, &str) {
        ("google", "Google")
    }

    fn scope(&self) -> &'static str {
        "openid email profile"
    }

    fn endpoints(&self) -> DefaultEndpoints<'_> {
        DefaultEndpoints {
            authorize: "https://accounts.google.com/o/oauth2/v2/auth",
            token: "https://oauth2.googleapis.com/token",
            userinfo: "https://openidconnect.googleapis.com/v1/userinfo",
        }
    }

    fn issuer(&self) -> Option<&str> {
        Some("https://accounts.google.com")
    }

    fn read_user<'a>(&'a self, api: &'a UserApi<'_>) -> ReadingUser<'a> {
        Box::pin(async move { user(&api.userinfo().await?) })
    }
}

/// The older userinfo endpoint says `id` and `verified_email`. A name that is there decides, whatever its value.
fn user(user: &Claims) -> Result<OAuthUserInfo, OAuthError> {
    let first = |new, old| if user.has(new) { new } else { old };
    let email = user.email("email");
    Ok(OAuthUserInfo {
        subject: user.subject(first("sub", "id"))?,
        email_verified: email.is_some() && user.is_true(first("email_verified", "verified_email")),
        email,
        display_name: user.display_name("name"),
        avatar_url: user.https_url("picture"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Result<OAuthUserInfo, OAuthError> {
        let Value::Object(members) = value else { panic!("an object") };
        user(&Claims::new(members))
    }

    #[test]
    fn both_userinfo_endpoints_are_read() {
        let new = read(json!({ "sub": "1", "email": "ada@example.org", "email_verified": true, "name": "Ada",
            "picture": "https://lh3.example/a" }));
        let old = read(json!({ "id": "1", "email": "ada@example.org", "verified_email": true, "name": "Ada",
            "picture": "https://lh3.example/a" }));
        let new = new.unwrap();
        assert_eq!(new, old.unwrap());
        assert_eq!(new.subject, "1");
        assert_eq!(new.verified_email().unwrap().as_str(), "ada@example.org");
        assert_eq!(new.display_name.as_deref(), Some("Ada"));
        assert_eq!(new.avatar_url.as_deref(), Some("https://lh3.example/a"));
    }

    /// O-12: a bad value isn't made up for by the other name.
    #[test]
    fn the_newer_name_decides() {
        assert!(read(json!({ "sub": null, "id": "1" })).is_err());
        assert!(read(json!({ "sub": "", "id": "1" })).is_err());
        assert_eq!(read(json!({ "sub": "1", "id": "2" })).unwrap().subject, "1");
        for verified in [json!(false), json!("true"), json!(1), json!(null)] {
            let user =
                json!({ "sub": "1", "email": "ada@example.org", "email_verified": verified, "verified_email": true });
            assert_eq!(read(user).unwrap().verified_email(), None, "{verified}");
        }
    }

    #[test]
    fn a_user_may_have_nothing_but_a_subject() {
        let user = read(json!({ "sub": "1" })).unwrap();
        assert_eq!((user.email, user.email_verified, user.display_name, user.avatar_url), (None, false, None, None));
    }
}
