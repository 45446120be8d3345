//! What stands behind `auth-core`, for whoever takes nothing else of us.

use std::collections::BTreeSet;

use crate::{cargo, root};

/// Async runtimes, web frameworks and clients, databases: by the names that their crates begin with.
const UNWANTED: &[&str] = &[
    // Runtimes, and what their networking is made of.
    "tokio",
    "async-std",
    "async-io",
    "async-executor",
    "smol",
    "futures",
    "mio",
    "actix",
    "socket2",
    // The web, either side of it.
    "hyper",
    "http",
    "h2",
    "axum",
    "tower",
    "warp",
    "rocket",
    "tonic",
    "reqwest",
    "ureq",
    "curl",
    "url",
    "rustls",
    "native-tls",
    "openssl",
    "lettre",
    // Databases.
    "diesel",
    "sqlx",
    "sea-orm",
    "rusqlite",
    "libsqlite3",
    "postgres",
    "pq-",
    "r2d2",
    "redis",
    "mysql",
    "mongodb",
];

/// The crates behind `auth-core` with its default features: `name version`, by the edges `-e`.
fn behind_auth_core(edges: &str) -> BTreeSet<String> {
    // One platform, so that the count is the same wherever it is made.
    let target = "x86_64-unknown-linux-gnu";
    let tree =
        cargo(&["tree", "-p", "auth-core", "-e", edges, "--target", target, "--prefix", "none", "--format", "{p}"]);
    let name_and_version = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    tree.lines().map(name_and_version).filter(|package| !package.starts_with("auth-core ")).collect()
}

#[test]
fn auth_core_brings_no_runtime_no_web_and_no_database_crate() {
    let there = behind_auth_core("normal");
    assert!(there.iter().any(|package| package.starts_with("argon2 ")), "the tree was not read: {there:?}");
    let unwanted: Vec<_> = there.iter().filter(|name| UNWANTED.iter().any(|start| name.starts_with(start))).collect();
    assert!(unwanted.is_empty(), "auth-core pulls in {unwanted:?}");
}

/// The figure in docs/performance.md is the one of today.
#[test]
fn the_crates_behind_auth_core_are_as_many_as_the_figures_say() {
    let (all, linked) = (behind_auth_core("normal").len(), behind_auth_core("normal,no-proc-macro").len());
    println!("crates behind auth-core with default features: {all}, without procedural macros {linked}");
    let row = format!("| `auth-core`, default features | {all} | {linked} |");
    let figures = std::fs::read_to_string(root().join("docs/performance.md")).unwrap();
    assert!(figures.lines().any(|line| line == row), "docs/performance.md has to say: {row}");
}
