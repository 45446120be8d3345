//! `auth-server users export`: moving out, and in again elsewhere (issue part 6; docs/moving-in.md).

use std::sync::Arc;

use serde_json::{Value, json};

use crate::calls::log_in;
use crate::contract::assert_tokens;
use crate::jwt::text;
use crate::oauth_world::World;
use crate::second_factor_app::{answer, assert_asked};
use crate::support::{Backend, PASSWORD, Server, ServerOptions, TestDatabase};
use crate::users_command::{BCRYPT, SECRET, code_of, exported, file, import, lines, run};

/// Users with everything that there is.
fn everybody() -> Vec<Value> {
    let user = |number: u32| {
        let mut user = json!({
            "email": format!("user-{number}@bücher.example"), "username": format!("user_{number}"),
            "display_name": format!("\"Üser\" \\ {number} 😀"), "password_hash": BCRYPT,
            "created_at": format!("2020-01-01T00:00:00.{:06}Z", number * 7919), "role": "user",
        });
        let extras = [
            ("email_verified_at", json!("2020-01-02T00:00:00.000001Z")),
            ("totp_secret", json!(SECRET)),
            ("disabled_at", json!("2021-01-01T00:00:00Z")),
            ("premium_until", json!("2999-12-31T23:59:59.999999Z")),
            ("password_must_change", json!(true)),
            ("email_changed_at", json!("2020-03-01T00:00:00Z")),
            ("email_vouched_at", json!("2020-03-02T00:00:00Z")),
            ("last_login_at", json!("1969-07-20T20:17:40.5Z")),
            ("avatar_url", json!("https://cdn.example.org/a?b=%22&c=%C3%BC")),
            (
                "linked_accounts",
                json!([
                    { "provider": "github", "subject": format!("{number}"), "display_name": "Ä", "email": "x@example.org" },
                    { "provider": "corp", "issuer": "https://corp.example/", "subject": format!("<{number}>\"") },
                ]),
            ),
            ("id", json!(format!("{:08x}-0c37-4a7c-9d63-7d8c2f7e9a02", u32::MAX - number * 2_654_435))),
        ];
        for (place, (field, value)) in extras.into_iter().enumerate() {
            if number >> (place % 10) & 1 == 1 {
                user[field] = value;
            }
        }
        user
    };
    (1..=1024).map(user).collect()
}

/// Issue part 6: `export`, `import` into an empty database and `export` there give the same bytes, on both databases and
/// across them.
#[test]
fn a_round_trip_is_identical_on_both_databases_and_across_them() {
    let start = |backend: &Backend| Arc::new(TestDatabase::new(backend));
    let first = start(&Backend::Sqlite);
    let path = file(&first, "everybody.jsonl", lines(&everybody()));
    let ended = import(&first, &path, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let out = first.folder.path().join("first.jsonl");
    let written = run(&first, &["export", out.to_str().unwrap()]);
    assert_eq!((written.code, written.out.as_str(), written.err.as_str()), (Some(0), "", "users exported: 1024\n"));
    let text = std::fs::read_to_string(&out).unwrap();
    assert_eq!(text.lines().count(), 1024);
    assert_eq!(text, exported(&first));
    let ids: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    assert!(ids.is_sorted());
    let mut latest = out;
    for backend in [Some(Backend::Sqlite), Backend::postgres(), Some(Backend::Sqlite)].into_iter().flatten() {
        let database = start(&backend);
        let ended = import(&database, &latest, &[]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), "imported: 1024; there already: 0; refused: 0\n"));
        assert_eq!(exported(&database), text, "{backend:?}");
        let again = import(&database, &latest, &[]);
        assert_eq!((again.code, again.out.as_str()), (Some(0), "imported: 0; there already: 1024; refused: 0\n"));
        latest = file(&first, "latest.jsonl", exported(&database));
    }
}

/// What was made here goes along as well: registered, with a second factor and a linked account.
#[test]
fn who_signed_up_here_signs_in_there_with_all_they_have() {
    let world = World::start(&Backend::Sqlite, &[]);
    let linked = world.signed_in("corp");
    let ada = crate::second_factor_app::protected(&world.server, "mary@example.org");
    let path = file(world.database(), "all.jsonl", exported(world.database()));
    let elsewhere = TestDatabase::new(&Backend::Sqlite);
    let ended = import(&elsewhere, &path, &[]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "imported: 2; there already: 0; refused: 0\n"));
    assert_eq!(exported(&elsewhere), exported(world.database()));
    let server = Server::start_on(Arc::new(elsewhere), ServerOptions::default());
    let challenge = assert_asked(&log_in(&server, "mary@example.org", PASSWORD), &["totp"]);
    let code = code_of(ada.app.base32());
    let tokens = assert_tokens(&answer(&server, &challenge, "totp", &code), 200);
    assert_eq!(tokens["user"]["id"], ada.tokens["user"]["id"]);
    let provider = server.database.texts("provider", "oauth_accounts");
    assert_eq!(provider, ["corp"]);
    assert_eq!(
        server.database.count(&format!("users WHERE id = {}", server.database.id(text(&linked["user"]["id"])))),
        1
    );
}

/// What is in it is nobody else's, and what is there is not written over.
#[test]
fn an_export_is_a_new_file_that_nobody_else_reads() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let user = json!({ "email": "ada@example.org", "password_hash": BCRYPT, "totp_secret": SECRET });
    let ended = import(&database, &file(&database, "ada.jsonl", lines(&[user])), &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let path = database.folder.path().join("out.jsonl");
    let export = || run(&database, &["export", path.to_str().unwrap()]);
    let ended = export();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{ended:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(BCRYPT) && text.contains(SECRET));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    std::fs::write(&path, "kept").unwrap();
    let again = export();
    assert_eq!((again.code, std::fs::read_to_string(&path).unwrap().as_str()), (Some(1), "kept"), "{again:?}");
    assert!(again.err.contains("out.jsonl: ") && !again.err.contains(BCRYPT), "{again:?}");
    database.execute("UPDATE totp_credentials SET secret_sealed = x'00'");
    std::fs::remove_file(&path).unwrap();
    let broken = export();
    assert_eq!((broken.code, path.exists()), (Some(1), false), "half a file must not be taken for a whole one");
    let names = std::fs::read_dir(database.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().ends_with(".part")), "and is left nowhere");
}
