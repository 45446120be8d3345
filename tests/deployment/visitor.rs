//! A client of a proxy: TLS, any address of the loopback network to come from, and exactly the bytes it is given.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::support::Response;

/// How long an answer may take, on a machine that builds and tests at the same time.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Somebody at an address of 127.0.0.0/8.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) proxy: SocketAddrV4,
    pub(crate) from: Ipv4Addr,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) bearer: Option<String>,
}

impl Visitor {
    /// The same with an access token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { bearer: Some(token.to_owned()), ..self.clone() }
    }

    /// The same at another address.
    pub(crate) fn from(&self, from: Ipv4Addr) -> Self {
        Self { from, ..self.clone() }
    }

    pub(crate) fn get(&self, host: &str, target: &str) -> Response {
        self.ask(host, "GET", target, "", "")
    }

    pub(crate) fn post(&self, host: &str, target: &str, body: &str) -> Response {
        self.ask(host, "POST", target, "Content-Type: application/json\r\n", body)
    }

    /// One request; `headers` are lines as they are sent.
    #[track_caller]
    pub(crate) fn ask(&self, host: &str, method: &str, target: &str, headers: &str, body: &str) -> Response {
        let answer = self.send(host, &self.compose(host, method, target, headers, body));
        answer.unwrap_or_else(|| panic!("no answer to {method} {target}"))
    }

    fn compose(&self, host: &str, method: &str, target: &str, headers: &str, body: &str) -> String {
        let bearer = self.bearer.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{bearer}{headers}{length}\r\n{body}"
        )
    }

    /// Announces the whole body and sends 4 KiB of it, to which the answer must come already.
    #[track_caller]
    pub(crate) fn post_beginning(&self, host: &str, target: &str, body: &str) -> Response {
        let request = self.compose(host, "POST", target, "Content-Type: application/json\r\n", body);
        let beginning = request.len() - body.len() + 4096;
        self.send(host, &request[..beginning]).expect("an answer before the end of the body")
    }

    /// The answer to these bytes, if there is one.
    pub(crate) fn send(&self, host: &str, request: &str) -> Option<Response> {
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.tls), name).unwrap();
        exchange(StreamOwned::new(connection, self.connect()), request)
    }

    /// The answer to these bytes without TLS, at another port of the proxy.
    pub(crate) fn send_in_the_clear(&self, port: u16, request: &str) -> Option<Response> {
        let there = Self { proxy: SocketAddrV4::new(*self.proxy.ip(), port), ..self.clone() };
        exchange(there.connect(), request)
    }

    fn connect(&self) -> TcpStream {
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        bind(&socket, &SocketAddrV4::new(self.from, 0)).unwrap();
        connect(&socket, &self.proxy).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream.set_write_timeout(Some(TIMEOUT)).unwrap();
        stream
    }
}

/// Sends a request and reads until the answer is complete. That the proxy doesn't want the whole request is told by what
/// it answers, and that it ends without a farewell says nothing about an answer that is complete.
fn exchange(mut stream: impl Read + Write, request: &str) -> Option<Response> {
    let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.flush());
    let has_body = !request.starts_with("HEAD ");
    let (mut answer, mut chunk) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let read = stream.read(&mut chunk).unwrap_or(0);
        answer.extend_from_slice(&chunk[..read]);
        let complete = if has_body { Response::parse(&answer) } else { Response::parse(&without_length(&answer)) };
        if complete.is_some() || read == 0 {
            return complete.map(|(answer, _)| answer);
        }
    }
}

/// The answer to HEAD tells of a body that isn't there.
fn without_length(answer: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(answer);
    let has_length = |line: &str| line.to_ascii_lowercase().starts_with("content-length:");
    let lines: Vec<&str> = text.split("\r\n").filter(|line| !has_length(line)).collect();
    lines.join("\r\n").into_bytes()
}
