//! Users as the providers describe them. All fields that are read by anybody are there, and one that nobody knows.

use serde_json::{Value, json};

/// Google's `/oauth2/v3/userinfo`, with a verified address.
pub fn google(subject: &str, email: &str) -> Value {
    json!({
        "sub": subject, "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace",
        "picture": "https://lh3.example/a/ada=s96-c", "email": email, "email_verified": true, "hd": "example.org",
    })
}

/// Discord's `/users/@me`, with a verified address and an avatar.
pub fn discord(id: &str, email: &str) -> Value {
    json!({
        "id": id, "username": "ada", "global_name": "Ada Lovelace", "discriminator": "0",
        "avatar": "0123456789abcdef0123456789abcdef", "email": email, "verified": true, "locale": "en-GB",
    })
}

/// GitHub's `/user`. The address in it is the public one, which nobody has verified.
pub fn github(id: u64) -> Value {
    json!({
        "id": id, "login": "ada", "node_id": "MDQ6VXNlcjE=", "name": "Ada Lovelace", "type": "User",
        "avatar_url": format!("https://avatars.example/u/{id}?v=4"), "email": "public@elsewhere.example",
    })
}

/// GitHub's `/user/emails`: `email` is the primary one and verified, among others.
pub fn github_emails(email: &str) -> Value {
    json!([
        { "email": "old@elsewhere.example", "primary": false, "verified": true, "visibility": null },
        { "email": email, "primary": true, "verified": true, "visibility": "private" },
        { "email": "1+ada@users.noreply.example", "primary": false, "verified": true, "visibility": null },
    ])
}

/// The claims of an OpenID provider's user, with a verified address (OpenID Connect Core, section 5.1).
pub fn openid(subject: &str, email: &str) -> Value {
    json!({
        "sub": subject, "name": "Ada Lovelace", "preferred_username": "ada", "email": email, "email_verified": true,
        "picture": "https://pictures.example/ada.png", "locale": "en-GB",
    })
}
