//! The calls that many tests make, in short.

use serde_json::{Value, json};

use crate::contract::assert_done;
use crate::support::{Response, Server};

pub(crate) fn log_in(server: &Server, identifier: &str, password: &str) -> Response {
    server.client.post("/auth/login", &json!({ "identifier": identifier, "password": password }))
}

pub(crate) fn register(server: &Server, email: &str, password: &str) -> Response {
    server.client.post("/auth/register", &json!({ "email": email, "password": password }))
}

pub(crate) fn forgot(server: &Server, email: &str) -> Response {
    server.client.post("/auth/password/forgot", &json!({ "email": email }))
}

pub(crate) fn reset(server: &Server, token: &str, password: &str) -> Response {
    server.client.post("/auth/password/reset", &json!({ "token": token, "new_password": password }))
}

pub(crate) fn change_password(server: &Server, tokens: &Value, current: &str, new: &str) -> Response {
    let body = json!({ "current_password": current, "new_password": new });
    server.as_user(tokens).post("/auth/password/change", &body)
}

/// Asks for another address right after a sign-in.
pub(crate) fn ask_for_address(server: &Server, tokens: &Value, address: &str) -> Response {
    server.as_user(tokens).post("/users/me/email", &json!({ "new_email": address }))
}

pub(crate) fn resend(server: &Server, email: &str) -> Response {
    server.client.post("/auth/email/resend", &json!({ "email": email }))
}

/// Presents a link's token at a call that wants nothing else.
pub(crate) fn follow(server: &Server, path: &str, token: &str) -> Response {
    server.client.post(path, &json!({ "token": token }))
}

/// Verifies an address with a session of the account.
pub(crate) fn verify_as(server: &Server, tokens: &Value, token: &str) -> Response {
    server.as_user(tokens).post("/auth/email/verify", &json!({ "token": token }))
}

pub(crate) fn verify_by_password(server: &Server, token: &str, password: &str) -> Response {
    server.client.post("/auth/email/verify", &json!({ "token": token, "password": password }))
}

pub(crate) fn answer_with_password(server: &Server, challenge: &str, password: &str) -> Response {
    let body = json!({ "token": challenge, "method": "new_password", "new_password": password });
    server.client.post("/auth/challenge", &body)
}

/// Goes on with a sign-in by a link, or by the address having been verified meanwhile.
pub(crate) fn answer_with_link(server: &Server, challenge: &str, code: Option<&str>) -> Response {
    let mut body = json!({ "token": challenge, "method": "email_link" });
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    server.client.post("/auth/challenge", &body)
}

/// A user's new address, asked for by `tokens` and confirmed.
pub(crate) fn move_to(server: &Server, tokens: &Value, address: &str) {
    assert_eq!(ask_for_address(server, tokens, address).status, 202);
    assert_done(&follow(server, "/auth/email/change/confirm", &crate::mails::link(server, "change-email", address)));
}
