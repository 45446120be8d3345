//! What the README shows is what happens: its console blocks are run, word for word, against the real server.

use std::process::Command;

use crate::support::{Server, ServerOptions};

/// A command of the README, and what it prints; `…` stands for anything.
struct Step {
    command: String,
    printed: Vec<String>,
}

/// The steps of all `console` blocks, in order: they are one shell session.
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, line) => match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command: command.to_owned(), printed: Vec::new() }),
                None => steps.last_mut().unwrap().printed.push(line.to_owned()),
            },
            (false, _) => {}
        }
    }
    steps
}

/// Whether `text` reads as `pattern` says.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, others)) = pattern.split_once('…') else { return pattern == text };
    let (middle, last) = others.rsplit_once('…').unwrap_or(("", others));
    let Some(mut rest) = text.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else { return false };
    for part in middle.split('…') {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// curl, or a plain word that this was left out. With `CI=true` it has to be there.
fn has_curl() -> bool {
    let found = Command::new("curl").arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(found || std::env::var_os("CI").is_none_or(|ci| ci != "true"), "curl has to be there in CI");
    if !found {
        // Straight to standard error, and once: what a passing test prints by macro is not shown.
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                b"LEFT OUT: there is no curl to follow the README with\n",
            );
        });
    }
    found
}

const MARK: &str = "@@@ end of step @@@";

#[test]
fn the_five_minutes_with_curl_go_as_the_readme_says() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let steps = steps(&readme);
    assert!(steps.len() >= 8, "the README has lost its steps");

    if !has_curl() {
        return;
    }

    let server = Server::on_sqlite(ServerOptions::default());
    let address = format!("http://{}", server.address);
    let mut script = String::new();
    for step in &steps {
        script += &step.command.replace("http://localhost:8080", &address);
        script.extend(["\nprintf '\\n", MARK, "\\n'\n"]);
    }
    let output = Command::new("bash").args(["-eu", "-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let printed = String::from_utf8(output.stdout).unwrap();
    for (step, printed) in steps.iter().zip(printed.split(MARK)) {
        let lines: Vec<&str> = printed.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), step.printed.len(), "`{}` printed {lines:#?}", step.command);
        for (line, pattern) in lines.iter().zip(&step.printed) {
            assert!(matches(pattern, line), "`{}`\nprinted  {line}\nexpected {pattern}", step.command);
        }
    }
}

#[test]
fn a_pattern_matches_only_what_it_shows() {
    assert!(matches("{\"a\":…,\"b\":1}", "{\"a\":[1,2],\"b\":1}"));
    assert!(matches("204", "204") && !matches("204", "2045") && !matches("204", "200"));
    assert!(!matches("{\"a\":…,\"b\":1}", "{\"a\":2,\"b\":2}"));
}
