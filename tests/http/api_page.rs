//! docs/api.md: its console blocks are run, word for word, against the real server; it has each call and each code.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use auth_core::ErrorCode;
use identity_provider::{IdentityProvider, people};
use serde_json::Value;

use crate::console;
use crate::support::{Backend, Server, ServerOptions};

const PAGE: &str = include_str!("../../docs/api.md");

/// What the page's `curl` takes for the server's usual address.
fn curl_settings(server: &Server) -> String {
    format!("connect-to = \"localhost:8080:{}\"\n", server.address)
}

/// Google and GitHub, where Ada has accounts and agrees as soon as she is asked.
fn providers() -> [(&'static str, IdentityProvider); 2] {
    let (google, github) = (IdentityProvider::start(), IdentityProvider::start());
    google.set_user(people::google("1001", "ada@google.example"));
    github.set_user(people::github(1001));
    github.set_emails(people::github_emails("ada@github.example"));
    for provider in [&google, &github] {
        provider.use_client("gatehouse", "gatehouse-secret-Jd8fQ2");
    }
    [("GOOGLE", google), ("GITHUB", github)]
}

/// As the page says that the server is started: a development server, whose mails are in its log.
fn options(providers: &[(&str, IdentityProvider)]) -> ServerOptions {
    let mut options = ServerOptions::default()
        .set("AUTH_SMTP_URL", "")
        .set("ADMIN_EMAIL", "root@example.org")
        .set("ADMIN_PASSWORD", "first gates of Thebes")
        .set("AUTH_REDIRECT_ORIGINS", "https://app.example");
    for (name, provider) in providers {
        for (setting, value) in [
            ("CLIENT_ID", "gatehouse".to_owned()),
            ("CLIENT_SECRET", "gatehouse-secret-Jd8fQ2".to_owned()),
            ("AUTHORIZE_URL", provider.authorize_url()),
            ("TOKEN_URL", provider.token_url()),
            ("USERINFO_URL", provider.userinfo_url()),
        ] {
            options = options.set(&format!("AUTH_{name}_{setting}"), &value);
        }
    }
    options
}

/// REQ-56: the page can't rot.
fn follow_on(backend: &Backend) {
    let steps = console::steps(PAGE);
    assert!(steps.len() > 100, "the page has lost its steps");
    if !console::has(&["bash", "curl", "oathtool", "openssl", "basenc"], "docs/api.md") {
        return;
    }
    let providers = providers();
    let server = Server::start(backend, options(&providers));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".curlrc"), curl_settings(&server)).unwrap();
    let log = std::fs::File::create(folder.path().join("gatehouse.log")).unwrap();
    let mut shell = Command::new("bash");
    shell.current_dir(folder.path()).env("CURL_HOME", folder.path());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| write_log(&server, log, &is_over));
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| console::follow(&steps, shell)));
        is_over.store(true, Ordering::Relaxed);
        ended.unwrap_or_else(|cause| std::panic::resume_unwind(cause));
    });
}

/// The server's log as a file, which is where a shell would have sent it.
fn write_log(server: &Server, mut file: std::fs::File, is_over: &AtomicBool) {
    let mut written = 0;
    while !is_over.load(Ordering::Relaxed) {
        let lines = server.log();
        for line in &lines[written..] {
            writeln!(file, "{line}").unwrap();
        }
        written = lines.len();
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
}

#[test]
fn the_page_of_calls_goes_as_it_says_on_sqlite() {
    follow_on(&Backend::Sqlite);
}

#[test]
fn the_page_of_calls_goes_as_it_says_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        follow_on(&backend);
    }
}

/// The sections of the page that are about a call: method, path, text.
fn calls() -> Vec<(&'static str, &'static str, &'static str)> {
    let sections = PAGE.split("\n### `").skip(1).filter_map(|section| section.split_once("`\n"));
    sections.filter_map(|(call, text)| call.split_once(' ').map(|(method, path)| (method, path, text))).collect()
}

/// The method and the path of a command that calls the server.
fn asked(command: &str) -> Option<(&'static str, &str)> {
    let (_, rest) = command.split_once("curl ")?;
    let path = rest.split_once("$auth")?.1;
    let path = path.split(['?', ' ', '"', ')']).next().unwrap();
    let method = match rest.split_once("-X ") {
        Some((_, rest)) => ["DELETE", "PATCH", "POST", "PUT"].into_iter().find(|method| rest.starts_with(method))?,
        None if rest.contains(" -d ") => "POST",
        None => "GET",
    };
    Some((method, path))
}

/// Whether a path is one of a template's.
fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(part, segment)| part == segment || part.starts_with('{') && !segment.is_empty())
}

/// REQ-56: each call of the document has its section, with a command that makes that call.
#[test]
fn every_call_of_the_document_has_a_command_on_the_page() {
    let document = Server::on_sqlite(ServerOptions::default()).client.get("/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    let described: BTreeSet<(String, &str)> = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.as_str())))
        .collect();
    let shown: BTreeSet<(String, &str)> =
        calls().iter().map(|(method, path, _)| ((*method).to_owned(), *path)).collect();
    assert_eq!(described, shown);
    for (method, path, text) in calls() {
        // Where a provider sends the browser, it says where to: the test is that something comes of it.
        let by_redirect = path.ends_with("/callback");
        let commands = console::steps(text);
        let makes_it = |command: &str| {
            by_redirect && command.contains("\"$back\"")
                || asked(command).is_some_and(|(with, to)| with == method && fits(path, to))
        };
        assert!(commands.iter().any(|step| makes_it(&step.command)), "{method} {path} has no command");
    }
}

/// REQ-57: each code is explained once, with its status; and what the document says of a call, its section says, too.
#[test]
fn every_error_code_is_on_the_page_and_with_its_calls() {
    for code in ErrorCode::ALL {
        let row = format!("| `{}` | {} | ", code.as_str(), code.status());
        assert_eq!(PAGE.matches(&row).count(), 1, "{row}");
    }
    let rows = PAGE.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split(" | ").nth(1));
    assert_eq!(rows.filter(|status| status.parse::<u16>().is_ok()).count(), ErrorCode::ALL.len());
    // Those that every call may answer, and those of every call with an access token, stand at the top.
    let everywhere = PAGE.lines().filter(|line| line.contains(" | * "));
    let everywhere: Vec<&str> = everywhere.filter_map(|line| line.split('`').nth(1)).collect();
    let bearer =
        ["not_authenticated", "token_invalid", "token_expired", "session_revoked", "account_disabled", "forbidden"];
    let document = Server::on_sqlite(ServerOptions::default()).client.get("/openapi.json").json();
    for (method, path, text) in calls() {
        let told = told_codes(&document["paths"][path][method.to_lowercase()]);
        let is_missing = |code: &&str| !everywhere.contains(code) && !bearer.contains(code) && !text.contains(*code);
        let missing: Vec<&str> = told.into_iter().filter(is_missing).collect();
        assert!(missing.is_empty(), "{method} {path} says nothing of {missing:?}");
    }
}

/// The codes that the document names in the answers of a call.
fn told_codes(operation: &Value) -> Vec<&'static str> {
    let answers = operation["responses"].to_string();
    let is_told = |code: &&str| answers.contains(&format!("`{code}`"));
    ErrorCode::ALL.iter().map(|code| code.as_str()).filter(is_told).collect()
}
