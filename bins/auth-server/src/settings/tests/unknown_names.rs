//! Mistyped names. X-27 of the security contract.

use std::ffi::OsString;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStringExt as _;

use crate::settings::testing::given;
use crate::settings::{Flags, Settings, Sources};

#[test]
fn an_unknown_variable_is_a_fault_and_names_its_neighbour() {
    for (name, guess) in [
        ("AUTH_BNID", "AUTH_BIND"),
        ("AUTH_SECRT", "AUTH_SECRET"),
        ("AUTH_DATABASE_URL", "AUTH_DATABASE_POOL"),
        ("AUTH_RATE_LOGINS", "AUTH_RATE_LOGIN"),
        ("AUTH_BIND_FILE", "AUTH_BIND"),
    ] {
        let fault = given(&[(name, "canary")]).fault();
        assert!(fault.starts_with(&format!("{name} (environment): is no known variable; ")), "{fault}");
        assert!(
            fault.contains(&format!("did you mean {guess}?"))
                || name == "AUTH_DATABASE_URL"
                || name == "AUTH_BIND_FILE",
            "{fault}"
        );
        assert!(!fault.contains("canary"), "{fault}");
    }
    let strange = given(&[("AUTH_WHOLLY_DIFFERENT_THING", "x")]).fault();
    assert!(strange.ends_with("docs/configuration.md lists all"), "{strange}");
}

#[test]
fn an_unknown_key_is_a_fault_and_names_its_neighbour() {
    for (text, start, guess) in [
        ("[smtp]\nulr = \"canary\"", "smtp.ulr (auth.toml): is no known key; ", "smtp_url"),
        ("auth_bind = \"canary\"", "auth_bind (auth.toml): is no known key; ", "bind"),
        ("BIND = \"canary\"", "BIND (auth.toml): is no known key; ", "bind"),
        ("base-url = \"canary\"", "base-url (auth.toml): is no known key; ", "base_url"),
        ("config = \"canary\"", "config (auth.toml): is no known key; ", "config"),
    ] {
        let fault = given(&[]).file("auth.toml", text).fault();
        assert!(fault.starts_with(start), "{fault}");
        assert!(fault.contains(guess) && !fault.contains("canary"), "{fault}");
    }
}

#[test]
fn other_programs_variables_are_none_of_ours() {
    given(&[("PATH", "/bin"), ("AUTHOR", "ada"), ("DATABASE_POOL", "x"), ("auth_bind", "x")]).settings();
}

#[test]
fn kubernetes_names_are_let_pass() {
    given(&[
        ("AUTH_SERVICE_HOST", "10.0.0.1"),
        ("AUTH_SERVICE_PORT", "80"),
        ("AUTH_SERVICE_PORT_HTTP", "80"),
        ("AUTH_PORT", "tcp://10.0.0.1:80"),
        ("AUTH_PORT_80_TCP_ADDR", "10.0.0.1"),
    ])
    .settings();
    assert!(given(&[("AUTH_SERVICE", "x")]).fault().starts_with("AUTH_SERVICE "));
}

#[test]
fn a_port_of_its_own_is_not_dropped_in_silence() {
    let warnings = given(&[("AUTH_PORT", "9000")]).warnings();
    assert!(warnings[0].starts_with("AUTH_PORT: is ignored") && warnings[0].contains("AUTH_BIND"), "{warnings:?}");
    assert!(given(&[("AUTH_PORT", "tcp://10.0.0.1:80")]).warnings().is_empty());
}

#[test]
fn bytes_that_are_no_text_are_a_fault() {
    let sources = Sources {
        flags: Flags::new(),
        environment: vec![("AUTH_BIND".into(), OsString::from_vec(vec![0xff]))],
        read_file: Box::new(|_| Err(io::ErrorKind::NotFound.into())),
        cores: NonZeroUsize::MIN,
    };
    let faults = Settings::load(&sources).map(|_| ()).unwrap_err().to_string();
    assert!(faults.contains("AUTH_BIND (environment): holds bytes that are no UTF-8 text"), "{faults}");
}
