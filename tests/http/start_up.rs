//! T-27, REQ-61: what the server refuses to start with, told all at once with exit code 2.

use crate::support::{Server, ServerOptions};

/// The server refuses these variables, and says so of each.
#[track_caller]
fn assert_refused(variables: &[(&str, &str)]) -> String {
    let options = variables.iter().fold(ServerOptions::default(), |options, (name, value)| options.set(name, value));
    let (code, said) = Server::refused(options);
    assert_eq!(code, Some(2), "{said}");
    for (name, _) in variables {
        assert!(said.contains(name), "nothing is said of {name}: {said}");
    }
    said
}

#[test]
fn a_secret_that_is_empty_short_or_an_example_is_refused_and_not_repeated() {
    for secret in [
        "short-canary",
        "0123456789012345678901234567890",
        "changeme-canary-changeme-changeme-1",
        "your-secret-key-canary-that-is-long-enough",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ] {
        let said = assert_refused(&[("AUTH_SECRET", secret)]);
        assert!(!said.contains(secret), "{said}");
    }
}

/// An empty variable is one that isn't set: in development the server makes a secret of its own then, and nowhere else.
#[test]
fn an_empty_secret_is_none() {
    let server = Server::on_sqlite(ServerOptions::default().set("AUTH_SECRET", ""));
    assert!(server.wait_for_log(|line| line.contains("set AUTH_SECRET")).is_some());
    let own = std::fs::read_to_string(server.database.folder.path().join("data/auth.secret")).unwrap();
    assert!(own.trim_end().len() >= 32);
    let production = ServerOptions::default().set("AUTH_ENV", "production").set("AUTH_SECRET", "");
    let (code, said) = Server::refused(production);
    assert_eq!(code, Some(2));
    assert!(said.contains("AUTH_SECRET is not set"), "{said}");
}

#[test]
fn all_faults_are_listed_at_once() {
    let said = assert_refused(&[
        ("AUTH_SECRET", "too short"),
        ("AUTH_JWT_ALGORITHM", "none"),
        ("AUTH_ACCESS_TOKEN_TTL", "0s"),
        ("AUTH_BIND", "nowhere"),
        ("AUTH_CORS_ORIGINS", "*"),
        ("AUTH_PASSWORD_MIN_LENGTH", "4"),
        ("AUTH_SESSIONS_PER_USER", "0"),
        ("AUTH_UNKNOWN_SETTING", "1"),
        ("AUTH_ARGON2_MEMORY_KIB", "7"),
    ]);
    assert!(said.contains("9 faults"), "{said}");
}

#[test]
fn algorithms_that_are_none_of_ours_are_refused() {
    for algorithm in ["none", "HS512", "PS256", "ES384", "eddsa", ""] {
        assert_refused(&[("AUTH_JWT_ALGORITHM", algorithm)]);
    }
}

#[test]
fn production_is_refused_what_development_is_warned_about() {
    let options =
        ServerOptions::default().set("AUTH_ENV", "production").set("AUTH_BASE_URL", "http://auth.example.org");
    let (code, said) = Server::refused(options);
    assert_eq!(code, Some(2), "{said}");
    for name in ["AUTH_BASE_URL", "AUTH_SMTP_URL", "AUTH_ARGON2_MEMORY_KIB"] {
        assert!(said.contains(name), "nothing is said of {name}: {said}");
    }
}

/// The keys in the database are sealed under the secret: with another one the server doesn't make new keys.
#[test]
fn a_database_of_another_secret_is_refused() {
    let server = Server::on_sqlite(ServerOptions::default());
    let tokens = server.register("ada@example.org");
    server.terminate();
    let other = ServerOptions::default().set("AUTH_SECRET", "T5yB2eH7uJ9aZ4cM6pR1dLk3Wn8sQx0v");
    let (code, said) = Server::refused_on(&server.database, other);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("AUTH_SECRET"), "{said}");
    let again = Server::start_on(server.database.clone(), ServerOptions::default());
    assert_eq!(again.as_user(&tokens).get("/users/me").status, 200, "nothing was spoilt");
}
