//! An HTTP client that sends exactly the bytes it is given and reads one answer.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A client of one server. Each request has a connection of its own.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    bearer: Option<String>,
    headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case; values of repeated headers joined by `, `.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, bearer: None, headers: Vec::new() }
    }

    /// The same client with an access token.
    pub(crate) fn bearer(&self, token: &str) -> Self {
        Self { bearer: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client with one header more.
    pub(crate) fn header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.request("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Response {
        self.request("POST", path, Some(body))
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Response {
        let body = body.map(|body| serde_json::to_vec(body).unwrap());
        self.send(method, path, body.as_deref().map(|body| ("application/json", body)))
    }

    /// A request with a body of any type.
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Response {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        if let Some(token) = &self.bearer {
            request += &format!("Authorization: Bearer {token}\r\n");
        }
        for (name, value) in &self.headers {
            request += &format!("{name}: {value}\r\n");
        }
        if let Some((content_type, body)) = body {
            request += &format!("Content-Type: {content_type}\r\nContent-Length: {}\r\n", body.len());
        }
        let mut request = (request + "\r\n").into_bytes();
        request.extend_from_slice(body.map_or(b"", |(_, body)| body));
        self.raw(&request).expect("the server answers")
    }

    /// Sends these bytes on a new connection and reads what comes back, if it is an answer.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Option<Response> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        stream.set_write_timeout(Some(Duration::from_secs(30))).ok()?;
        // A server may answer and close before it has read everything.
        let _ = stream.write_all(bytes);
        Response::read(&mut stream)
    }
}

impl Response {
    /// Reads one answer from `stream`.
    pub(crate) fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 16 * 1024];
        loop {
            if let Some(answer) = Self::parse(&bytes) {
                return Some(answer);
            }
            match stream.read(&mut chunk) {
                Ok(0) | Err(_) => return None,
                Ok(length) => bytes.extend_from_slice(&chunk[..length]),
            }
        }
    }

    /// The answer in `bytes`, once it is complete.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]);
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            headers
                .entry(name.to_ascii_lowercase())
                .and_modify(|known| *known = format!("{known}, {value}"))
                .or_insert_with(|| value.to_owned());
        }
        let body = &bytes[end + 4..];
        let length = headers.get("content-length").map_or(Some(0), |length| length.parse::<usize>().ok())?;
        let body = body.get(..length)?.to_vec();
        Some(Self { status, headers, body })
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `error_code` of a refusal, `""` if there is none.
    pub(crate) fn error_code(&self) -> String {
        serde_json::from_slice::<Value>(&self.body)
            .ok()
            .and_then(|body| body["error_code"].as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// Status and `error_code`, to compare refusals at once.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.error_code())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}
