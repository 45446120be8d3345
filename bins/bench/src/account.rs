//! The people of the bench: registered one after the other, before the clock runs.

use std::net::SocketAddr;

use crate::failure::Outcome;
use crate::http::{self, Answer, Connection};

/// A password that no list has.
pub(crate) const PASSWORD: &str = "seven wooden gates of Thebes";

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) email: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
}

/// Registers `count` people.
pub(crate) fn register(address: SocketAddr, count: usize) -> Outcome<Vec<Account>> {
    let mut connection = Connection::open(address)?;
    (0..count)
        .map(|number| {
            let email = format!("person{number}@example.org");
            let body = format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#);
            let answer = connection.exchange(&http::post("/auth/register", &body))?;
            account(email, &answer).ok_or_else(|| format!("/auth/register answers {}", answer.describe()).into())
        })
        .collect()
}

/// The request by which the owner of `email` logs in.
pub(crate) fn log_in(email: &str) -> Vec<u8> {
    http::post("/auth/login", &format!(r#"{{"identifier":"{email}","password":"{PASSWORD}"}}"#))
}

fn account(email: String, answer: &Answer<'_>) -> Option<Account> {
    let text = |field| answer.text(field).map(str::to_owned);
    Some(Account { email, access_token: text("access_token")?, refresh_token: text("refresh_token")? })
}
