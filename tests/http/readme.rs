//! What the README shows is what happens: its console blocks are run, word for word, against the real server.

use std::process::Command;

use crate::console;
use crate::support::{Server, ServerOptions};

#[test]
fn the_five_minutes_with_curl_go_as_the_readme_says() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let mut steps = console::steps(&readme);
    assert!(steps.len() >= 8, "the README has lost its steps");

    if !console::has(&["curl"], "the README") {
        return;
    }

    let server = Server::on_sqlite(ServerOptions::default());
    let address = format!("http://{}", server.address);
    for step in &mut steps {
        step.command = step.command.replace("http://localhost:8080", &address);
    }
    console::follow(&steps, Command::new("bash"));
}
