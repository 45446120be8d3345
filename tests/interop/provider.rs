//! The independent provider, started for one test.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::node;
use crate::support::ServerOptions;

/// Our server's public URL, by default; the browser knows where it really is.
pub(crate) const BASE_URL: &str = "http://localhost:8080";

/// A client id and a secret that only arrive when they are encoded as RFC 6749, section 2.3.1, says.
pub(crate) const CLIENT_ID: &str = "gatehouse:tests";
pub(crate) const CLIENT_SECRET: &str = "two words: 100% of a+b/c=d&e?";

/// The provider; it ends when it is dropped.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    process: Child,
    said: Arc<Mutex<String>>,
}

impl Provider {
    /// Starts it with one client, ours, or says that `test` was left out.
    pub(crate) fn start(test: &str) -> Option<Self> {
        Self::start_with(test, &json!({ "clients": [client("corp")] }))
    }

    /// Starts it with the settings that `provider.mjs` describes.
    pub(crate) fn start_with(test: &str, settings: &Value) -> Option<Self> {
        node::is_ready(test).then(|| Self::spawn(settings))
    }

    fn spawn(settings: &Value) -> Self {
        let mut command = node::program("provider.mjs");
        command.arg(settings.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (stdout, stderr) = (process.stdout.take().unwrap(), process.stderr.take().unwrap());
        // From here on it is killed also when something below panics.
        let mut provider = Self { issuer: String::new(), process, said: Arc::default() };
        provider.follow(stderr);
        let mut lines = BufReader::new(stdout);
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let issuer = line.trim_end().strip_prefix("issuer ");
        provider.issuer =
            issuer.unwrap_or_else(|| panic!("the provider did not start: {}", provider.said())).to_owned();
        provider.follow(lines);
        provider
    }

    /// Reads on, so that a full pipe never stops it.
    fn follow(&self, mut stream: impl Read + Send + 'static) {
        let said = Arc::clone(&self.said);
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut chunk) {
                said.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..length]));
            }
        });
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// What a server needs so that people can sign in by this provider at `/auth/corp`.
    pub(crate) fn options(&self) -> ServerOptions {
        self.named(ServerOptions::default(), "CORP")
            .set("AUTH_OIDC_PROVIDERS", "corp")
            .set("AUTH_OIDC_CORP_CLIENT_SECRET", CLIENT_SECRET)
    }

    /// The issuer under a name in capitals, with no secret yet.
    pub(crate) fn named(&self, options: ServerOptions, name: &str) -> ServerOptions {
        options
            .set(&format!("AUTH_OIDC_{name}_ISSUER"), &self.issuer)
            .set(&format!("AUTH_OIDC_{name}_CLIENT_ID"), CLIENT_ID)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Our client as RFC 7591 describes one, for our server's provider `name`.
pub(crate) fn client(name: &str) -> Value {
    let callbacks = ["", "link/"].map(|purpose| format!("{BASE_URL}/auth/{purpose}{name}/callback"));
    json!({ "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "redirect_uris": callbacks })
}
