//! No output holds a secret: the canary stands in every secret of the table and must never be seen.

use crate::settings::definition::{Definition, Exposure};
use crate::settings::table::definitions;
use crate::settings::testing::{GOOD_SECRET, Given, given};
use crate::settings::{Loaded, Report};

const CANARY: &str = "cAnArY7x";

fn secrets() -> impl Iterator<Item = &'static Definition> {
    definitions().filter(|definition| definition.exposure != Exposure::Public)
}

fn assert_silent(what: &str, text: &str) {
    assert!(!text.to_lowercase().contains(&CANARY.to_lowercase()), "{what}: {text}");
}

/// Every text that can be made of loaded settings.
fn outputs(loaded: &Loaded) -> String {
    format!("{}{}{loaded:?}{:#?}", Report::Check(loaded), Report::Show(loaded), loaded.settings)
}

fn full_of_canaries() -> Given {
    let secret = format!("{CANARY}{GOOD_SECRET}");
    given(&[
        ("DATABASE_URL", &format!("postgres://ada:{CANARY}@localhost/auth?sslpassword={CANARY}")),
        ("AUTH_COPY_TO_URL", &format!("postgres://ada:{CANARY}@localhost/copy")),
        ("REDIS_URL", &format!("redis://:{CANARY}@localhost")),
        ("AUTH_SECRET", &secret),
        ("AUTH_SECRET_PREVIOUS", &secret),
        ("AUTH_SMTP_URL", &format!("smtps://ada:{CANARY}@mail.example")),
        ("ADMIN_EMAIL", "ada@example.com"),
        ("ADMIN_PASSWORD", &secret),
        ("AUTH_GOOGLE_CLIENT_ID", "id"),
        ("AUTH_GOOGLE_CLIENT_SECRET", CANARY),
        ("AUTH_DISCORD_CLIENT_ID", "id"),
        ("AUTH_DISCORD_CLIENT_SECRET", CANARY),
        ("AUTH_GITHUB_CLIENT_ID", "id"),
        ("AUTH_GITHUB_CLIENT_SECRET", CANARY),
        ("AUTH_OIDC_PROVIDERS", "corp"),
        ("AUTH_OIDC_CORP_ISSUER", "https://i.example"),
        ("AUTH_OIDC_CORP_CLIENT_ID", "id"),
        ("AUTH_OIDC_CORP_CLIENT_SECRET", CANARY),
    ])
}

#[test]
fn loaded_settings_show_no_secret() {
    let given = full_of_canaries();
    for definition in secrets() {
        let variable = definition.variable.replace("<NAME>", "CORP");
        assert!(
            given.environment.iter().any(|(name, value)| *name == variable && value.contains(CANARY)),
            "{variable}"
        );
    }
    let loaded = given.load().unwrap();
    assert_silent("settings", &outputs(&loaded));
    let show = Report::Show(&loaded).to_string();
    assert!(show.contains("postgres://ada:***@localhost/auth?***"), "{show}");
    assert!(show.lines().any(|line| line.starts_with("AUTH_SECRET ") && line.contains("***")), "{show}");
}

#[test]
fn faults_show_no_secret() {
    for definition in secrets() {
        let variable = definition.variable.replace("<NAME>", "CORP");
        for bad in [
            CANARY.to_owned(),
            format!("{CANARY}\n"),
            format!("postgres://ada:{CANARY}@[x/auth"),
            format!("postgres://ada:12/{CANARY}@db/auth"),
            format!("postgres:ada:{CANARY}@db/auth"),
            format!("sqlite://ada:{CANARY}@db?x"),
            format!("redis://:{CANARY}@h/x"),
            format!("unix:///run/redis.sock?password={CANARY}"),
            format!("smtp://ada:{CANARY}@h?tls={CANARY}"),
            format!("smtp://ada:{CANARY}#{CANARY}@h"),
            format!("mysql://ada:{CANARY}@h/x"),
            format!("host=h password={CANARY}"),
        ] {
            let environment = given(&[(&variable, &bad), ("AUTH_BIND", "x")]);
            let file = given(&[("AUTH_BIND", "x")])
                .file("auth.toml", &format!("secret = {bad:?}\n[admin]\npassword = {bad:?}"));
            let twin = given(&[(&format!("{variable}_FILE"), "/run/x"), ("AUTH_BIND", "x")]).file("/run/x", &bad);
            for faulty in [environment, file, twin] {
                let faults = faulty.load().map(|_| ()).unwrap_err();
                assert_silent(&variable, &format!("{faults}{faults:?}"));
            }
        }
    }
}

#[test]
fn unknown_names_and_broken_files_show_no_secret() {
    let unknown = given(&[("AUTH_SECERT", CANARY)]).file("auth.toml", &format!("secert = \"{CANARY}\""));
    let broken = given(&[]).file("auth.toml", &format!("secret = \"{CANARY}"));
    let bare = given(&[]).file("auth.toml", &format!("secret = {CANARY}"));
    let wrong_type = given(&[]).file("auth.toml", &format!("secret = [{{ a = \"{CANARY}\" }}]"));
    for given in [unknown, broken, bare, wrong_type] {
        let faults = given.load().map(|_| ()).unwrap_err();
        assert_silent("faults", &format!("{faults}{faults:?}"));
    }
}

#[test]
fn a_value_can_t_forge_a_line_or_steer_the_terminal() {
    let name = "a\u{1b}[2J\nOK.toml";
    let loaded = given(&[("AUTH_CONFIG", name)]).file(name, "log = \"warn\"").load().unwrap();
    let key = given(&[]).file("auth.toml", "\"a\\u001b[2J\\nOK\" = 1").load().map(|_| ()).unwrap_err();
    let path = given(&[("AUTH_CONFIG", name)]).file(name, "bind = \"x\"").load().map(|_| ()).unwrap_err();
    for text in [Report::Show(&loaded).to_string(), key.to_string(), path.to_string()] {
        assert!(text.contains("\\u{1b}[2J\\nOK") && !text.contains('\u{1b}') && !text.contains("\nOK"), "{text:?}");
    }
}

#[test]
fn the_check_says_ok_and_the_rest() {
    let loaded = given(&[("AUTH_ARGON2_MEMORY_KIB", "8")]).load().unwrap();
    let text = Report::Check(&loaded).to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "OK");
    assert!(lines[1].starts_with("warning: AUTH_ARGON2_MEMORY_KIB: is below OWASP's floor"), "{text}");
    assert_eq!(lines.len(), 2);
}
