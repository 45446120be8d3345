//! The shape of the workspace: who may stand on whom, and what every file keeps to.
#![expect(clippy::unwrap_used, reason = "a test that can't read the workspace has failed")]

mod alone;
mod examples;
mod named_tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which of our crates each of our crates may depend on, outside of tests. Arrows point down only.
const ARROWS: &[(&str, &[&str])] = &[
    ("auth-core", &[]),
    ("auth-persistence", &["auth-core"]),
    ("auth-email", &["auth-core"]),
    ("auth-ephemeral", &["auth-core"]),
    ("auth-oauth", &["auth-core"]),
    ("auth-service", &["auth-core", "auth-email", "auth-ephemeral", "auth-oauth", "auth-persistence"]),
    ("auth-actix", &["auth-core"]),
    (
        "auth-server",
        &["auth-actix", "auth-core", "auth-email", "auth-ephemeral", "auth-oauth", "auth-persistence", "auth-service"],
    ),
    ("actix-jwks", &["auth-actix", "auth-core"]),
    ("identity-provider", &[]),
    ("smtp-sink", &[]),
    ("axum-embedded", &["auth-core", "auth-persistence", "auth-service"]),
    ("token-tool", &["auth-core"]),
    ("bench", &["auth-core", "auth-persistence", "identity-provider", "smtp-sink"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn crates_stand_on_each_other_as_the_architecture_says() {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let mut arrows: BTreeMap<&str, BTreeSet<&str>> = names.iter().map(|name| (*name, BTreeSet::new())).collect();
    for package in packages {
        for dependency in package["dependencies"].as_array().unwrap() {
            let name = dependency["name"].as_str().unwrap();
            if names.contains(name) && dependency["kind"].is_null() {
                arrows.get_mut(package["name"].as_str().unwrap()).unwrap().insert(name);
            }
        }
    }
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ARROWS.iter().map(|(name, below)| (*name, below.iter().copied().collect())).collect();
    assert_eq!(arrows.keys().collect::<Vec<_>>(), allowed.keys().collect::<Vec<_>>(), "a crate is new or gone");
    for (name, below) in arrows {
        let forbidden: Vec<_> = below.difference(&allowed[name]).collect();
        assert!(forbidden.is_empty(), "{name} must not depend on {forbidden:?}");
    }
}

fn dependencies(package: &str) -> BTreeSet<String> {
    dependencies_with(package, &[])
}

fn dependencies_with(package: &str, features: &[&str]) -> BTreeSet<String> {
    let tree = ["tree", "-p", package, "-e", "normal", "--prefix", "none", "--format", "{p}"];
    let tree = cargo(&[&tree[..], features].concat());
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn a_service_that_guards_its_routes_builds_no_database() {
    let (there, with_issuer) =
        (dependencies("auth-actix"), dependencies_with("auth-actix", &["--features", "remote-issuer"]));
    for name in ["diesel", "libsqlite3-sys", "pq-sys", "auth-service", "auth-persistence"] {
        assert!(!there.contains(name) && !with_issuer.contains(name), "auth-actix pulls in {name}");
    }
    for name in ["reqwest", "rustls", "hyper"] {
        assert!(
            !there.contains(name) && with_issuer.contains(name),
            "{name} belongs to the feature remote-issuer alone"
        );
    }
}

/// All sources of ours, with what they hold.
fn sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join("crates"), root().join("bins"), root().join("examples"), root().join("tests")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(found.len() > 50, "the sources were not found");
    found
}

#[test]
fn every_file_says_first_what_it_is_for() {
    for (path, text) in sources() {
        assert!(text.starts_with("//! ") || text.starts_with("#!["), "{} begins without a header", path.display());
    }
}

#[test]
fn no_file_is_named_after_nothing() {
    for (path, _) in sources() {
        for name in ["utils", "util", "common", "helpers", "helper", "manager", "misc"] {
            assert!(path.file_stem().is_none_or(|stem| stem != name), "{} tells no subject", path.display());
        }
    }
}

#[test]
fn library_crates_document_all_that_they_export() {
    for (path, text) in sources() {
        let is_library = path.ends_with("src/lib.rs") && path.starts_with(root().join("crates"));
        assert!(!is_library || text.contains("#![deny(missing_docs)]"), "{}", path.display());
    }
}
