//! A browser without a window: it keeps cookies, follows redirects and posts forms.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use url::Url;

use crate::form::Form;
use crate::provider::BASE_URL;
use crate::support::{Client, Response, Server};

/// So many redirects in a row are a circle.
const REDIRECTS: usize = 20;

/// A browser with cookies of its own.
pub(crate) struct Browser {
    /// Where [`BASE_URL`] really is.
    ours: SocketAddr,
    /// By host, path and name. Cookies know nothing of ports.
    cookies: BTreeMap<(String, String, String), String>,
}

/// Where a walk has led.
#[derive(Debug)]
pub(crate) enum Arrived {
    /// At a page of the provider's.
    Page(Page),
    /// Back at our server, which has not been asked yet.
    Back(Url),
}

/// A page with its address.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) html: String,
}

impl Browser {
    pub(crate) fn new(server: &Server) -> Self {
        Self { ours: server.address, cookies: BTreeMap::new() }
    }

    /// A path of our server's.
    pub(crate) fn open(&mut self, path: &str) -> Response {
        self.request(&ours(path), Vec::new(), None)
    }

    /// A path of our server's, as a program of the app in the browser asks for it.
    pub(crate) fn fetch(&mut self, path: &str, access_token: &str) -> Response {
        let headers = [("Accept", "application/json".to_owned()), ("Authorization", format!("Bearer {access_token}"))];
        self.request(&ours(path), headers.to_vec(), None)
    }

    /// Goes to `url` and on from there until somebody has to decide, or the walk is over.
    pub(crate) fn walk(&mut self, url: Url) -> Arrived {
        let answer = self.request(&url, Vec::new(), None);
        self.go_on(url, answer)
    }

    /// Sends a form.
    pub(crate) fn submit(&mut self, form: &Form) -> Arrived {
        let answer = self.request(&form.action, Vec::new(), Some(form.body()));
        self.go_on(form.action.clone(), answer)
    }

    fn go_on(&mut self, mut url: Url, mut answer: Response) -> Arrived {
        for _ in 0..REDIRECTS {
            if answer.status == 200 {
                return Arrived::Page(Page { url, html: answer.text() });
            }
            url = location(&url, &answer);
            if is_ours(&url) {
                return Arrived::Back(url);
            }
            answer = self.request(&url, Vec::new(), None);
        }
        panic!("more than {REDIRECTS} redirects, at last to {url}");
    }

    fn request(&mut self, url: &Url, headers: Vec<(&str, String)>, form: Option<String>) -> Response {
        let host = url.host_str().unwrap();
        let address = if is_ours(url) { self.ours } else { format!("{host}:{}", url.port().unwrap()).parse().unwrap() };
        let mut client = Client::new(address);
        for (name, value) in headers {
            client = client.header(name, value);
        }
        if let Some(cookies) = self.cookies_for(url) {
            client = client.header("Cookie", cookies);
        }
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let answer = match form {
            Some(body) => client.send("POST", target, Some(("application/x-www-form-urlencoded", body.as_bytes()))),
            None => client.get(target),
        };
        self.keep(url, answer.header("set-cookie").unwrap_or_default());
        answer
    }

    fn cookies_for(&self, url: &Url) -> Option<String> {
        let suits = |path: &str| {
            let rest = url.path().strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || path.ends_with('/') || rest.starts_with('/'))
        };
        let mine = self.cookies.iter().filter(|((host, path, _), _)| Some(&**host) == url.host_str() && suits(path));
        let pairs: Vec<String> = mine.map(|((_, _, name), value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn keep(&mut self, url: &Url, lines: &str) {
        for line in set_cookies(lines) {
            let (pair, attributes) = line.split_once(';').unwrap_or((&line, ""));
            let (name, value) = pair.split_once('=').expect("a cookie");
            let attribute = |wanted: &str| {
                let mut pairs = attributes.split(';').filter_map(|attribute| attribute.trim().split_once('='));
                pairs.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
            };
            let path = attribute("path").unwrap_or("/").to_owned();
            let key = (url.host_str().unwrap().to_owned(), path, name.to_owned());
            if attribute("max-age") == Some("0") || attribute("expires").is_some_and(|date| date.contains(" 1970 ")) {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
    }
}

/// The address of a path of our server's.
pub(crate) fn ours(path: &str) -> Url {
    Url::parse(BASE_URL).unwrap().join(path).unwrap()
}

/// Where an answer redirects to.
#[track_caller]
pub(crate) fn location(from: &Url, answer: &Response) -> Url {
    assert!(matches!(answer.status, 302 | 303), "at {from}: {answer:?}");
    from.join(answer.header("location").expect("a Location")).unwrap()
}

fn is_ours(url: &Url) -> bool {
    url.origin() == Url::parse(BASE_URL).unwrap().origin()
}

/// The `Set-Cookie` lines that the client has joined by `, `, which dates have too: what a cookie begins with has no
/// space before its `=`.
fn set_cookies(joined: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in joined.split(", ").filter(|part| !part.is_empty()) {
        let name = part.split(['=', ';']).next().unwrap();
        match lines.last_mut().filter(|_| name.contains(' ')) {
            Some(line) => *line = format!("{line}, {part}"),
            None => lines.push(part.to_owned()),
        }
    }
    lines
}

#[test]
fn cookies_are_told_apart_from_dates() {
    let date = "Thu, 01 Jan 1970 00:00:00 GMT";
    let joined = format!("a=1; path=/x; expires={date}, a.sig=; path=/x; expires={date}; httponly, b=2");
    let expected =
        [&format!("a=1; path=/x; expires={date}"), &format!("a.sig=; path=/x; expires={date}; httponly"), "b=2"];
    assert_eq!(set_cookies(&joined), expected);
    assert!(set_cookies("").is_empty());
}
