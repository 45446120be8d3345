//! The example as it is: its program, with tokens of the real server, while that is there and when it is away.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy takes only functions marked as tests for tests, not what they call"
)]

#[path = "../../../tests/support/client.rs"]
#[expect(dead_code, reason = "shared with tests that send more kinds of requests")]
mod client;
#[path = "../../../tests/support/database.rs"]
#[expect(dead_code, reason = "shared with tests that look deeper")]
mod database;
#[path = "../../../tests/faults/quiet_port.rs"]
mod quiet_port;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use client::Client;
use database::{Backend, TestDatabase};
use serde_json::{Value, json};

const PASSWORD: &str = "seven wooden gates of Thebes";

/// A program that says where it listens; it is killed when the test is over.
struct Program {
    process: Child,
    client: Client,
    /// Keeps the pipe open that the program writes to.
    _out: BufReader<ChildStdout>,
}

impl Program {
    fn start(command: &mut Command, listening: impl Fn(&str) -> Option<SocketAddr>) -> Self {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let address = out.by_ref().lines().map_while(Result::ok).find_map(|line| listening(&line));
        let Some(address) = address else {
            let _ = process.kill();
            panic!("the program did not start");
        };
        Self { process, client: Client::new(address), _out: out }
    }

    /// The real server, on this port.
    fn server(database: &TestDatabase, port: u16) -> Self {
        let (bind, url) = (format!("127.0.0.1:{port}"), issuer(port));
        let settings = [
            ("AUTH_BIND", bind.as_str()),
            ("AUTH_BASE_URL", &url),
            ("DATABASE_URL", &database.url),
            ("AUTH_SECRET", "k3Wn8sQx0vT5yB2eH7uJ9aZ4cM6pR1dL"),
            ("AUTH_LOG_FORMAT", "json"),
            ("AUTH_RATE_LIMITS", "off"),
            ("AUTH_HIBP", "off"),
        ];
        let mut command = Command::new(server_program());
        command.env_clear().current_dir(database.folder.path()).envs(settings);
        Self::start(&mut command, |line| {
            let line: Value = serde_json::from_str(line).ok().filter(|_| line.contains("listening"))?;
            line["address"].as_str()?.parse().ok()
        })
    }

    /// The example, which trusts the issuer on this port.
    fn service(port: u16) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_actix-jwks"));
        command.env_clear().args([&issuer(port), "127.0.0.1:0"]);
        Self::start(&mut command, |line| line.strip_prefix("listening on ")?.parse().ok())
    }

    /// The status of the answer to a call with this token, and its error code, if it has one.
    fn ask(&self, call: &str, token: &str) -> (u16, String) {
        let (method, path) = call.split_once(' ').unwrap();
        let answer = self.client.bearer(token).send(method, path, None);
        (answer.status, answer.error_code())
    }

    /// Opens a session, and tells its access token.
    fn log_in(&self, email: &str) -> String {
        let answer = self.client.post("/auth/login", &json!({ "identifier": email, "password": PASSWORD }));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn issuer(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// The server's program, which lies beside the example's: it is built if nobody has.
fn server_program() -> PathBuf {
    let server = Path::new(env!("CARGO_BIN_EXE_actix-jwks")).with_file_name("auth-server");
    if !server.exists() {
        let profile = server.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap();
        let profile = if profile == "debug" { "dev" } else { profile };
        let arguments = ["build", "--quiet", "-p", "auth-server", "--profile", profile];
        let built = Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).status();
        assert!(built.unwrap().success(), "auth-server was not built");
    }
    server
}

fn answer(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// REQ-15, REQ-16, REQ-41: by nothing but the issuer's URL.
#[test]
fn users_of_the_real_server_are_let_in_and_go_on_while_it_is_away() {
    let (database, port) = (TestDatabase::new(&Backend::Sqlite), quiet_port::quiet_port());
    let server = Program::server(&database, port);
    let service = Program::service(port);
    for name in ["ada", "boss", "patron"] {
        let body = json!({ "email": format!("{name}@example.org"), "password": PASSWORD });
        assert_eq!(server.client.post("/auth/register", &body).status, 201);
    }
    database.execute("UPDATE users SET role = 'admin' WHERE email_normalized = 'boss@example.org'");
    let in_an_hour = "CAST(unixepoch() AS INTEGER) * 1000000 + 3600000000";
    database.execute(&format!(
        "UPDATE users SET premium_until = {in_an_hour} WHERE email_normalized = 'patron@example.org'"
    ));
    let (ada, boss) = (server.log_in("ada@example.org"), server.log_in("boss@example.org"));
    let patron = server.log_in("patron@example.org");

    assert_eq!(service.client.get("/").text(), "Hello, stranger\n");
    assert_eq!(service.client.get("/me").error_code(), "not_authenticated");
    assert_eq!(service.ask("GET /me", "nonsense"), answer(401, "token_invalid"));
    for (call, for_ada, for_boss, for_patron) in [
        ("GET /", answer(200, ""), answer(200, ""), answer(200, "")),
        ("GET /me", answer(200, ""), answer(200, ""), answer(200, "")),
        ("GET /admin", answer(403, "forbidden"), answer(200, ""), answer(403, "forbidden")),
        ("GET /lounge", answer(403, "forbidden"), answer(403, "forbidden"), answer(200, "")),
        ("POST /transfer", answer(200, ""), answer(200, ""), answer(200, "")),
    ] {
        let asked = [&ada, &boss, &patron].map(|token| service.ask(call, token));
        assert_eq!(asked, [for_ada, for_boss, for_patron], "{call}");
    }

    // What was revoked is late where only the keys are known, and known at once where the issuer is asked.
    assert_eq!(server.client.bearer(&boss).post("/auth/logout", &json!({})).status, 204);
    assert_eq!(service.ask("GET /admin", &boss), answer(200, ""));
    assert_eq!(service.ask("POST /transfer", &boss), answer(401, "session_revoked"));

    drop(server);
    assert_eq!(service.ask("GET /me", &ada), answer(200, ""));
    assert_eq!(service.ask("GET /lounge", &patron), answer(200, ""));
    assert_eq!(service.ask("GET /admin", &ada), answer(403, "forbidden"));
    assert_eq!(service.ask("GET /me", "nonsense"), answer(401, "token_invalid"));
    assert_eq!(service.ask("POST /transfer", &ada), answer(503, "overloaded"));

    let _server = Program::server(&database, port);
    assert_eq!(service.ask("POST /transfer", &ada), answer(200, ""));
}

/// A service may start first.
#[test]
fn without_its_issuer_the_service_starts_and_puts_requests_off() {
    let service = Program::service(quiet_port::quiet_port());
    assert_eq!(service.client.get("/").status, 200);
    assert_eq!(service.client.get("/me").status, 401);
    let answer = service.client.bearer("some.token.here").get("/me");
    assert_eq!((answer.status, answer.error_code().as_str()), (503, "overloaded"));
    assert!(answer.header("retry-after").is_some());
}
