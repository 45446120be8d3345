//! A client in TypeScript, as `docs/clients.md` says that one is made.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{PASSWORD, Server, ServerOptions, on_every_database};
use crate::tools::{folder, has_node, succeed};

/// The address that the commands in the documentation name.
const USUAL_ADDRESS: &str = "http://localhost:8080";

on_every_database! {
    /// REQ-56: types are generated of the live document by the documented command; the documented code is compiled against
    /// them, strictly, and walks from registering to signing out.
    fn a_generated_client_walks_through_a_session(server: &Server, ServerOptions::default()) {
        if has_node("the TypeScript client") {
            walk(server);
        }
    }
}

fn walk(server: &Server) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path();
    std::os::unix::fs::symlink(folder().join("node_modules"), path.join("node_modules")).unwrap();
    for name in ["package.json", "tsconfig.json", "walk.ts"] {
        fs::copy(folder().join(name), path.join(name)).unwrap();
    }
    let guide = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/clients.md")).unwrap();
    fs::write(path.join("client.ts"), blocks(&guide, "ts").join("\n")).unwrap();
    let address = format!("http://{}", server.address);
    succeed(&mut generate(&guide, &address), path);
    succeed(Command::new("node").args(["node_modules/typescript/bin/tsc", "--project", "tsconfig.json"]), path);
    let told = succeed(Command::new("node").arg("walk.js").args([&address, PASSWORD]), path);
    assert_eq!(told, "walked\n");
}

/// The command that generates, for the server at `address`. The one before it installs what the lock file has installed.
fn generate(guide: &str, address: &str) -> Command {
    let commands = blocks(guide, "sh").concat();
    let [install, generate] = commands.lines().collect::<Vec<_>>()[..] else { panic!("two commands: {commands}") };
    let packages = install.strip_prefix("npm install ").expect("what to install");
    for package in packages.split(' ') {
        assert!(folder().join("node_modules").join(package).exists(), "{package} is not what the tests use");
    }
    assert!(generate.contains(USUAL_ADDRESS), "{generate}");
    let mut command = Command::new("sh");
    command.arg("-c").arg(generate.replace(USUAL_ADDRESS, address)).env("npm_config_offline", "true");
    command
}

/// The blocks of code in `language`.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("```{language}\n");
    text.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}
