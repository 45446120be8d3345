//! docs/moving-in.md: each recipe, as it stands there, turns an export of the other system into users who sign in with their
//! old passwords (issue part 6).
//!
//! The exports are ours, in the shape of each system; their hashes were made by the Python packages `bcrypt` and
//! `argon2-cffi` and by Python's `hashlib`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::calls::log_in;
use crate::contract::{assert_challenge, assert_problem};
use crate::second_factor_app::{answer, assert_asked};
use crate::support::{Backend, PASSWORD, Server, ServerOptions, TestDatabase};
use crate::users_command::{code_of, import, signed_in};

/// The parts of the document about `system`.
fn section(system: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let document = std::fs::read_to_string(root.join("docs/moving-in.md")).unwrap();
    let heading = format!("### {system}");
    let sections = document.split("\n### ").map(|section| format!("### {section}"));
    sections.into_iter().find(|section| section.starts_with(&heading)).unwrap_or_else(|| panic!("no section {system}"))
}

/// The recipe of a section: its block of shell that begins with jq.
fn recipe(section: &str) -> String {
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let mut recipes = blocks.filter(|block| block.starts_with("jq "));
    let recipe = recipes.next().expect("a recipe").to_owned();
    assert_eq!(recipes.next(), None);
    recipe
}

/// Whether jq is there. In CI it has to be.
fn has_jq() -> bool {
    match Command::new("jq").arg("--version").output() {
        Ok(_) => true,
        Err(error) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => {
            panic!("jq has to be there in CI: {error}")
        }
        Err(_) => {
            // Straight to standard error, and once: what a passing test prints by macro is not shown.
            static ONCE: std::sync::Once = std::sync::Once::new();
            ONCE.call_once(|| {
                let word = b"LEFT OUT: the recipes of docs/moving-in.md are not run: jq is not installed\n";
                let _ = std::io::Write::write_all(&mut std::io::stderr(), word);
            });
            false
        }
    }
}

/// A server whose users come from the export of `system`, and what the import said; none without jq.
fn moved_from(system: &str, export: &str) -> Option<(Server, String)> {
    if !has_jq() {
        return None;
    }
    let database = TestDatabase::new(&Backend::Sqlite);
    let folder = database.folder.path();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/moving_in");
    std::fs::copy(fixtures.join(export), folder.join(export)).unwrap();
    let ran = Command::new("sh").args(["-euc", &recipe(&section(system))]).current_dir(folder).output().unwrap();
    assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
    let ended = import(&database, &folder.join("users.jsonl"), &["--skip-invalid"]);
    assert!(matches!(ended.code, Some(0 | 1)) && ended.err.is_empty(), "{ended:?}");
    Some((Server::start_on(Arc::new(database), ServerOptions::default()), ended.out))
}

/// `email` signs in with the old password, after which the hash is ours.
#[track_caller]
fn signs_in(server: &Server, email: &str) -> Value {
    assert_problem(&log_in(server, email, "not the old password"), 401, "invalid_credentials");
    let tokens = signed_in(&log_in(server, email, PASSWORD));
    assert_is_ours(server, email);
    tokens
}

/// `email` signs in with the old password and the old app.
#[track_caller]
fn signs_in_with_app(server: &Server, email: &str, secret: &str) -> Value {
    let challenge = assert_asked(&log_in(server, email, PASSWORD), &["totp"]);
    let tokens = signed_in(&answer(server, &challenge, "totp", &code_of(secret)));
    assert_is_ours(server, email);
    tokens
}

fn assert_is_ours(server: &Server, email: &str) {
    let hash = server.database.texts("password_hash", &format!("users WHERE email = '{email}'")).remove(0);
    assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
}

fn links(server: &Server) -> Vec<String> {
    server.database.texts("provider || ' ' || issuer || ' ' || subject", "oauth_accounts")
}

/// The user is who the old system says.
#[track_caller]
fn assert_user(tokens: &Value, fields: &Value) {
    for (field, expected) in fields.as_object().unwrap() {
        assert_eq!(tokens["user"][field], *expected, "{field}");
    }
}

const UNSUPPORTED: &str = "totp_secret: a TOTP secret has 10 to 40 bytes, in base 32";

#[test]
fn gotrue() {
    let Some((server, said)) = moved_from("GoTrue", "gotrue.jsonl") else { return };
    assert_eq!(said, format!("line 3: refused: {UNSUPPORTED}\nimported: 2; there already: 0; refused: 1\n"));
    let ada = signs_in(&server, "ada@example.org");
    assert_user(
        &ada,
        &json!({
            "id": "7d1a2f64-3d5b-4c0e-9a53-0d9c5c8f1a01", "email_verified": true, "display_name": "Ada Lovelace",
            "avatar_url": "https://cdn.example.org/ada.png", "created_at": "2024-03-01T09:29:12.654321Z", "role": "user",
        }),
    );
    signs_in_with_app(&server, "mary@example.org", "ACQAA5G4TZHL7NVYQF3BEPN4V4S2NFCN");
    assert_eq!(links(&server), ["google google 1001"]);
}

#[test]
fn kratos() {
    let Some((server, said)) = moved_from("Kratos", "kratos.json") else { return };
    assert_eq!(said, format!("line 3: refused: {UNSUPPORTED}\nimported: 3; there already: 0; refused: 1\n"));
    let ada = signs_in(&server, "ada@example.org");
    assert_user(
        &ada,
        &json!({
            "id": "2b6f7c10-57e1-4a5e-8f0e-6f1d9d3c0b01", "email_verified": true, "display_name": "Ada Lovelace",
            "username": "ada_l", "created_at": "2024-03-01T09:29:12.654321Z",
        }),
    );
    signs_in_with_app(&server, "mary@example.org", "ACQAA5G4TZHL7NVYQF3BEPN4V4S2NFCN");
    assert_problem(&log_in(&server, "eve@example.org", PASSWORD), 403, "account_disabled");
    assert_eq!(links(&server), ["google google 1001"]);
}

/// Argon2id of today's Keycloak, and PBKDF2 with tags of 64 bytes of those before.
#[test]
fn keycloak() {
    let Some((server, said)) = moved_from("Keycloak", "keycloak.json") else { return };
    assert_eq!(said, format!("line 4: refused: {UNSUPPORTED}\nimported: 3; there already: 0; refused: 1\n"));
    let ada = signs_in(&server, "ada@example.org");
    assert_user(
        &ada,
        &json!({
            "id": "91c0e2b4-1111-4222-8333-444455556601", "email_verified": true, "display_name": "Ada Example",
            "username": "ada", "created_at": "2024-03-01T09:29:12Z",
        }),
    );
    signs_in_with_app(&server, "mary@example.org", "KF2W62DQG52DE3LSJRGVK53GOQZWOOJQ");
    assert_challenge(&log_in(&server, "hedy@example.org", PASSWORD), "change_password");
    assert_eq!(links(&server), ["google google 1001"]);
}

#[test]
fn better_auth() {
    let Some((server, said)) = moved_from("better-auth", "better-auth.jsonl") else { return };
    assert_eq!(said, format!("line 3: refused: {UNSUPPORTED}\nimported: 2; there already: 0; refused: 1\n"));
    let ada = signs_in(&server, "ada@example.org");
    assert_user(
        &ada,
        &json!({
            "email_verified": true, "display_name": "Ada Lovelace", "avatar_url": "https://cdn.example.org/ada.png",
            "created_at": "2024-03-01T09:29:12.654Z",
        }),
    );
    let mary = signs_in(&server, "mary@example.org");
    assert_user(
        &mary,
        &json!({ "id": "5b0c7e7e-0c37-4a7c-9d63-7d8c2f7e9a02", "email_verified": false, "username": "Mary" }),
    );
    assert_eq!(links(&server), ["google google 1001"]);
}

#[test]
fn django() {
    let Some((server, said)) = moved_from("Django", "django.json") else { return };
    assert_eq!(said, format!("line 4: refused: {UNSUPPORTED}\nimported: 3; there already: 0; refused: 1\n"));
    let ada = signs_in(&server, "ada@example.org");
    assert_user(
        &ada,
        &json!({ "email_verified": false, "username": "ada_l", "created_at": "2024-03-01T09:29:12.654Z" }),
    );
    signs_in_with_app(&server, "mary@example.org", "ACQAA5G4TZHL7NVYQF3BEPN4V4S2NFCN");
    assert_problem(&log_in(&server, "hedy@example.org", PASSWORD), 401, "invalid_credentials");
}

#[test]
fn devise() {
    let Some((server, said)) = moved_from("Devise", "devise.jsonl") else { return };
    assert_eq!(said, "imported: 3; there already: 0; refused: 0\n");
    let ada = signs_in(&server, "ada@example.org");
    assert_user(
        &ada,
        &json!({ "email_verified": true, "display_name": "Ada Lovelace", "created_at": "2024-03-01T09:29:12.654Z" }),
    );
    signs_in_with_app(&server, "mary@example.org", "JUHX6VYQPXZR352C57JZMTNP");
    let hedy = signs_in(&server, "hedy@example.org");
    assert_user(&hedy, &json!({ "email_verified": false, "display_name": null }));
    assert_eq!(links(&server), ["google google 1001"]);
}
