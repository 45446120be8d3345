//! Where the server listens, what it is called, and in what kind of place it runs.

use std::net::SocketAddr;
use std::time::Duration;

use crate::settings::definition::Definition;
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{BaseUrl, MINUTE, base_url, choice, duration, one_line, socket_address};

static BIND: Definition = Definition::new(
    "AUTH_BIND",
    "127.0.0.1:8080",
    "address to listen on; port 0 takes a free one, and the log line `listening` tells which",
);
pub(crate) static BASE_URL: Definition = Definition::new(
    "AUTH_BASE_URL",
    "http://localhost:8080",
    "public URL; links in mails, OAuth callbacks and the tokens' `iss` are made from it, never from a request's Host header",
);
pub(crate) static ENV: Definition = Definition::derived(
    "AUTH_ENV",
    "development when AUTH_BIND and AUTH_BASE_URL are loopback addresses, else it must be set",
    "`development`, `production` or `testing` (which is the same as development); production refuses to start without \
     AUTH_SECRET, an https base URL (loopback excepted) and AUTH_SMTP_URL",
);
static APP_NAME: Definition = Definition::new(
    "AUTH_APP_NAME",
    "Gatehouse",
    "name of your product, up to 64 characters: in mails, in authenticator apps and on the documents page",
);
static SHUTDOWN_GRACE: Definition = Definition::new(
    "AUTH_SHUTDOWN_GRACE",
    "30s",
    "how long a stopping server lets the requests in flight finish, 0s to 10m",
);

pub(crate) static GROUP: Group = Group { title: "Server", rows: &[&BIND, &BASE_URL, &ENV, &APP_NAME, &SHUTDOWN_GRACE] };

/// The kind of place that the server runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// A developer's machine: what is unsafe elsewhere is a warning.
    Development,
    /// Reachable by others: what is unsafe is refused.
    Production,
    /// Like [`Environment::Development`], for test suites that want to say so.
    Testing,
}

impl Environment {
    /// Whether what is unsafe must be refused.
    pub fn is_production(self) -> bool {
        self == Self::Production
    }
}

/// Settings of the server itself.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Address to listen on; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Public URL.
    pub base_url: BaseUrl,
    /// Kind of place.
    pub environment: Environment,
    /// Name of the product, 1 to 64 characters.
    pub app_name: String,
    /// How long requests in flight may take to finish at the end, 0s to 10m.
    pub shutdown_grace: Duration,
}

impl ServerSettings {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        let bind = reader.value(&BIND, socket_address);
        let base_url = reader.value(&BASE_URL, base_url);
        Self {
            environment: environment(reader, bind, &base_url),
            bind,
            base_url,
            app_name: reader.value(&APP_NAME, one_line),
            shutdown_grace: reader.value(&SHUTDOWN_GRACE, duration(Duration::ZERO..=10 * MINUTE)),
        }
    }
}

/// A server that others can reach must be told what it is: neither guess would be harmless.
fn environment(reader: &mut Reader, bind: SocketAddr, base_url: &BaseUrl) -> Environment {
    let words = choice(&[
        ("development", Environment::Development),
        ("production", Environment::Production),
        ("testing", Environment::Testing),
    ]);
    if let Some(environment) = reader.optional(&ENV, words) {
        return environment;
    }
    if bind.ip().to_canonical().is_loopback() && base_url.is_loopback() {
        reader.derived(&ENV, "development");
    } else {
        let remedy = "set it to `production`, or to `development` if nobody relies on this server: AUTH_BIND or \
                      AUTH_BASE_URL is not a loopback address, so others can reach it";
        reader.missing(&(&ENV).into(), remedy);
    }
    Environment::Development
}
