//! Flag over environment over file over default, and secrets from files of their own. REQ-61.

use secrecy::ExposeSecret as _;

use crate::settings::testing::{GOOD_SECRET, Given, given};

fn port(given: Given) -> u16 {
    given.settings().server.bind.port()
}

/// REQ-61.
#[test]
fn the_first_place_that_has_a_setting_wins() {
    let all = given(&[("AUTH_BIND", "127.0.0.1:2")])
        .flag("AUTH_BIND", "127.0.0.1:1")
        .file("auth.toml", "bind = \"127.0.0.1:3\"");
    assert_eq!(port(all.clone()), 1);
    let mut without_flag = all;
    without_flag.flags.clear();
    assert_eq!(port(without_flag.clone()), 2);
    assert_eq!(port(without_flag.clone().without("AUTH_BIND")), 3);
    assert_eq!(port(given(&[])), 8080);
}

#[test]
fn each_value_tells_where_it_came_from() {
    let loaded = given(&[("AUTH_REGISTRATION", "closed"), ("AUTH_SECRET_FILE", "/run/secret")])
        .flag("AUTH_BIND", "127.0.0.1:1")
        .file("auth.toml", "log = \"warn\"")
        .file("/run/secret", GOOD_SECRET)
        .load()
        .unwrap();
    let origin = |variable: &str| {
        let shown = loaded.shown.iter().find(|shown| shown.row.variable == variable).unwrap();
        (shown.value.clone(), shown.origin.to_string())
    };
    for (variable, value, from) in [
        ("AUTH_BIND", "127.0.0.1:1", "flag --bind"),
        ("AUTH_REGISTRATION", "closed", "environment"),
        ("AUTH_LOG", "warn", "auth.toml"),
        ("AUTH_SECRET", "***", "file /run/secret named by AUTH_SECRET_FILE"),
        ("AUTH_ENV", "development", "default"),
        ("AUTH_JWT_ISSUER", "http://localhost:8080", "default"),
        ("AUTH_HASH_THREADS", "3", "default"),
        ("AUTH_SMTP_URL", "(unset)", "default"),
    ] {
        assert_eq!(origin(variable), (value.to_owned(), from.to_owned()), "{variable}");
    }
}

#[test]
fn the_file_is_named_by_flag_or_variable() {
    let files = given(&[]).file("one.toml", "bind = \"127.0.0.1:1\"").file("two.toml", "bind = \"127.0.0.1:2\"");
    assert_eq!(port(files.clone().and(&[("AUTH_CONFIG", "one.toml")])), 1);
    assert_eq!(port(files.clone().and(&[("AUTH_CONFIG", "one.toml")]).flag("AUTH_CONFIG", "two.toml")), 2);
    assert_eq!(port(files), 8080);
}

#[test]
fn a_named_file_must_be_there() {
    for missing in [given(&[("AUTH_CONFIG", "no.toml")]), given(&[]).flag("AUTH_CONFIG", "no.toml")] {
        let fault = missing.fault();
        assert!(fault.starts_with("AUTH_CONFIG (no.toml): make the file readable, or name another"), "{fault}");
    }
}

#[test]
fn a_broken_file_hides_no_other_fault_and_makes_none_up() {
    let faults = given(&[("AUTH_BIND", "x"), ("DATABASE_URL", "postgres:///auth")]).file("auth.toml", "a = ").faults();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].starts_with("AUTH_CONFIG (auth.toml): line 1 is not valid TOML"), "{faults:?}");
    assert!(faults[1].starts_with("AUTH_BIND (environment) holds \"x\""), "{faults:?}");
}

#[test]
fn keys_of_the_file_are_the_words_in_any_nesting() {
    let text = format!(
        "secret = \"{GOOD_SECRET}\"\nsessions_per_user = 7\nrequire_verified_email = true\n\
         cors_origins = [\"https://a.example\", \"https://b.example\"]\n\
         [database]\nurl = \"sqlite::memory:\"\nschema = \"other\"\n[rate]\nlogin = \"7/1h\"\n[oidc.corp]\nissuer = \"https://i.example\"\n\
         client_id = \"x\"\n[oidc]\nproviders = [\"corp\"]\n[admin]\nemail = \"ada@example.com\"\npassword = \"lilac tractor 88\""
    );
    let settings = given(&[]).file("auth.toml", &text).settings();
    assert_eq!(settings.tokens.sessions_per_user.get(), 7);
    assert!(settings.accounts.require_verified_email);
    assert_eq!(settings.web.cors_origins.len(), 2);
    assert_eq!(settings.database.schema, "other");
    assert_eq!(settings.rates.login.unwrap().count.get(), 7);
    assert_eq!(settings.issuers[0].name, "corp");
    assert_eq!(settings.accounts.first_admin.unwrap().email, "ada@example.com");
}

#[test]
fn one_setting_stands_once_in_the_file() {
    let fault =
        given(&[]).file("auth.toml", "smtp_url = \"smtp://localhost\"\n[smtp]\nurl = \"smtp://localhost\"").fault();
    assert!(
        fault.contains("smtp_url (auth.toml): smtp.url sets the same")
            || fault.contains("smtp.url (auth.toml): smtp_url"),
        "{fault}"
    );
}

#[test]
fn values_of_a_wrong_type_are_faults() {
    for text in ["bind = 1.5", "bind = [1]", "log = 2026-01-01"] {
        let fault = given(&[]).file("auth.toml", text).fault();
        assert!(fault.contains("(auth.toml): write a"), "{fault}");
    }
}

#[test]
fn a_secret_may_come_from_a_file_less_its_last_line_break() {
    for text in [GOOD_SECRET.to_owned(), format!("{GOOD_SECRET}\n"), format!("{GOOD_SECRET}\r\n")] {
        let settings = given(&[("AUTH_SECRET_FILE", "/run/secret")]).file("/run/secret", &text).settings();
        assert_eq!(settings.secrets.current.unwrap().expose_secret(), GOOD_SECRET);
    }
    let twice =
        given(&[("AUTH_SECRET_FILE", "/run/secret")]).file("/run/secret", &format!("{GOOD_SECRET}\n\n")).settings();
    assert!(twice.secrets.current.unwrap().expose_secret().ends_with('\n'));
}

#[test]
fn every_secret_has_a_twin_for_a_file() {
    for (variable, text) in [
        ("AUTH_SECRET_PREVIOUS", GOOD_SECRET),
        ("DATABASE_URL", "sqlite::memory:"),
        ("REDIS_URL", "redis://localhost"),
        ("AUTH_SMTP_URL", "smtp://localhost"),
    ] {
        let loaded = given(&[(&format!("{variable}_FILE"), "/run/x")]).file("/run/x", text).load().unwrap();
        let shown = loaded.shown.iter().find(|shown| shown.row.variable == variable).unwrap();
        assert_eq!(shown.origin.to_string(), format!("file /run/x named by {variable}_FILE"));
    }
    let google =
        given(&[("AUTH_GOOGLE_CLIENT_ID", "id"), ("AUTH_GOOGLE_CLIENT_SECRET_FILE", "/run/x")]).file("/run/x", "s");
    assert_eq!(google.settings().providers.google.unwrap().client_secret.expose_secret(), "s");
}

#[test]
fn a_setting_and_its_twin_in_one_place_are_a_fault() {
    let both =
        given(&[("AUTH_SECRET", GOOD_SECRET), ("AUTH_SECRET_FILE", "/run/secret")]).file("/run/secret", GOOD_SECRET);
    assert_eq!(both.fault(), "AUTH_SECRET_FILE (environment): AUTH_SECRET sets the same; keep one of the two");
}

#[test]
fn between_places_the_order_decides_between_a_setting_and_its_twin() {
    let other = "Zx7LmQ2vKp0RwYc5tNe8sUa3fJb6idlg";
    let settings =
        given(&[("AUTH_SECRET", GOOD_SECRET)]).file("auth.toml", "secret_file = \"/run/s\"").file("/run/s", other);
    assert_eq!(settings.settings().secrets.current.unwrap().expose_secret(), GOOD_SECRET);
}

#[test]
fn a_file_that_can_t_be_read_or_is_empty_is_one_fault() {
    let missing = given(&[("AUTH_SECRET_FILE", "/run/no"), ("DATABASE_URL", "postgres:///auth")]).fault();
    assert!(
        missing.starts_with("AUTH_SECRET_FILE (environment) holds \"/run/no\": name a file that can be read"),
        "{missing}"
    );
    let empty = given(&[("AUTH_SECRET_FILE", "/run/s")]).file("/run/s", "\n").fault();
    assert!(empty.ends_with("name a file that holds the value; this one is empty"), "{empty}");
}

#[test]
fn an_empty_value_is_unset_or_a_fault() {
    let unset = given(&[("AUTH_SECRET", ""), ("AUTH_CORS_ORIGINS", ""), ("AUTH_ENV", ""), ("AUTH_SECRET_FILE", "")]);
    assert!(unset.clone().settings().secrets.current.is_none());
    assert!(unset.file("auth.toml", "cors_origins = [\"https://a.example\"]").settings().web.cors_origins.len() == 1);
    assert_eq!(given(&[("AUTH_BIND", "")]).fault(), "AUTH_BIND (environment): is empty; give it a value or remove it");
}
