//! Discord.

use crate::claims::Claims;
use crate::error::OAuthError;
use crate::plain::{DefaultEndpoints, OAuth2Provider, ReadingUser};
use crate::user_api::UserApi;
use crate::user_info::OAuthUserInfo;

const CDN: &str = "https://cdn.discordapp.com";
/// Of a picture's hash: more than Discord has ever sent.
const MAX_HASH_BYTES: usize = 128;

/// See <https://discord.com/developers/docs/topics/oauth2>.
pub(crate) struct Discord;

impl OAuth2Provider for Discord {
    fn names(&self) -> (&str, &str) {
        ("discord", "Discord")
    }

    fn scope(&self) -> &'static str {
        "identify email"
    }

    fn endpoints(&self) -> DefaultEndpoints<'_> {
        DefaultEndpoints {
            authorize: "https://discord.com/oauth2/authorize",
            token: "https://discord.com/api/oauth2/token",
            userinfo: "https://discord.com/api/users/@me",
        }
    }

    fn issuer(&self) -> Option<&str> {
        Some("https://discord.com")
    }

    fn read_user<'a>(&'a self, api: &'a UserApi<'_>) -> ReadingUser<'a> {
        Box::pin(async move { user(&api.userinfo().await?) })
    }
}

fn user(user: &Claims) -> Result<OAuthUserInfo, OAuthError> {
    let subject = user.subject("id")?;
    let email = user.email("email");
    Ok(OAuthUserInfo {
        avatar_url: avatar_url(&subject, user),
        subject,
        email_verified: email.is_some() && user.is_true("verified"),
        email,
        display_name: user.display_name("global_name").or_else(|| user.display_name("username")),
    })
}

/// The picture of the user's own, or the one that Discord shows for those without. None if what the URL is made of
/// isn't what Discord sends.
fn avatar_url(id: &str, user: &Claims) -> Option<String> {
    if !id.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let Some(hash) = user.text("avatar") else {
        let number = default_avatar(id, user.text("discriminator"))?;
        return Some(format!("{CDN}/embed/avatars/{number}.png"));
    };
    let is_hash = (1..=MAX_HASH_BYTES).contains(&hash.len())
        && hash.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let extension = if hash.starts_with("a_") { "gif" } else { "png" };
    is_hash.then(|| format!("{CDN}/avatars/{id}/{hash}.{extension}"))
}

/// By the discriminator of the names of old (`#0001`), else by the time when the account was made, which is in its id.
fn default_avatar(id: &str, discriminator: Option<&str>) -> Option<u64> {
    match discriminator.and_then(|text| text.parse::<u64>().ok()) {
        Some(number @ 1..=9999) => Some(number % 5),
        _ => Some((id.parse::<u64>().ok()? >> 22) % 6),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> OAuthUserInfo {
        let Value::Object(members) = value else { panic!("an object") };
        user(&Claims::new(members)).unwrap()
    }

    fn avatar(value: Value) -> Option<String> {
        read(value).avatar_url
    }

    /// REQ-32.
    #[test]
    fn a_picture_is_made_of_id_and_hash() {
        let still = avatar(json!({ "id": "80351110224678912", "avatar": "8342729096ea3675442027381ff50dfe" }));
        let moving = avatar(json!({ "id": "80351110224678912", "avatar": "a_8342729096ea3675442027381ff50dfe" }));
        let url = "https://cdn.discordapp.com/avatars/80351110224678912";
        assert_eq!(still.unwrap(), format!("{url}/8342729096ea3675442027381ff50dfe.png"));
        assert_eq!(moving.unwrap(), format!("{url}/a_8342729096ea3675442027381ff50dfe.gif"));
    }

    /// REQ-32: 80351110224678912 >> 22 is 19157197529, which leaves 5 when divided by 6.
    #[test]
    fn who_has_no_picture_gets_the_one_that_discord_shows() {
        let default = |number: u64| Some(format!("https://cdn.discordapp.com/embed/avatars/{number}.png"));
        for (discriminator, number) in [
            (json!("0"), 5),
            (json!(null), 5),
            (json!("0000"), 5),
            (json!("x"), 5),
            (json!("1337"), 2),
            (json!("0001"), 1),
        ] {
            let user = json!({ "id": "80351110224678912", "avatar": null, "discriminator": discriminator });
            assert_eq!(avatar(user), default(number), "{discriminator}");
        }
        assert_eq!(avatar(json!({ "id": "80351110224678912" })), default(5));
        assert_eq!(avatar(json!({ "id": 80_351_110_224_678_912_u64 })), default(5));
    }

    #[test]
    fn nothing_else_gets_into_the_url() {
        for hash in ["", "../../x", "A".repeat(32).as_str(), "a.b", "a?b", "a%2fb", "ä", "a".repeat(129).as_str()] {
            assert_eq!(avatar(json!({ "id": "1", "avatar": hash })), None, "{hash}");
        }
        for id in ["abc", "1/2", "١", "99999999999999999999999"] {
            assert_eq!(avatar(json!({ "id": id })), None, "{id}");
        }
        assert_eq!(avatar(json!({ "id": "../1", "avatar": "a" })), None);
    }

    #[test]
    fn the_name_is_the_shown_one_or_the_account_s() {
        let name = |value: Value| read(value).display_name;
        assert_eq!(name(json!({ "id": "1", "username": "ada", "global_name": "Ada L." })).as_deref(), Some("Ada L."));
        assert_eq!(name(json!({ "id": "1", "username": "ada", "global_name": null })).as_deref(), Some("ada"));
        assert_eq!(name(json!({ "id": "1", "username": "ada", "global_name": "\u{202e}" })).as_deref(), Some("ada"));
        assert_eq!(name(json!({ "id": "1" })), None);
    }

    /// O-10.
    #[test]
    fn an_address_counts_if_discord_verified_it() {
        let verified = |value: Value| read(json!({ "id": "1", "email": "ada@example.org", "verified": value }));
        assert!(verified(json!(true)).verified_email().is_some());
        for value in [json!(false), json!("true"), json!(1), json!(null)] {
            assert_eq!(verified(value.clone()).verified_email(), None, "{value}");
        }
        assert_eq!(read(json!({ "id": "1", "email": null, "verified": true })).verified_email(), None);
    }
}
