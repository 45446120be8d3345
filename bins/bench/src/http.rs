//! As much of HTTP/1.1 as a load generator needs: requests that are built once, answers that are barely looked at.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use memchr::memmem::Finder;

static HEAD_END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\r\n\r\n"));
static CONTENT_LENGTH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\r\ncontent-length: "));

/// How long a single answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A `GET` with an access token, or without one.
pub(crate) fn get(path: &str, bearer: Option<&str>) -> Vec<u8> {
    let authorization = bearer.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n").into_bytes()
}

/// A `POST` of JSON.
pub(crate) fn post(path: &str, json: &str) -> Vec<u8> {
    let length = json.len();
    let head = "HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length:";
    format!("POST {path} {head} {length}\r\n\r\n{json}").into_bytes()
}

/// A `POST` without a body, with an access token.
pub(crate) fn post_as(path: &str, bearer: &str) -> Vec<u8> {
    let head = "HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nAuthorization: Bearer";
    format!("POST {path} {head} {bearer}\r\n\r\n").into_bytes()
}

/// An answer, as it lies in a buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// From the status line to the end of the last header.
    head: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The answer at the beginning of `bytes`, once it is there as a whole. No chunked bodies: the server sends none on
    /// the paths that are measured.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let head = HEAD_END.find(bytes)?;
        let status = decimal(bytes.get(9..12)?);
        let body = head + 4;
        let length = match CONTENT_LENGTH.find(&bytes[..body]) {
            Some(at) => body + decimal(&bytes[at + CONTENT_LENGTH.needle().len()..]),
            None => body,
        };
        let status = u16::try_from(status).unwrap_or(0);
        Some(Self { status, head: &bytes[..head], body: bytes.get(body..length)? })
    }

    /// The answer for people who look into an error.
    pub(crate) fn describe(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(self.body))
    }

    /// The value of a header, found by its name in the lower case in which the server writes it.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let at = memchr::memmem::find(self.head, format!("\r\n{name}: ").as_bytes())?;
        let value = self.head.get(at + name.len() + 4..)?;
        std::str::from_utf8(value.split(|byte| *byte == b'\r').next()?).ok()
    }

    /// The text of a string in a JSON body, found by its name.
    pub(crate) fn text(&self, field: &str) -> Option<&'a str> {
        let at = memchr::memmem::find(self.body, format!("\"{field}\":\"").as_bytes())?;
        let text = self.body.get(at + field.len() + 4..)?;
        std::str::from_utf8(text.get(..memchr::memchr(b'"', text)?)?).ok()
    }
}

/// The digits at the beginning of `bytes` as a number.
fn decimal(bytes: &[u8]) -> usize {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
}

/// One connection whose caller waits for each answer.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends `request` and waits for its answer.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.buffer.clear();
        self.stream.write_all(request)?;
        let mut chunk = [0; 16 * 1024];
        // Asked twice, because a borrow that is returned from inside a loop would last for the whole function.
        while Answer::parse(&self.buffer).is_none() {
            let length = self.stream.read(&mut chunk)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend_from_slice(&chunk[..length]);
        }
        Answer::parse(&self.buffer).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 16\r\n\r\n{\"a\":\"b\",\"c\":\"\"}";

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        for length in 0..ANSWER.len() {
            assert!(Answer::parse(&ANSWER[..length]).is_none(), "{length}");
        }
        let answer = Answer::parse(ANSWER).unwrap();
        assert_eq!((answer.status, answer.body.len()), (200, 16));
        assert_eq!((answer.text("a"), answer.text("c"), answer.text("d")), (Some("b"), Some(""), None));
        assert_eq!(["x", "content-length", "y"].map(|name| answer.header(name)), [Some("y"), Some("16"), None]);
    }

    #[test]
    fn an_answer_without_a_body_ends_with_its_head() {
        let answer = Answer::parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        assert_eq!((answer.status, answer.body), (204, &b""[..]));
    }
}
