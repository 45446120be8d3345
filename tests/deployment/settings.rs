//! Every variable that a deployment file or a page names is one that the server knows.

use std::collections::BTreeSet;
use std::process::Command;

use crate::files::{read, root};

/// The files that tell operators what to set.
const FILES: [&str; 14] = [
    "deploy/container/Dockerfile",
    "deploy/container/compose.yaml",
    "deploy/container/make-secrets.sh",
    "deploy/systemd/gatehouse",
    "deploy/systemd/gatehouse.env",
    "deploy/systemd/gatehouse-backup.service",
    "deploy/systemd/gatehouse.service",
    "deploy/systemd/gatehouse.service.d/postgresql.conf",
    "deploy/proxies/nginx.conf",
    "deploy/proxies/Caddyfile",
    "deploy/proxies/traefik/gatehouse.toml",
    "deploy/proxies/traefik/traefik.toml",
    "docs/deployment.md",
    "docs/api.md",
];

/// The settings as docs/configuration.md lists them, which is generated from them, with the twins that name files.
fn known() -> BTreeSet<String> {
    let reference = read("docs/configuration.md");
    let rows = reference.lines().filter_map(|line| line.strip_prefix("| `"));
    let names: Vec<&str> = rows.filter_map(|row| row.split_once('`')).map(|(name, _)| name).collect();
    assert!(names.len() > 80, "the reference has lost its rows");
    names.iter().flat_map(|name| [(*name).to_owned(), format!("{name}_FILE")]).collect()
}

/// The words of a text that have the shape of a setting's name.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !(letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_'));
    words.filter(|word| {
        let prefixes = ["AUTH_", "REDIS_", "DATABASE_", "ADMIN_"];
        prefixes.iter().any(|prefix| word.len() > prefix.len() && word.starts_with(prefix)) && !word.ends_with('_')
    })
}

/// REQ-44
#[test]
fn every_variable_that_is_named_is_known() {
    let known = known();
    for file in FILES {
        for name in names(&read(file)) {
            assert!(known.contains(name), "{file} names {name}");
        }
    }
}

/// REQ-61: sizes are computed from what was measured.
#[test]
fn the_figures_of_the_page_are_those_of_the_benchmark() {
    let (page, measured) = (read("docs/deployment.md"), read("docs/performance.md"));
    for (here, there) in [
        ("375 a second", "| log-ins, 64 clients | 375/s |"),
        ("27 050 refreshes", "| refreshes that rotate, 64 clients, SQLite | 27 050/s |"),
        ("5 892 on PostgreSQL", "| refreshes that rotate, 64 clients, PostgreSQL | 5 892/s |"),
        ("67 531 times", "| GET /users/me, 64 clients, SQLite | 67 531/s |"),
        ("idle (17 MiB)", "| idle memory (PSS) | 17.0 MiB |"),
        ("65.7 MiB", "| peak memory (PSS), 256 clients logging in | 65.7 MiB |"),
        ("15 MiB for each 100 000 revocations", "| memory (PSS) for 100 000 revocations | 14.4 MiB |"),
    ] {
        assert!(page.contains(here), "the page says nothing of {here}");
        assert!(measured.contains(there), "{there} was measured anew: the page says {here}");
    }
}

/// Links of the pages lead to files.
#[test]
fn every_link_of_the_pages_leads_somewhere() {
    for page in ["docs/deployment.md", "docs/api.md"] {
        let text = read(page);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
            let (path, part) = target.split_once('#').unwrap_or((target, ""));
            if path.contains("://") {
                continue;
            }
            let file = if path.is_empty() { root().join(page) } else { root().join("docs").join(path) };
            assert!(file.exists(), "{page} links to {target}");
            let headings = std::fs::read_to_string(&file).unwrap_or_default();
            let has_part = || headings.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == part);
            assert!(part.is_empty() || has_part(), "{page} links to {target}");
        }
    }
}

/// The anchor that a heading gets where such pages are shown.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

/// Has the server check a whole environment: its exit code, and what it says.
pub(crate) fn check(variables: &[(String, String)]) -> (Option<i32>, String) {
    let mut server = Command::new(env!("CARGO_BIN_EXE_auth-server"));
    let folder = tempfile::tempdir().unwrap();
    server.args(["config", "check"]).env_clear().current_dir(folder.path());
    let output = server.envs(variables.iter().cloned()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}
