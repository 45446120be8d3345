//! A client for servers that may not answer.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::answer::Answer;

/// A password that no list has.
pub(crate) const PASSWORD: &str = "seven wooden gates of Thebes";

/// Calls one server, each time over a new connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    address: SocketAddr,
    /// After this time without a byte the answer is given up.
    patience: Duration,
}

impl Caller {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, patience: Duration::from_secs(30) }
    }

    pub(crate) fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// A connection of one's own.
    pub(crate) fn connect(self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, self.patience)?;
        stream.set_read_timeout(Some(self.patience))?;
        stream.set_write_timeout(Some(self.patience))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    pub(crate) fn get(self, path: &str) -> Option<Answer> {
        self.exchange(&head("GET", path, None, None))
    }

    pub(crate) fn get_as(self, bearer: &str, path: &str) -> Option<Answer> {
        self.exchange(&head("GET", path, Some(bearer), None))
    }

    pub(crate) fn post(self, path: &str, body: &Value) -> Option<Answer> {
        let body = body.to_string();
        self.exchange(&(head("POST", path, None, Some(body.len())) + &body))
    }

    /// Without a body.
    pub(crate) fn post_as(self, bearer: &str, path: &str) -> Option<Answer> {
        self.exchange(&head("POST", path, Some(bearer), None))
    }

    pub(crate) fn register(self, email: &str) -> Option<Answer> {
        self.post("/auth/register", &registration(email))
    }

    /// Registers `email` and returns the tokens.
    pub(crate) fn registered(self, email: &str) -> Value {
        let answer = self.register(email).expect("an answer");
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    pub(crate) fn log_in(self, email: &str) -> Option<Answer> {
        self.log_in_with(email, PASSWORD)
    }

    /// Asks for a mail to set a new password.
    pub(crate) fn forgot(self, email: &str) -> Option<Answer> {
        self.post("/auth/password/forgot", &json!({ "email": email }))
    }

    /// Sets a new password by the token of a mail.
    pub(crate) fn reset(self, token: &str, new_password: &str) -> Option<Answer> {
        self.post("/auth/password/reset", &json!({ "token": token, "new_password": new_password }))
    }

    pub(crate) fn log_in_with(self, email: &str, password: &str) -> Option<Answer> {
        self.post("/auth/login", &json!({ "identifier": email, "password": password }))
    }

    pub(crate) fn change_password(self, bearer: &str, new_password: &str) -> Option<Answer> {
        let body = json!({ "current_password": PASSWORD, "new_password": new_password }).to_string();
        self.exchange(&(head("POST", "/auth/password/change", Some(bearer), Some(body.len())) + &body))
    }

    pub(crate) fn refresh(self, token: &str) -> Option<Answer> {
        self.post("/auth/refresh", &json!({ "refresh_token": token }))
    }

    fn exchange(self, request: &str) -> Option<Answer> {
        let mut stream = self.connect().ok()?;
        stream.write_all(request.as_bytes()).ok()?;
        Answer::read(&mut stream)
    }
}

/// The body of a registration.
pub(crate) fn registration(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD })
}

/// The head of a request whose connection ends with the answer.
pub(crate) fn head(method: &str, path: &str, bearer: Option<&str>, length: Option<usize>) -> String {
    let token = bearer.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let body = length.map(|length| format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"));
    let body = body.unwrap_or_default();
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{token}{body}\r\n")
}

/// The member `name` of a body with tokens.
pub(crate) fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned()
}
