//! The example as it is: its program, with hashes of every format, and with tokens of the real server.
#![expect(clippy::unwrap_used, reason = "clippy takes only functions marked as tests for tests, not what they call")]

#[path = "../../../tests/support/client.rs"]
#[expect(dead_code, reason = "shared with tests that send more kinds of requests")]
mod client;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use client::Client;
use serde_json::{Value, json};

const PASSWORD: &str = "seven wooden gates of Thebes";
const ISSUER: &str = "http://localhost:8080";

/// Runs the tool with `input` on its standard input: the exit code, and what it said.
fn tool(arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_token-tool"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // A tool that reads nothing may have closed it already.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    let output = process.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap().trim_end().to_owned())
}

#[test]
fn a_hash_that_it_makes_is_its_password_s_and_no_other_s() {
    let (code, hash) = tool(&["hash"], &format!("{PASSWORD}\n"));
    assert_eq!(code, Some(0), "{hash}");
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_eq!(tool(&["verify", &hash], PASSWORD), (Some(0), "it is the password".to_owned()));
    assert_eq!(tool(&["verify", &hash], "nine bronze gates of Troy"), (Some(1), "it is another password".to_owned()));
    assert_eq!(tool(&["verify", "$argon2id$v=19$"], PASSWORD).0, Some(2));
    assert_eq!(tool(&["hash"], &"x".repeat(5000)).0, Some(2));
    for wrong in [&[][..], &["sign"], &["verify"], &["check"], &["check", "x", "--jwks", "none"]] {
        assert_eq!(tool(wrong, "").0, Some(2), "{wrong:?}");
    }
}

/// Every format that `auth-core` knows: bcrypt, scrypt, PBKDF2, Argon2, of crypt, Passlib, Django and others.
#[test]
fn a_hash_of_any_supported_format_verifies() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/password/foreign_hashes.json");
    let vectors: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(vectors).unwrap()).unwrap();
    assert!(vectors.len() > 10, "the vectors are not there");
    let typed = |password: &str| !password.contains('\n') && !password.contains('\r');
    let mut verified = 0;
    for vector in &vectors {
        let (password, hash) = (vector["password"].as_str().unwrap(), vector["hash"].as_str().unwrap());
        if typed(password) {
            let (code, said) = tool(&["verify", hash], password);
            assert_eq!((code, said.starts_with("it is the password")), (Some(0), true), "{hash}: {said}");
            verified += 1;
        }
    }
    assert!(verified > 10, "{verified}");
}

/// The real server, on SQLite; it is killed when the test is over.
struct Server {
    process: Child,
    client: Client,
    folder: tempfile::TempDir,
    /// Keeps the pipe open that the server logs to.
    _log: Box<dyn std::io::Read>,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("gatehouse-test-").tempdir().unwrap();
        let mut process = Command::new(server())
            .env_clear()
            .current_dir(folder.path())
            .envs([("AUTH_BIND", "127.0.0.1:0"), ("DATABASE_URL", "sqlite://auth.db"), ("AUTH_LOG_FORMAT", "json")])
            .envs([("AUTH_SECRET", "k3Wn8sQx0vT5yB2eH7uJ9aZ4cM6pR1dL"), ("AUTH_HIBP", "off")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stdout.take().unwrap());
        let address = log.by_ref().lines().map_while(Result::ok).find_map(|line| {
            let line: Value = serde_json::from_str(&line).ok().filter(|_| line.contains("listening"))?;
            line["address"].as_str()?.parse().ok()
        });
        let Some(address) = address else {
            let _ = process.kill();
            panic!("the server did not start");
        };
        Self { process, client: Client::new(address), folder, _log: Box::new(log) }
    }

    /// Registers a user, signs them in, and tells their id and an access token.
    fn sign_in(&self, email: &str) -> (String, String) {
        let answer = self.client.post("/auth/register", &json!({ "email": email, "password": PASSWORD }));
        assert_eq!(answer.status, 201, "{answer:?}");
        let tokens = self.client.post("/auth/login", &json!({ "identifier": email, "password": PASSWORD })).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&tokens["user"]["id"]), text(&tokens["access_token"]))
    }

    /// The published key set, in a file.
    fn jwks(&self) -> String {
        let file = self.folder.path().join("jwks.json");
        std::fs::write(&file, self.client.get("/.well-known/jwks.json").body).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server's program, which lies beside the tool's: it is built if nobody has.
fn server() -> PathBuf {
    let server = Path::new(env!("CARGO_BIN_EXE_token-tool")).with_file_name("auth-server");
    if !server.exists() {
        let profile = server.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap();
        let profile = if profile == "debug" { "dev" } else { profile };
        let arguments = ["build", "--quiet", "-p", "auth-server", "--profile", profile];
        let built = Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).status();
        assert!(built.unwrap().success(), "auth-server was not built");
    }
    server
}

#[test]
fn a_token_of_the_real_server_is_told_by_its_key_set() {
    let server = Server::start();
    let ((ada, token), (_, other)) = (server.sign_in("ada@example.org"), server.sign_in("eve@example.org"));
    let jwks = server.jwks();
    let check = |token: &str, jwks: &str, issuer: &str, audience: &str| {
        tool(&["check", token, "--jwks", jwks, "--issuer", issuer, "--audience", audience], "")
    };
    let (code, said) = check(&token, &jwks, ISSUER, ISSUER);
    assert_eq!((code, said.lines().next()), (Some(0), Some(format!("user {ada}").as_str())), "{said}");
    assert!(said.contains("\nrole user\nsession ") && said.contains("\nexpires "), "{said}");

    let refused = (Some(1), "the access token is not valid (token_invalid)".to_owned());
    assert_eq!(check(&token, &jwks, "http://elsewhere.example", ISSUER), refused);
    assert_eq!(check(&token, &jwks, ISSUER, "http://elsewhere.example"), refused);
    assert_eq!(check("x", &jwks, ISSUER, ISSUER), refused);
    let (head, _) = token.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    assert_eq!(check(&format!("{head}.{signature}"), &jwks, ISSUER, ISSUER), refused);

    let elsewhere = Server::start();
    elsewhere.sign_in("ada@example.org");
    assert_eq!(check(&token, &elsewhere.jwks(), ISSUER, ISSUER), refused, "another issuer's keys");
    assert_eq!(check(&token, "/dev/null", ISSUER, ISSUER).0, Some(2), "no key set at all");
}
