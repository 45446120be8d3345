//! docs/database.md: its commands are run, word for word, against the real program.

use std::process::Command;
use std::sync::Arc;

use crate::console;
use crate::support::{Backend, Server, ServerOptions, TestDatabase};

const PAGE: &str = include_str!("../../docs/database.md");

/// REQ-42, REQ-56: the page can't rot.
#[test]
fn every_command_of_the_database_page_does_what_the_page_says() {
    let steps = console::steps(PAGE);
    assert!(steps.len() >= 6, "the page has lost its steps");
    // As somebody starts who has set nothing: the secret lies beside the database.
    let server = Server::on_sqlite(ServerOptions::default().set("AUTH_SECRET", ""));
    server.register("ada@example.org");
    assert_eq!(server.terminate(), Some(0));
    let folder = server.database.folder.path();
    let target = Arc::new(TestDatabase::new(&Backend::postgres().unwrap_or(Backend::Sqlite)));
    std::fs::write(folder.join("new-database.url"), &target.url).unwrap();

    let program = std::path::Path::new(env!("CARGO_BIN_EXE_auth-server")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.current_dir(folder).env_clear().env("PATH", path).env("AUTH_HIBP", "off");
    console::follow(&steps, shell);

    let secret = folder.join("data/auth.secret");
    let moved = ServerOptions::default().set("AUTH_SECRET", "").set("AUTH_SECRET_FILE", secret.to_str().unwrap());
    let server = Server::start_on(target, moved);
    server.log_in("ada@example.org");
}
