//! As much of HTTP/1.1 as a provider needs: one request for each connection.

use std::collections::BTreeMap;
use std::io::{self, Read};

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The longest request.
const LONGEST: usize = 1024 * 1024;

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// By name in lower case; of a repeated one the last.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads a request; `None` when nobody makes one, or none that can be read.
    pub(crate) fn read(stream: &mut impl Read) -> Option<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            receive(stream, &mut bytes)?;
        };
        let mut request = Self::parse(std::str::from_utf8(&bytes[..end]).ok()?)?;
        let length = request.header("content-length").map_or(Some(0), |length| length.parse::<usize>().ok())?;
        while bytes.len() < end + 4 + length {
            receive(stream, &mut bytes)?;
        }
        request.body = bytes[end + 4..end + 4 + length].to_vec();
        Some(request)
    }

    fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        Some(Self { method, target, headers: lines.filter_map(header).collect(), body: Vec::new() })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The target without its query.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn has_form(&self) -> bool {
        let content_type = self.header("content-type").unwrap_or_default();
        content_type.split(';').next().unwrap_or_default().trim() == "application/x-www-form-urlencoded"
    }

    /// The fields of the form in the body, in their order.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        if !self.has_form() {
            return Vec::new();
        }
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

fn receive(stream: &mut impl Read, bytes: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 4096];
    let length = stream.read(&mut chunk).ok().filter(|&length| length > 0 && bytes.len() < LONGEST)?;
    bytes.extend_from_slice(&chunk[..length]);
    Some(())
}

/// An answer, not yet sent.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = (!content_type.is_empty()).then(|| ("Content-Type", content_type.to_owned()));
        Self { status, headers: headers.into_iter().collect(), body: body.into() }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", serde_json::to_vec(body).unwrap())
    }

    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body.into())
    }

    pub(crate) fn redirect(to: &str) -> Self {
        Self::new(302, "text/html", "<html>elsewhere</html>").with("Location", to)
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The head, with the length of the body unless that has none.
    pub(crate) fn head(&self, length: Option<usize>) -> Vec<u8> {
        let headers: Vec<String> = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = length.map_or_else(String::new, |length| format!("Content-Length: {length}\r\n"));
        let (status, headers) = (self.status, headers.concat());
        format!("HTTP/1.1 {status} Word\r\nConnection: close\r\n{headers}{length}\r\n").into_bytes()
    }

    pub(crate) fn write(&self, stream: &mut impl io::Write) -> io::Result<()> {
        stream.write_all(&[self.head(Some(self.body.len())), self.body.clone()].concat())
    }
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// 256 random bits.
pub(crate) fn random_text() -> String {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).unwrap();
    base64url(&bytes)
}
