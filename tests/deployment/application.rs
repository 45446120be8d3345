//! An application behind a proxy: it answers 200 to all requests, and keeps what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The application, on a free port of 127.0.0.1. Its thread ends with the process.
pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method, target and version.
    pub(crate) line: String,
    /// By name in lower case; repeated ones are all there.
    headers: BTreeMap<String, Vec<String>>,
}

impl Application {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || answer(stream, &kept));
            }
        });
        Self { address, asked }
    }

    /// All that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// What was asked last.
    #[track_caller]
    pub(crate) fn last(&self) -> Asked {
        self.asked().pop().expect("a request reached the application")
    }
}

impl Asked {
    /// The one value of a header.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.headers.get(name)?;
        assert_eq!(values.len(), 1, "{self:?}");
        values.first().map(String::as_str)
    }

    /// The names of all headers that tell who is there, in whatever spelling a framework may read as one.
    pub(crate) fn identity_headers(&self) -> Vec<&str> {
        let tells = |name: &str| name.replace('_', "-").starts_with("x-auth-");
        self.headers.keys().map(String::as_str).filter(|name| tells(name)).collect()
    }
}

fn answer(stream: TcpStream, kept: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line == "\r\n" => break,
            Ok(_) => lines.push(line.trim_end().to_owned()),
        }
    }
    let mut headers = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in lines.iter().skip(1).filter_map(|line| line.split_once(':')) {
        headers.entry(name.to_ascii_lowercase()).or_default().push(value.trim().to_owned());
    }
    read_body(&mut reader, &headers);
    kept.lock().unwrap().push(Asked { line: lines[0].clone(), headers });
    let _ =
        reader.into_inner().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\napplication");
}

/// Who closes without having read all may take the answer back that is on its way.
fn read_body(reader: &mut impl BufRead, headers: &BTreeMap<String, Vec<String>>) {
    let length = headers.get("content-length").map(|values| values[0].parse().unwrap());
    if let Some(length) = length {
        let _ = reader.read_exact(&mut vec![0; length]);
    } else if headers.contains_key("transfer-encoding") {
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|read| read > 0) && line != "0\r\n" {
            line.clear();
        }
        let _ = reader.read_line(&mut line);
    }
}
