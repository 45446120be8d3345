//! `console` blocks of a page: run, word for word, as one shell session, and what they print compared with what they show.

use std::process::Command;

/// A command of a page, and what it prints; `…` stands for anything.
pub(crate) struct Step {
    pub(crate) command: String,
    printed: Vec<String>,
}

/// The steps of all `console` blocks, in order: they are one shell session.
pub(crate) fn steps(text: &str) -> Vec<Step> {
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

const MARK: &str = "@@@ end of step @@@";

/// Has `shell` run all steps, and compares what each printed; a command that fails ends it.
#[track_caller]
pub(crate) fn follow(steps: &[Step], mut shell: Command) {
    let mut script = String::new();
    for step in steps {
        script += &step.command;
        script.extend(["\nprintf '\\n", MARK, "\\n'\n"]);
    }
    let output = shell.args(["-eu", "-c", &script]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    for (step, printed) in steps.iter().zip(printed.split(MARK)) {
        let lines: Vec<&str> = printed.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), step.printed.len(), "`{}` printed {lines:#?}", step.command);
        for (line, pattern) in lines.iter().zip(&step.printed) {
            assert!(matches(pattern, line), "`{}`\nprinted  {line}\nexpected {pattern}", step.command);
        }
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
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

/// Whether all these programs are there, or a plain word that `page` was not followed. With `CI=true` they have to be.
pub(crate) fn has(programs: &[&str], page: &str) -> bool {
    let is_there = |program: &&&str| Command::new(program).arg("--version").output().is_ok();
    let missing: Vec<_> = programs.iter().filter(|program| !is_there(program)).collect();
    assert!(missing.is_empty() || std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing:?} in CI");
    if !missing.is_empty() {
        // Straight to standard error: what a passing test prints by macro is not shown.
        let words = format!("LEFT OUT: {page} is not followed: {missing:?} can't be run\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes());
    }
    missing.is_empty()
}

#[test]
fn a_pattern_matches_only_what_it_shows() {
    assert!(matches("{\"a\":…,\"b\":1}", "{\"a\":[1,2],\"b\":1}"));
    assert!(matches("204", "204") && !matches("204", "2045") && !matches("204", "200"));
    assert!(!matches("{\"a\":…,\"b\":1}", "{\"a\":2,\"b\":2}"));
}
