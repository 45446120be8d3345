//! The Dockerfile: no image is built here, but what it names is there, and it keeps the rules of an image.

use std::path::Path;

use toml::Table;

use crate::files::{read, root};

const DOCKERFILE: &str = "deploy/container/Dockerfile";

/// The instructions, each with its stage: continued lines joined, comments left out.
fn instructions() -> Vec<(usize, String, String)> {
    let text = read(DOCKERFILE).replace("\\\n", " ");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let mut stage = 0;
    let read = |line: &str| {
        let (instruction, rest) = line.split_once(' ').unwrap();
        stage += usize::from(instruction == "FROM");
        (stage, instruction.to_owned(), rest.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    lines.map(read).collect()
}

/// What the last stage says by `instruction`.
fn of_image(instruction: &str) -> Vec<String> {
    let last = instructions().last().unwrap().0;
    let is_it = |(stage, name, _): &(usize, String, String)| *stage == last && name == instruction;
    instructions().into_iter().filter(is_it).map(|(_, _, rest)| rest).collect()
}

/// REQ-61: the image is built by the compiler that the tests ran with.
#[test]
fn the_compiler_is_the_one_of_the_repository() {
    let toolchain: Table = read("rust-toolchain.toml").parse().unwrap();
    let channel = toolchain["toolchain"]["channel"].as_str().unwrap().to_owned();
    let (_, _, image) = instructions().into_iter().find(|(_, name, _)| name == "FROM").unwrap();
    assert!(image.starts_with(&format!("rust:{channel}-slim-")), "{image}");
    // Else rustup would fetch the formatter and the linter as well.
    assert!(read(DOCKERFILE).contains(&format!("ENV RUSTUP_TOOLCHAIN={channel}\n")));
}

/// What a build needs gets into it, and secrets and what others have built don't.
#[test]
fn everything_that_is_copied_is_there_and_not_ignored() {
    let ignored = read(".dockerignore");
    let ignored: Vec<&str> = ignored.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let is_ignored = |path: &str| {
        let parts = Path::new(path).components().map(|part| part.as_os_str().to_str().unwrap());
        let top = parts.clone().next().unwrap();
        ignored.iter().any(|rule| match rule.strip_prefix("**/") {
            Some(name) => {
                parts.clone().any(|part| part == name || name.strip_prefix('*').is_some_and(|end| part.ends_with(end)))
            }
            None => *rule == top,
        })
    };
    for (_, instruction, rest) in instructions() {
        let from_context = instruction == "COPY" && !rest.contains("--from=");
        for source in rest.split(' ').rev().skip(1).filter(|_| from_context) {
            assert!(root().join(source).exists(), "{source} is not there");
        }
    }
    let manifest: Table = read("Cargo.toml").parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let folders = members.iter().map(|member| member.as_str().unwrap().split('/').next().unwrap());
    for needed in folders.chain(["Cargo.toml", "Cargo.lock", "migrations", "rust-toolchain.toml"]) {
        assert!(root().join(needed).exists() && !is_ignored(needed), "{needed}");
    }
    for unwanted in
        [".git", "target", "data", "data/auth.db", ".env", "auth.toml", "deploy/container/secrets/auth_secret"]
    {
        assert!(is_ignored(unwanted), "{unwanted}");
    }
    assert!(is_ignored("tests/interop/node_modules") && is_ignored("x/auth.secret"));
}

/// REQ-61: not root, healthy when the server says so, and everything that is written lies in one place.
#[test]
fn the_image_is_nobodys_and_tells_how_it_is() {
    assert_eq!(of_image("USER"), ["10001:10001"]);
    assert_eq!(of_image("VOLUME"), ["/data"]);
    assert_eq!(of_image("ENTRYPOINT"), [r#"["auth-server"]"#]);
    assert_eq!(of_image("CMD"), [r#"["serve"]"#]);
    let health = of_image("HEALTHCHECK");
    assert!(health.len() == 1 && health[0].ends_with(r#"CMD ["auth-server", "healthcheck"]"#), "{health:?}");
    assert!(of_image("FROM")[0].starts_with("debian:") && of_image("ADD").is_empty());
    for (_, instruction, rest) in instructions() {
        assert!(!rest.contains("latest"), "{instruction} {rest}");
    }
}

/// The image's own variables, as the server takes them; what it is for has to be told when it is run.
#[test]
fn the_server_takes_the_variables_of_the_image() {
    let set: Vec<(String, String)> = of_image("ENV").join(" ").split(' ').map(variable).collect();
    let (code, said) = crate::settings::check(&set);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("AUTH_ENV") && said.matches("AUTH_").count() >= 1, "{said}");
    let more = [("AUTH_ENV", "testing"), ("AUTH_SECRET", "k3Wn8sQx0vT5yB2eH7uJ9aZ4cM6pR1dL")];
    let all: Vec<_> = set.into_iter().chain(more.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect();
    let (code, said) = crate::settings::check(&all);
    assert_eq!(code, Some(0), "{said}");
}

fn variable(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap();
    (name.to_owned(), value.to_owned())
}
