//! The example as it is: its program, driven over HTTP on either database.
#![expect(clippy::unwrap_used, reason = "clippy takes only functions marked as tests for tests, not what they call")]

#[path = "../../../tests/support/client.rs"]
#[expect(dead_code, reason = "shared with tests that send more kinds of requests")]
mod client;
#[path = "../../../tests/support/database.rs"]
#[expect(dead_code, reason = "shared with tests that look deeper")]
mod database;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use client::{Client, Response};
use database::{Backend, TestDatabase};
use serde_json::{Value, json};

const PASSWORD: &str = "seven wooden gates of Thebes";

/// The running program; it is killed when the test is over.
struct Notes {
    process: Child,
    client: Client,
    /// Keeps the pipe open that the program logs to.
    _log: Box<dyn std::io::Read>,
}

impl Notes {
    fn start(database: &TestDatabase) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_axum-embedded"))
            .env_clear()
            .current_dir(database.folder.path())
            .env("DATABASE_URL", &database.url)
            .env("AUTH_SECRET", "k3Wn8sQx0vT5yB2eH7uJ9aZ4cM6pR1dL")
            .env("BIND", "127.0.0.1:0")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stdout.take().unwrap());
        let address = log.by_ref().lines().map_while(Result::ok).find_map(|line| {
            let (_, address) = line.split_once("listening on ")?;
            address.trim().parse().ok()
        });
        let Some(address) = address else {
            let _ = process.kill();
            panic!("the program did not start");
        };
        Self { process, client: Client::new(address), _log: Box::new(log) }
    }

    fn register(&self, email: &str) -> Value {
        let answer = self.client.post("/register", &json!({ "email": email, "password": PASSWORD }));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    fn as_user(&self, tokens: &Value) -> Client {
        self.client.bearer(tokens["access_token"].as_str().unwrap())
    }

    /// Asks the program to stop (SIGTERM): its exit code.
    fn terminate(&mut self) -> Option<i32> {
        let status = Command::new("kill").arg("-TERM").arg(self.process.id().to_string()).status().unwrap();
        assert!(status.success());
        self.process.wait().unwrap().code()
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[track_caller]
fn assert_refused(answer: &Response, status: u16, code: &str) {
    assert_eq!((answer.status, &answer.json()["error_code"]), (status, &json!(code)), "{answer:?}");
}

/// Everything that the example promises.
fn walk(database: &TestDatabase) {
    let mut notes = Notes::start(database);
    let ada = notes.register("ada@example.org");
    assert_eq!((&ada["status"], &ada["token_type"]), (&json!("authenticated"), &json!("Bearer")));
    let again = notes.client.post("/register", &json!({ "email": "ADA@example.org", "password": PASSWORD }));
    assert_refused(&again, 409, "email_taken");
    let weak = notes.client.post("/register", &json!({ "email": "eve@example.org", "password": "12345" }));
    assert_refused(&weak, 422, "validation_failed");
    let log_in =
        |password: &str| notes.client.post("/login", &json!({ "email": "ada@example.org", "password": password }));
    assert_refused(&log_in("nine bronze gates of Troy"), 401, "invalid_credentials");
    let tokens = log_in(PASSWORD).json();
    let refreshed = notes.client.post("/refresh", &json!({ "refresh_token": tokens["refresh_token"] })).json();
    assert_eq!(notes.as_user(&refreshed).get("/me").json()["email"], "ada@example.org");
    assert_refused(&notes.client.get("/me"), 401, "not_authenticated");
    assert_refused(&notes.client.bearer("x").get("/me"), 401, "token_invalid");

    let add = |tokens: &Value, text: &str| notes.as_user(tokens).post("/notes", &json!({ "text": text }));
    assert_refused(&notes.client.post("/notes", &json!({ "text": "nobody's" })), 401, "not_authenticated");
    add(&ada, "first");
    assert_eq!(add(&ada, "second").json().as_array().map(Vec::len), Some(2));
    let eve = notes.register("eve@example.org");
    assert_eq!(add(&eve, "hers").json(), json!([{ "note": "eve@example.org: hers" }]));

    assert_eq!(notes.terminate(), Some(0));
    let notes = Notes::start(database);
    assert_eq!(notes.as_user(&ada).get("/me").status, 200, "who was signed in still is");
    assert_eq!(notes.client.post("/refresh", &json!({ "refresh_token": ada["refresh_token"] })).status, 200);
}

#[test]
fn the_service_works_on_sqlite() {
    walk(&TestDatabase::new(&Backend::Sqlite));
}

/// The app's table and Gatehouse's are in one database, in a schema each.
#[test]
fn the_service_works_beside_its_own_table_in_one_postgres_database() {
    let Some(postgres) = Backend::postgres() else { return };
    let database = TestDatabase::new(&postgres);
    // An app has a table of users itself, and nobody minds.
    database.execute("CREATE TABLE public.users (name text PRIMARY KEY)");
    walk(&database);
    let schemas = database.texts("table_schema", "information_schema.tables WHERE table_name = 'notes'");
    assert_eq!(schemas, ["public"]);
    let mut schemas = database.texts("table_schema", "information_schema.tables WHERE table_name = 'users'");
    schemas.sort();
    assert_eq!(schemas, ["auth", "public"]);
    let of_ada =
        "public.notes JOIN auth.users ON users.id = notes.user_id WHERE email = 'ada@example.org' ORDER BY text";
    assert_eq!(database.texts("text", of_ada), ["first", "second"]);
    database.execute("DELETE FROM auth.users WHERE email = 'ada@example.org'");
    assert_eq!(database.count("public.notes"), 1, "a user's notes go with the user");
}
