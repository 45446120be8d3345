//! What a provider says about a person, in an ID token or at its userinfo endpoint.

use auth_core::Email;

use crate::claims::Claims;
use crate::user_info::OAuthUserInfo;

/// The claims about a person that are used (OpenID Connect Core, section 5.1). One that can't be read counts as absent.
#[derive(Default)]
pub(super) struct Profile {
    address: Option<Address>,
    name: Option<String>,
    picture: Option<String>,
}

/// An address, never without what was said about it.
struct Address {
    email: Email,
    /// Whether it is that person's; `None` where nothing was said.
    is_verified: Option<bool>,
}

impl Profile {
    pub(super) fn read(claims: &Claims) -> Self {
        // The JSON value alone: a provider that writes "true" may write "false" as well.
        let is_verified = claims.has("email_verified").then(|| claims.is_true("email_verified"));
        Self {
            address: claims.email("email").map(|email| Address { email, is_verified }),
            name: claims.display_name("name"),
            picture: claims.https_url("picture"),
        }
    }

    /// Whether it has an address that can be read, and says whether it is verified. Some issuers put the address alone
    /// into their ID tokens, and the flag where userinfo is.
    pub(super) fn has_settled_address(&self) -> bool {
        self.address.as_ref().is_some_and(|address| address.is_verified.is_some())
    }

    /// This, with what it lacks from `other`. Of an address about which nothing was said it lacks all: the other's takes
    /// its place, with what was said there.
    pub(super) fn or(self, other: Self) -> Self {
        let is_settled = self.has_settled_address();
        Self {
            address: if is_settled { self.address } else { other.address.or(self.address) },
            name: self.name.or(other.name),
            picture: self.picture.or(other.picture),
        }
    }

    /// The person that `subject` is.
    pub(super) fn into_user(self, subject: String) -> OAuthUserInfo {
        let email_verified = self.address.as_ref().is_some_and(|address| address.is_verified == Some(true));
        OAuthUserInfo {
            subject,
            email: self.address.map(|address| address.email),
            email_verified,
            display_name: self.name,
            avatar_url: self.picture,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn profile(claims: Value) -> Profile {
        let Value::Object(members) = claims else { panic!("{claims}") };
        Profile::read(&Claims::new(members))
    }

    /// O-10: that one address is verified says nothing of another.
    #[test]
    fn an_address_comes_with_what_is_said_about_it() {
        let silent = || profile(json!({"email": "ada@example.org", "name": "Ada"}));
        let refuted = || profile(json!({"email": "bob@example.org", "email_verified": false, "name": "Bob"}));
        let verified = || profile(json!({"email": "eve@example.org", "email_verified": true, "name": "Eve"}));
        let nameless = || profile(json!({"email_verified": true}));
        for (profile, address, is_verified, name) in [
            (silent().or(verified()), "eve@example.org", true, "Ada"),
            (silent().or(refuted()), "bob@example.org", false, "Ada"),
            (silent().or(nameless()), "ada@example.org", false, "Ada"),
            (silent().or(silent()), "ada@example.org", false, "Ada"),
            (refuted().or(verified()), "bob@example.org", false, "Bob"),
            (verified().or(silent()), "eve@example.org", true, "Eve"),
            (nameless().or(silent()), "ada@example.org", false, "Ada"),
            (verified().or(nameless()), "eve@example.org", true, "Eve"),
        ] {
            let user = profile.into_user("1".to_owned());
            assert_eq!(user.email.unwrap().as_str(), address);
            assert_eq!((user.email_verified, user.display_name.as_deref()), (is_verified, Some(name)));
        }
        assert!(!nameless().into_user("1".to_owned()).email_verified);
    }
}
