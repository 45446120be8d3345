//! `auth-server users import`: moving in (issue part 6; docs/moving-in.md).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::audit;
use crate::calls::{answer_with_password, log_in};
use crate::contract::{assert_challenge, assert_problem, assert_tokens};
use crate::jwt::{Jwt, text};
use crate::oauth_world::World;
use crate::second_factor_app::{answer, assert_asked, decode_base32, hotp, now};
use crate::support::{Backend, Ended, PASSWORD, Response, Server, ServerOptions, TestDatabase, on_every_database};
use crate::vectors;

/// bcrypt of [`PASSWORD`] at its lowest cost, by the Python package `bcrypt`.
pub(crate) const BCRYPT: &str = "$2b$04$B0vjw.bgY29OjUqLoSM9H.BU2FUC65XCGneR1PCZdz7ZE93jV74Py";

pub(crate) const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// Writes `text` to a file of this test's own.
pub(crate) fn file(database: &TestDatabase, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = database.folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

pub(crate) fn lines(users: &[Value]) -> String {
    let lines: Vec<String> = users.iter().map(|user| format!("{user}\n")).collect();
    lines.concat()
}

pub(crate) fn run(database: &TestDatabase, arguments: &[&str]) -> Ended {
    Server::command(database, ServerOptions::default(), &[&["users"], arguments].concat())
}

pub(crate) fn import(database: &TestDatabase, path: &Path, arguments: &[&str]) -> Ended {
    run(database, &[&["import", path.to_str().unwrap()], arguments].concat())
}

/// Imports `users`, of whom none is refused.
#[track_caller]
fn imported(server: &Server, users: &[Value]) {
    let path = file(&server.database, "imported.jsonl", lines(users));
    let ended = import(&server.database, &path, &[]);
    let told = format!("imported: {}; there already: 0; refused: 0\n", users.len());
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), told.as_str(), ""));
}

#[track_caller]
pub(crate) fn exported(database: &TestDatabase) -> String {
    let ended = run(database, &["export"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.out
}

/// The code that an app shows now which has `secret`.
pub(crate) fn code_of(secret: &str) -> String {
    hotp(&decode_base32(secret), u64::try_from(now() / 30).unwrap())
}

/// The tokens of somebody whose id may be of any version.
#[track_caller]
pub(crate) fn signed_in(answer: &Response) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let tokens = answer.json();
    assert_eq!(tokens["status"], json!("authenticated"));
    tokens
}

fn ada() -> Value {
    json!({ "email": "ada@example.org", "password_hash": BCRYPT })
}

fn stored_hash(server: &Server, email: &str) -> String {
    server.database.texts("password_hash", &format!("users WHERE email = '{email}'")).remove(0)
}

on_every_database! {
    /// bcrypt, scrypt, PBKDF2 and Argon2, in every spelling that there is.
    fn an_imported_user_signs_in_with_the_old_password_of_whatever_hash(server: &Server) {
        let bytes = std::fs::read(vectors::folder("password").join("foreign_hashes.json")).unwrap();
        let known: Value = serde_json::from_slice(&bytes).unwrap();
        let known: Vec<&Value> = known.as_array().unwrap().iter().filter(|known| text(&known["hash"]).len() <= 512).collect();
        let email = |number: usize| format!("user-{number}@example.org");
        let users = known.iter().enumerate();
        let users: Vec<Value> =
            users.map(|(number, known)| json!({ "email": email(number), "password_hash": known["hash"] })).collect();
        imported(server, &users);
        for (number, known) in known.iter().enumerate().filter(|(_, known)| !text(&known["made_by"]).ends_with("by default")) {
            assert_problem(&log_in(server, &email(number), "not this one"), 401, "invalid_credentials");
            let answer = log_in(server, &email(number), text(&known["password"]));
            assert_tokens(&answer, 200);
            let ours = stored_hash(server, &email(number));
            assert!(ours.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{} became {ours}", known["hash"]);
        }
        assert_eq!(server.sink().mails().len(), 0, "nobody gets a mail");
    }

    fn everything_that_a_line_says_is_so(server: &Server) {
        let id = "5b0c7e7e-0c37-4a7c-9d63-7d8c2f7e9a02";
        imported(server, &[json!({
            "id": id, "email": "Ada@Example.org", "email_verified_at": "2020-01-02T03:04:05.678901Z", "username": "Ada_L",
            "display_name": "Ada Lovelace", "avatar_url": "https://cdn.example.org/ada.png", "password_hash": BCRYPT,
            "role": "admin", "premium_until": "2999-01-01T00:00:00Z", "created_at": "2020-01-01T00:00:00+01:00",
            "updated_at": "2020-02-01T00:00:00Z", "last_login_at": "2021-01-01T00:00:00Z",
        })]);
        let tokens = signed_in(&log_in(server, "ada_l", PASSWORD));
        let user = &tokens["user"];
        for (field, expected) in [
            ("id", json!(id)),
            ("email", json!("Ada@Example.org")),
            ("email_verified", json!(true)),
            ("username", json!("Ada_L")),
            ("display_name", json!("Ada Lovelace")),
            ("avatar_url", json!("https://cdn.example.org/ada.png")),
            ("role", json!("admin")),
            ("is_premium", json!(true)),
            ("created_at", json!("2019-12-31T23:00:00Z")),
        ] {
            assert_eq!(user[field], expected, "{field}");
        }
        assert_eq!(Jwt::of(&tokens).claims["sub"], json!(id));
        assert_eq!(audit::count(&server.database, "admin.user_created", id), 1);
        let row = r#"audit_events WHERE event = 'admin.user_created' AND actor_id IS NULL AND details LIKE '%"by":"import"%'"#;
        assert_eq!(server.database.count(row), 1);
        crate::support::eventually("the trail is whole", || {
            let ended = Server::command(&server.database, ServerOptions::default(), &["audit", "verify"]);
            ended.out.contains("events that wait for their place: 0\n") && ended.code == Some(0)
        });
    }

    /// REQ-20: the factor counts, a code counts once, and there are no backup codes.
    fn an_imported_second_factor_is_asked_for(server: &Server) {
        imported(server, &[json!({ "email": "ada@example.org", "password_hash": BCRYPT, "totp_secret": SECRET })]);
        let challenge = assert_asked(&log_in(server, "ada@example.org", PASSWORD), &["totp"]);
        assert_problem(&answer(server, &challenge, "totp", "000000"), 401, "invalid_code");
        let code = code_of(SECRET);
        let tokens = assert_tokens(&answer(server, &challenge, "totp", &code), 200);
        assert_eq!(tokens["user"]["mfa_enabled"], json!(true));
        let challenge = assert_asked(&log_in(server, "ada@example.org", PASSWORD), &["totp"]);
        assert_problem(&answer(server, &challenge, "totp", &code), 401, "invalid_code");
        let sealed = server.database.dump();
        let secret = decode_base32(SECRET);
        for plain in [SECRET.as_bytes(), &secret] {
            assert!(!sealed.windows(plain.len()).any(|window| window == plain), "the secret lies open");
        }
    }

    fn who_is_disabled_or_has_to_change_the_password_is_told_so(server: &Server) {
        imported(server, &[
            json!({ "email": "ada@example.org", "password_hash": BCRYPT, "password_must_change": true }),
            json!({ "email": "eve@example.org", "password_hash": BCRYPT, "is_active": false }),
            json!({ "email": "mary@example.org" }),
        ]);
        assert_problem(&log_in(server, "eve@example.org", PASSWORD), 403, "account_disabled");
        assert_problem(&log_in(server, "mary@example.org", PASSWORD), 401, "invalid_credentials");
        let challenge = assert_challenge(&log_in(server, "ada@example.org", PASSWORD), "change_password");
        assert_tokens(&answer_with_password(server, &challenge, "nine bronze gates of Troy"), 200);
    }

    /// As if the first one had been killed between two batches: half of the file, then the whole.
    fn an_import_that_broke_off_is_begun_again(server: &Server) {
        let user = |number: u32| json!({ "email": format!("user-{number}@example.org"), "password_hash": BCRYPT });
        let users: Vec<Value> = (0..1200).map(user).collect();
        imported(server, &users[..700]);
        let before = exported(&server.database);
        let path = file(&server.database, "whole.jsonl", lines(&users));
        let dry = import(&server.database, &path, &["--dry-run"]);
        assert_eq!((dry.code, dry.out.lines().count()), (Some(0), 1202));
        assert!(dry.out.ends_with("line 1200: new\nnew: 500; there already: 700; refused: 0\nnothing was written\n"));
        assert!(dry.out.starts_with("line 1: there already, "), "{}", &dry.out[..200]);
        assert_eq!(exported(&server.database), before);
        for (new, there) in [(500, 700), (0, 1200)] {
            let ended = import(&server.database, &path, &[]);
            let told = format!("imported: {new}; there already: {there}; refused: 0\n");
            assert_eq!((ended.code, ended.out), (Some(0), told));
        }
        let (before, after) = (before.lines(), exported(&server.database));
        let after: std::collections::BTreeSet<&str> = after.lines().collect();
        assert!(after.len() == 1200 && before.into_iter().all(|line| after.contains(line)), "who was there stays as it was");
        assert_eq!(server.database.count("audit_events WHERE event = 'admin.user_created'"), 1200);
    }

    /// Nothing is ever overwritten, and nobody gets half an account.
    fn what_is_there_and_another_is_a_conflict(server: &Server) {
        let tokens = server.register("ada@example.org");
        let id = text(&tokens["user"]["id"]).to_owned();
        imported(server, &[json!({ "email": "mary@example.org", "username": "mary_s", "password_hash": BCRYPT })]);
        let before = exported(&server.database);
        let linked = json!([{ "provider": "corp", "issuer": "https://corp.example", "subject": "1" }]);
        let users = [
            json!({ "email": "ADA@example.org", "password_hash": BCRYPT }),
            json!({ "id": id, "email": "other@example.org" }),
            json!({ "email": "ada@example.org", "username": "mary_s" }),
            json!({ "email": "new@example.org", "username": "MARY_S" }),
            json!({ "email": "new@example.org", "linked_accounts": linked }),
            json!({ "email": "New@example.org" }),
            json!({ "email": "newer@example.org", "linked_accounts": linked }),
        ];
        let path = file(&server.database, "conflicts.jsonl", lines(&users));
        let told = |out: &str| -> Vec<String> { out.lines().map(str::to_owned).collect() };
        let dry = import(&server.database, &path, &["--dry-run"]);
        let report = told(&dry.out);
        assert_eq!(dry.code, Some(1));
        assert_eq!(report[0], format!("line 1: refused: email: the account {id} has it, and is not what this line says: \
            email, password_hash"));
        assert!(report[1].starts_with(&format!("line 2: refused: id: the account {id} has it, ")), "{}", report[1]);
        assert!(report[2].starts_with(&format!("line 3: refused: email: the account {id} has it, and the account ")));
        assert!(report[2].ends_with(" has username"), "{}", report[2]);
        assert!(report[3].starts_with("line 4: refused: username: the account "), "{}", report[3]);
        assert_eq!(report[4], "line 5: new");
        assert_eq!(report[5], "line 6: refused: email: stands in line 5 already");
        assert_eq!(report[6], "line 7: refused: linked_accounts: stands in line 5 already");
        assert_eq!(report[7..], ["new: 1; there already: 0; refused: 6", "nothing was written"]);
        let whole = import(&server.database, &path, &[]);
        assert_eq!((whole.code, told(&whole.out).len()), (Some(1), 8));
        assert!(whole.out.contains("\nnobody was imported: "), "{}", whole.out);
        assert_eq!(exported(&server.database), before);
        let valid = import(&server.database, &path, &["--skip-invalid"]);
        assert_eq!(valid.code, Some(1));
        assert!(valid.out.ends_with("\nimported: 1; there already: 0; refused: 6\n"), "{}", valid.out);
        assert!(!valid.out.contains("example.org") && valid.err.is_empty(), "{valid:?}");
        let after = exported(&server.database);
        assert!(before.lines().all(|line| after.contains(line)) && after.lines().count() == 3);
        assert_eq!(server.as_user(&tokens).get("/users/me").status, 200);
    }

    /// An address that was given up lately may be taken back, and until then nobody else gets it.
    fn an_address_that_is_kept_for_somebody_is_refused(server: &Server) {
        let tokens = server.register("ada@example.org");
        let id = server.database.id(text(&tokens["user"]["id"]));
        let later = if server.database.is_postgres() { "now() + interval '1 hour'" } else { "(unixepoch() + 3600) * 1000000" };
        let kept = format!("INSERT INTO reserved_addresses (email_normalized, user_id, expires_at) VALUES ('old@example.org', {id}, {later})");
        server.database.execute(&kept);
        let path = file(&server.database, "kept.jsonl", lines(&[json!({ "email": "Old@example.org" }), ada()]));
        for extent in ["--dry-run", "--skip-invalid"] {
            let ended = import(&server.database, &path, &[extent]);
            assert!(ended.out.contains("line 1: refused: email: it is kept for the account "), "{ended:?}");
        }
        assert_eq!(server.database.count("users"), 1);
    }

    /// A byte order mark, `\r\n`, empty lines, a line of megabytes, bytes that are no text, and SQL.
    fn a_file_in_any_shape_is_read_line_by_line(server: &Server) {
        let mut bytes = b"\xef\xbb\xbf".to_vec();
        bytes.extend(b"{\"email\":\"bom@example.org\"}\r\n\r\n   \n");
        bytes.extend(b"{\"email\":\"utf8\xff@example.org\"}\n");
        bytes.extend(b"{\"email\":\"unknown@example.org\",\"is_root\":true}\n");
        bytes.extend(format!("{{\"email\":\"huge@example.org\",\"display_name\":\"{}\"}}\n", "x".repeat(5_000_000)).bytes());
        bytes.extend(b"{\"email\":\"x'); DROP TABLE users; --@example.org\"}\n");
        bytes.extend(b"{\"email\":\"o'hara@example.org\",\"display_name\":\"Robert'); DROP TABLE users;--\"}\n");
        bytes.extend(b"{\"email\":\"nul@example.org\",\"display_name\":\"a\\u0000b\"}\n");
        bytes.extend(b"{\"email\":\"twice@example.org\",\"email\":\"thrice@example.org\"}\n");
        bytes.extend(b"{\"email\":\"hash@example.org\",\"password_hash\":\"canary-of-a-hash\"}\n");
        bytes.extend(b"{\"email\":\"code@example.org\",\"totp_secret\":\"canary-of-a-secret\"}\n");
        bytes.extend(b"{\"email\":\"last@example.org\"}");
        let path = file(&server.database, "shapes.jsonl", bytes);
        let dry = import(&server.database, &path, &["--dry-run"]);
        let refused = [
            "line 4: refused: not UTF-8",
            "line 5: refused: is_root: there is no such field",
            "line 6: refused: longer than 65536 bytes",
            "line 7: refused: email: not an email address",
            "line 9: refused: display_name: a display name has 1 to 100 characters of one line",
            "line 10: refused: a name stands twice in an object, before column 58",
            "line 11: refused: password_hash: the password hash is malformed",
            "line 12: refused: totp_secret: a TOTP secret has 10 to 40 bytes, in base 32",
        ];
        let report: Vec<&str> = dry.out.lines().collect();
        assert_eq!((report[0], report[5], report[10]), ("line 1: new", "line 8: new", "line 13: new"), "{report:#?}");
        let told: Vec<&str> = report.into_iter().filter(|line| line.contains("refused: ") && line.starts_with("line")).collect();
        assert_eq!(told, refused);
        let valid = import(&server.database, &path, &["--skip-invalid"]);
        let last = "imported: 3; there already: 0; refused: 8".to_owned();
        assert_eq!(valid.out, format!("{}\n{last}\n", refused.join("\n")));
        assert!(!format!("{dry:?}{valid:?}").contains("canary"));
        let emails = server.database.texts("email", "users ORDER BY email");
        assert_eq!(emails, ["bom@example.org", "last@example.org", "o'hara@example.org"]);
    }
}

/// REQ-30: by the identity, whatever address the provider tells.
#[test]
fn an_imported_link_signs_in_whose_it_is() {
    let world = World::start(&Backend::Sqlite, &[]);
    let issuer = world.provider("corp").issuer();
    let users = [
        json!({ "email": "boss@example.org", "linked_accounts": [
            { "provider": "corp", "issuer": issuer, "subject": "1001", "email": "boss@corp.example" }] }),
        json!({ "email": "ada@corp.example", "password_hash": BCRYPT }),
    ];
    imported(&world.server, &users);
    let tokens = world.signed_in("corp");
    assert_eq!(tokens["user"]["email"], json!("boss@example.org"));
    assert_eq!(world.counts(), (2, 1));
}

/// Without an issuer it is that of the provider which has the name, or else nobody's.
#[test]
fn a_link_without_issuer_is_of_the_configured_provider() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let user = |provider: &str| lines(&[json!({ "linked_accounts": [{ "provider": provider, "subject": "7" }] })]);
    let ended = import(&database, &file(&database, "google.jsonl", user("google")), &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(database.texts("issuer", "oauth_accounts"), ["google"]);
    let ended = import(&database, &file(&database, "corp.jsonl", user("corp")), &[]);
    let told = "line 1: refused: linked_accounts[0].issuer: required, since no provider of this name is configured\n";
    assert!(ended.code == Some(1) && ended.out.starts_with(told), "{ended:?}");
    let corp = ServerOptions::default()
        .set("AUTH_OIDC_PROVIDERS", "corp")
        .set("AUTH_OIDC_CORP_ISSUER", "https://idp.corp.example")
        .set("AUTH_OIDC_CORP_CLIENT_ID", "gatehouse")
        .set("AUTH_OIDC_CORP_CLIENT_SECRET", "a-secret-of-the-client");
    let path = file(&database, "corp.jsonl", user("corp"));
    let ended = Server::command(&database, corp, &["users", "import", path.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(database.count("oauth_accounts WHERE issuer = 'https://idp.corp.example'"), 1);
}

/// Standard input is read once, so it can't be looked through first.
#[test]
fn a_pipe_is_imported() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let ended = import(&database, Path::new("-"), &[]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.err.contains("--skip-invalid"), "{ended:?}");
    let mut process = Command::new(env!("CARGO_BIN_EXE_auth-server"))
        .env_clear()
        .env("DATABASE_URL", &database.url)
        .env("AUTH_SECRET", "k3Wn8sQx0vT5yB2eH7uJ9aZ4cM6pR1dL")
        .args(["users", "import", "--skip-invalid", "-"])
        .current_dir(database.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(lines(&[ada()]).as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "imported: 1; there already: 0; refused: 0\n");
}

#[test]
fn a_wrong_command_line_ends_with_exit_code_2() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let missing = database.folder.path().join("missing.jsonl");
    for arguments in [
        &["import"][..],
        &["import", "a", "b"],
        &["import", "--dry-run", "--skip-invalid", "a"],
        &["export", "a", "b"],
        &["import", missing.to_str().unwrap()],
        &[],
    ] {
        let ended = run(&database, arguments);
        assert_eq!((ended.code, ended.out.as_str(), ended.err.is_empty()), (Some(2), "", false), "{ended:?}");
    }
}
