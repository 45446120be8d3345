//! Answers of a server that may die while it writes them.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::Value;

/// An answer that arrived whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    /// The next answer; none when the connection ends, or its patience does, before it is complete.
    pub(crate) fn read(stream: &mut impl Read) -> Option<Self> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
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

    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]);
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let fields = lines.filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<_, _> =
            fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let length = headers.get("content-length").map_or(Some(0), |length| length.parse::<usize>().ok())?;
        let body = bytes[end + 4..].get(..length)?.to_vec();
        Some(Self { status, headers, body })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn error_code(&self) -> String {
        self.json()["error_code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Fails unless this is the 503 that asks to come back.
    pub(crate) fn assert_overloaded(&self) {
        assert_eq!(self.status, 503, "{self:?}");
        assert_eq!(self.error_code(), "overloaded", "{self:?}");
        assert!(self.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "{self:?}");
    }
}
