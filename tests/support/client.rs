//! An HTTP client that sends exactly the bytes it is given and reads what comes back.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take, on a machine that builds and tests at the same time.
const TIMEOUT: Duration = Duration::from_mins(3);

/// A client of one server. Each request has a connection of its own.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    headers: Vec<(String, Vec<u8>)>,
}

/// An answer.
#[derive(Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case; values of repeated headers joined by `, `.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// With the body as text, so that a failed test can be read.
impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, String::from_utf8_lossy(&self.body))
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, headers: Vec::new() }
    }

    /// The same client with an access token.
    pub(crate) fn bearer(&self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// The same client with one header more.
    pub(crate) fn header(&self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.as_ref().to_vec()));
        client
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.send("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Response {
        self.request("POST", path, Some(body))
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Response {
        self.request("PATCH", path, Some(body))
    }

    pub(crate) fn delete(&self, path: &str) -> Response {
        self.send("DELETE", path, None)
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Response {
        let body = body.map(|body| serde_json::to_vec(body).unwrap());
        self.send(method, path, body.as_deref().map(|body| ("application/json", body)))
    }

    /// A request with a body of any type.
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Response {
        let answer = self.raw(&self.compose(method, path, body));
        answer.unwrap_or_else(|| panic!("the server gave no answer to {method} {path}"))
    }

    /// Sends the head of a request and the first 4 KiB of its body, to which the answer must come already.
    pub(crate) fn send_beginning(&self, method: &str, path: &str, body: (&str, &[u8])) -> Response {
        let request = self.compose(method, path, Some(body));
        let beginning = request.len() - body.1.len() + 4096;
        self.raw(&request[..beginning]).unwrap_or_else(|| panic!("the server gave no answer to {method} {path}"))
    }

    /// The bytes of a request, for whoever sends them in a way of their own.
    pub(crate) fn compose(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Vec<u8> {
        let host = self.address;
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n").into_bytes();
        for (name, value) in &self.headers {
            request.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        if let Some((content_type, body)) = body {
            let length = body.len();
            request.extend(format!("Content-Type: {content_type}\r\nContent-Length: {length}\r\n").into_bytes());
        }
        request.extend(b"\r\n");
        request.extend(body.map_or(&b""[..], |(_, body)| body));
        request
    }

    /// Sends these bytes on a new connection and reads what comes back, if it is an answer.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Option<Response> {
        let mut connection = self.connect();
        connection.write(bytes);
        connection.read()
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream.set_write_timeout(Some(TIMEOUT)).unwrap();
        stream.set_nodelay(true).unwrap();
        Connection { stream, unread: Vec::new() }
    }
}

/// A connection, for requests that are not one request.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    /// Sends these bytes. That the server doesn't want them all is told by what it answers.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// The next answer; none when the server closes instead.
    pub(crate) fn read(&mut self) -> Option<Response> {
        loop {
            if let Some((answer, length)) = Response::parse(&self.unread) {
                self.unread.drain(..length);
                return Some(answer);
            }
            if self.receive() == 0 {
                return None;
            }
        }
    }

    /// The next answer, of which only the head is sent.
    pub(crate) fn read_head(&mut self) -> Option<Response> {
        while self.receive() > 0 {}
        let end = self.unread.windows(4).position(|window| window == b"\r\n\r\n")?;
        assert_eq!(self.unread.len(), end + 4, "a body came with it");
        let head = String::from_utf8_lossy(&self.unread).replace("content-length", "length-of-no-body");
        Response::parse(head.as_bytes()).map(|(answer, _)| answer)
    }

    /// The same connection, to write from another thread.
    pub(crate) fn another_hand(&self) -> Self {
        Self { stream: self.stream.try_clone().unwrap(), unread: Vec::new() }
    }

    /// Whether the server closes without another answer.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.unread.is_empty() && self.receive() == 0
    }

    fn receive(&mut self) -> usize {
        let mut chunk = [0; 16 * 1024];
        let length = match self.stream.read(&mut chunk) {
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("no answer in {TIMEOUT:?}"),
            Err(_) => 0,
        };
        self.unread.extend_from_slice(&chunk[..length]);
        length
    }
}

impl Response {
    /// The answer that `bytes` begin with, once it is complete, and its length.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
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
        assert!(!headers.contains_key("transfer-encoding"), "this client reads no chunks: {head}");
        let body = &bytes[end + 4..];
        let length = headers.get("content-length").map_or(Some(0), |length| length.parse::<usize>().ok())?;
        let body = body.get(..length)?.to_vec();
        Some((Self { status, headers, body }, end + 4 + length))
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The `error_code` of a refusal, `""` if there is none.
    pub(crate) fn error_code(&self) -> String {
        serde_json::from_slice::<Value>(&self.body)
            .ok()
            .and_then(|body| body["error_code"].as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}
