//! Administrators, and the calls that are theirs alone.

use serde_json::{Value, json};

use crate::jwt::text;
use crate::support::{Client, Response, Server};

pub(crate) const ROOT: &str = "root@example.org";
pub(crate) const ADA: &str = "ada@example.org";
pub(crate) const EVE: &str = "eve@example.org";

/// Gives a user a role as another program would: tokens say what they said.
pub(crate) fn give_role(server: &Server, email: &str, role: &str) {
    server.database.execute(&format!("UPDATE users SET role = '{role}' WHERE email_normalized = '{email}'"));
}

/// The tokens of a new administrator who has just signed in.
pub(crate) fn administrator(server: &Server, email: &str) -> Value {
    server.register(email);
    give_role(server, email, "admin");
    server.log_in(email)
}

pub(crate) fn id_of(tokens: &Value) -> &str {
    text(&tokens["user"]["id"])
}

pub(crate) fn path_of(tokens: &Value) -> String {
    format!("/admin/users/{}", id_of(tokens))
}

pub(crate) fn change(server: &Server, admin: &Value, user: &Value, body: &Value) -> Response {
    server.as_user(admin).patch(&path_of(user), body)
}

/// Every call under `/admin` that the server's own document has, each with the path of `user` in it. What is added later is
/// in here, too.
pub(crate) fn calls(server: &Server, user: &str) -> Vec<(String, String)> {
    let document = server.client.get("/openapi.json").json();
    let paths = document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/admin"));
    let calls = paths.flat_map(|(path, item)| {
        let path = path.replace("{id}", user);
        item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
    });
    let calls: Vec<_> = calls.collect();
    assert!(calls.len() >= 9, "{calls:?}");
    calls
}

/// Makes a call with a body that would do, where it takes one.
pub(crate) fn make(client: &Client, (method, path): &(String, String)) -> Response {
    let body = match (method.as_str(), path.as_str()) {
        ("POST", "/admin/users") => Some(json!({ "email": "made@example.org" })),
        ("PATCH", _) => Some(json!({ "display_name": "Changed" })),
        _ => None,
    };
    client.request(method, path, body.as_ref())
}
