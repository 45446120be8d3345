//! `auth-server completions`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::{Backend, Ended, Server, ServerOptions, TestDatabase};

const COMMANDS: [&str; 15] = [
    "serve",
    "migrate",
    "config",
    "openapi",
    "healthcheck",
    "secret",
    "admin",
    "outbox",
    "keys",
    "audit",
    "users",
    "sessions",
    "database",
    "backup",
    "restore",
];

fn completions(shell: &str) -> Ended {
    Server::command(&TestDatabase::new(&Backend::Sqlite), ServerOptions::default(), &["completions", shell])
}

#[test]
fn every_shell_gets_a_script_that_knows_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = completions(shell);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{shell}");
        for word in COMMANDS.iter().chain(&["revoke-all", "keep-sessions", "argon2-memory-kib"]) {
            assert!(ended.out.contains(word), "{shell}: {word}");
        }
        assert!(!ended.out.contains("smtp-url"), "{shell}: what holds a secret has no flag");
    }
    assert_eq!(completions("cmd").code, Some(2));
}

/// Bash itself reads it, and completes by it.
#[test]
fn bash_completes_by_its_script() {
    let script = completions("bash").out;
    let ask = "found=$(complete -p auth-server); found=${found#*-F }; COMP_WORDS=(auth-server dat); COMP_CWORD=1; \
               ${found%% *} auth-server dat auth-server; echo \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash").arg("--norc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(format!("set -e\n{script}\n{ask}\n").as_bytes()).unwrap();
    let output = bash.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "database");
}
