//! The live server under requests that are made up: of what the OpenAPI document allows, and of what it doesn't.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{PASSWORD, Server, ServerOptions};
use crate::tools::{folder, has_python, succeed};

const ADMIN: &str = "admin@example.org";
const FIRST_PASSWORD: &str = "two marble lions of Mycenae";

/// REQ-54, REQ-56: no answer is a server error or one that the document doesn't tell; what it allows is read, what it doesn't
/// is refused, and no call forgets to ask who is there.
#[test]
fn the_server_answers_as_the_document_says() {
    if !has_python("the property-based run") {
        return;
    }
    let options = [
        // Its mails are printed to its log.
        ("AUTH_SMTP_URL", ""),
        ("ADMIN_EMAIL", ADMIN),
        ("ADMIN_PASSWORD", FIRST_PASSWORD),
        // Configured, and never called: apps are told its address, and nobody comes back from there.
        ("AUTH_GITHUB_CLIENT_ID", "client"),
        ("AUTH_GITHUB_CLIENT_SECRET", "client-secret-Jd8fQ2"),
    ];
    let options = options.into_iter().fold(ServerOptions::default(), |options, (name, value)| options.set(name, value));
    let server = Server::on_sqlite(options);
    let admin = admit_admin(&server);
    let place = tempfile::tempdir().unwrap();
    let address = format!("http://{}", server.address);
    let mut run = Command::new(folder().join(".venv/bin/schemathesis"));
    run.arg("--config-file").arg(folder().join("schemathesis.toml")).arg("run").arg(format!("{address}/openapi.json"));
    run.envs([("GATEHOUSE_URL", address.as_str()), ("GATEHOUSE_PASSWORD", PASSWORD)]);
    run.envs([("GATEHOUSE_ADMIN_EMAIL", ADMIN), ("GATEHOUSE_ADMIN_ID", admin.as_str())]);
    run.env("PYTHONPATH", folder()).env("PYTHONDONTWRITEBYTECODE", "1");
    let report = succeed(&mut run, place.path());
    let calls = calls(&server.client.get("/openapi.json").json());
    for line in [format!("Selected: {calls}/{calls}"), format!("Tested: {calls}")] {
        assert!(report.contains(&line), "{line} is not in\n{report}");
    }
    assert_eq!(server.client.get("/health").status, 200);
}

/// Sets the password that the first sign-in of the first admin wants, and returns the admin's id.
fn admit_admin(server: &Server) -> String {
    let step = server.client.post("/auth/login", &json!({ "identifier": ADMIN, "password": FIRST_PASSWORD })).json();
    let answer = json!({ "token": step["challenge"]["token"], "method": "new_password", "new_password": PASSWORD });
    let tokens = server.client.post("/auth/challenge", &answer).json();
    assert_eq!(tokens["user"]["role"], "admin", "{step}");
    tokens["user"]["id"].as_str().unwrap().to_owned()
}

/// As many calls as the document has.
fn calls(document: &Value) -> usize {
    document["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum()
}
