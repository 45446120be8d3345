//! `auth-server keys list`, `keys rotate` and `keys reseal`, beside a running server (REQ-15).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::contract::{assert_problem, assert_tokens};
use crate::jwt::{Jwt, text};
use crate::metrics::metric;
use crate::support::{Ended, Server, ServerOptions, TestDatabase, eventually, on_every_database};

/// The one that servers here have.
const SECRET: &str = "k3Wn8sQx0vT5yB2eH7uJ9aZ4cM6pR1dL";
const OTHER_SECRET: &str = "Q7e2U9t4R1i6O3w8P5y0Ka-Ms-Dz-Fx-Gc";

fn keys_with(database: &TestDatabase, options: ServerOptions, arguments: &[&str]) -> Ended {
    Server::command(database, options, &[&["keys"], arguments].concat())
}

#[track_caller]
fn keys(server: &Server, arguments: &[&str]) -> String {
    let ended = keys_with(&server.database, ServerOptions::default(), arguments);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    ended.out
}

/// The cells of the lines of `keys list`, without the headings.
fn table(server: &Server) -> Vec<Vec<String>> {
    let out = keys(server, &["list"]);
    let cells =
        |line: &str| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect();
    let mut rows: Vec<Vec<String>> = out.lines().map(cells).collect();
    assert_eq!(rows.remove(0), ["KID", "ALGORITHM", "STATE", "PUBLISHED", "SIGNS FROM", "ACCEPTED UNTIL"]);
    rows
}

fn published(server: &Server) -> BTreeSet<String> {
    let set = server.client.get("/.well-known/jwks.json").json();
    set["keys"].as_array().unwrap().iter().map(|key| text(&key["kid"]).to_owned()).collect()
}

fn kid_of(tokens: &Value) -> String {
    text(&Jwt::of(tokens).header["kid"]).to_owned()
}

/// The key that signs what `server` gives out now.
fn signing(server: &Server, tokens: &Value) -> String {
    kid_of(&assert_tokens(&server.refresh(tokens), 200))
}

/// The key that was made last.
fn newest(server: &Server) -> String {
    server.database.texts("kid", "signing_keys ORDER BY created_at DESC LIMIT 1").remove(0)
}

/// The same refresh token is presented for as long as the test takes.
fn patient() -> ServerOptions {
    ServerOptions::default().set("AUTH_REFRESH_GRACE", "5m")
}

on_every_database! {
    /// T-23
    fn a_planned_rotation_is_told_published_and_taken_over(server: &Server, patient()) {
        let tokens = server.register("ada@example.org");
        let old = kid_of(&tokens);
        let rows = table(server);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0][..3], [old.as_str(), "EdDSA", "signing"]);
        crate::contract::assert_time(&rows[0][3].clone().into());
        assert_eq!(rows[0][5], "-");

        let said = keys(server, &["rotate"]);
        let new = newest(server);
        assert_ne!(new, old);
        assert!(said.starts_with(&format!("made the signing key {new} (EdDSA), which is published now and signs from ")), "{said}");
        assert!(said.contains(&format!("the tokens of {old} are accepted until ")), "{said}");
        let again = keys(server, &["rotate"]);
        assert!(again.starts_with("nothing was changed: ") && again.contains(&new), "{again}");
        eventually("it is published", || published(server) == BTreeSet::from([old.clone(), new.clone()]));
        assert_eq!(signing(server, &tokens), old);
        let rows = table(server);
        assert_eq!(rows[1][..3], [new.as_str(), "EdDSA", "waiting"]);
        assert!(said.contains(&rows[1][4]) && said.contains(&rows[0][5]), "{said} {rows:?}");

        // As if the quarter of an hour were over.
        let now = server.database.now();
        server.database.execute(&format!("UPDATE signing_keys SET activates_at = {now} WHERE kid = '{new}'"));
        eventually("it signs", || signing(server, &tokens) == new);
        assert_eq!(server.as_user(&tokens).get("/auth/verify").status, 204);
        let states: Vec<String> = table(server).into_iter().map(|mut row| row.remove(2)).collect();
        assert_eq!(states, ["verifying", "signing"]);
        assert_eq!(server.database.count("audit_events WHERE event = 'keys.rotated'"), 1);
    }

    /// Whoever keeps the key set as long as it may be kept has the key before it signs.
    fn a_key_is_published_for_longer_than_the_key_set_may_be_cached(server: &Server) {
        keys(server, &["rotate"]);
        let caching = server.client.get("/.well-known/jwks.json").header("cache-control").unwrap().to_owned();
        let seconds: u64 = caching.rsplit_once("max-age=").unwrap().1.parse().unwrap();
        let ahead = server.database.earlier("activates_at", seconds * 2);
        assert_eq!(server.database.count(&format!("signing_keys WHERE {ahead} > created_at")), 1);
    }

    fn a_rotation_at_once_ends_every_token_and_no_session(server: &Server) {
        let other = Server::start_on(server.database.clone(), ServerOptions::default());
        let tokens = server.register("ada@example.org");
        let old = kid_of(&tokens);
        let said = keys(server, &["rotate", "--now"]);
        let new = newest(server);
        assert!(said.starts_with(&format!("made the signing key {new} (EdDSA), ")), "{said}");
        assert!(said.contains("the tokens of every other key are refused"), "{said}");
        for instance in [server, &other] {
            eventually("the old key is gone", || instance.as_user(&tokens).get("/auth/verify").status == 401);
            assert_problem(&instance.as_user(&tokens).get("/users/me"), 401, "token_invalid");
        }
        for instance in [server, &other] {
            eventually("the other key is gone from the key set", || published(instance) == BTreeSet::from([new.clone()]));
            let refreshed = assert_tokens(&instance.refresh(&tokens), 200);
            assert_eq!(kid_of(&refreshed), new);
            for verifier in [server, &other] {
                assert_eq!(verifier.as_user(&refreshed).get("/auth/verify").status, 204);
            }
        }
        let rows = table(server);
        assert_eq!((&rows[0][0], &rows[0][2][..], &rows[1][2][..]), (&old, "retired", "signing"));
        let row = r#"audit_events WHERE event = 'keys.rotated' AND actor_id IS NULL AND details LIKE '%"at_once":true%'"#;
        assert_eq!(server.database.count(row), 1);
    }

    /// `AUTH_SIGNING_KEY_LIFE`
    fn a_key_that_has_its_age_is_followed_by_another(server: &Server, patient().set("AUTH_SIGNING_KEY_LIFE", "2h")) {
        let tokens = server.register("ada@example.org");
        let old = kid_of(&tokens);
        let age = |seconds| {
            let earlier = server.database.earlier("activates_at", seconds);
            server.database.execute(&format!("UPDATE signing_keys SET activates_at = {earlier}"));
        };
        age(3600);
        eventually("its age is seen", || metric(server, "auth_signing_key_age_seconds") > 3599.0);
        assert_eq!(published(server).len(), 1);
        age(2 * 3600);
        eventually("another is published", || published(server).len() == 2);
        assert_eq!(signing(server, &tokens), old);
        age(900);
        eventually("it signs", || signing(server, &tokens) != old);
        assert!(metric(server, "auth_signing_key_age_seconds") < 3600.0);
        assert_eq!(server.as_user(&tokens).get("/auth/verify").status, 204);
        let row = r#"audit_events WHERE event = 'keys.rotated' AND details LIKE '%"by":"schedule"%'"#;
        assert_eq!(server.database.count(row), 1);
    }

    fn data_keys_are_sealed_anew_under_a_running_server(server: &Server) {
        let tokens = server.register("ada@example.org");
        let swapped = || ServerOptions::default().set("AUTH_SECRET", OTHER_SECRET).set("AUTH_SECRET_PREVIOUS", SECRET);
        let reseal = || keys_with(&server.database, swapped(), &["reseal"]);
        let first = reseal();
        assert_eq!((first.code, first.err.as_str()), (Some(0), ""), "{first:?}");
        assert!(first.out.starts_with("data keys sealed anew under AUTH_SECRET: 8; sealed under it already: 0\n"), "{first:?}");
        let again = reseal();
        assert!(again.out.starts_with("data keys sealed anew under AUTH_SECRET: 0; sealed under it already: 8\n"), "{again:?}");
        let refreshed = assert_tokens(&server.refresh(&tokens), 200);
        let started = Server::start_on(server.database.clone(), ServerOptions::default().set("AUTH_SECRET", OTHER_SECRET));
        assert_eq!(started.as_user(&refreshed).get("/users/me").status, 200);
        assert_tokens(&started.refresh(&refreshed), 200);
        assert!(started.log().iter().all(|line| !line.contains("AUTH_SECRET_PREVIOUS")));
        let (code, said) = Server::refused_on(&server.database, ServerOptions::default());
        assert_eq!(code, Some(1));
        assert!(said.contains("another AUTH_SECRET"), "{said}");
    }

    fn a_command_that_cannot_be_carried_out_says_why_and_changes_nothing(server: &Server) {
        server.register("ada@example.org");
        let other = || ServerOptions::default().set("AUTH_SECRET", OTHER_SECRET);
        for arguments in [&["rotate"][..], &["rotate", "--now"], &["reseal"]] {
            let ended = keys_with(&server.database, other(), arguments);
            assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
            assert!(ended.err.contains("sealed with another AUTH_SECRET") && !ended.err.contains(OTHER_SECRET), "{ended:?}");
        }
        for arguments in [&["rotate", "--soon"][..], &["list", "--now"], &["reseal", "all"], &[]] {
            let ended = keys_with(&server.database, ServerOptions::default(), arguments);
            assert_eq!((ended.code, ended.err.is_empty()), (Some(2), false), "{ended:?}");
        }
        assert_eq!(server.database.count("signing_keys WHERE retires_at IS NULL"), 1);
        assert_eq!(server.database.count("audit_events WHERE event = 'keys.rotated'"), 0);
    }
}

#[test]
fn without_a_server_there_is_nothing_to_rotate() {
    let database = TestDatabase::new(&crate::support::Backend::Sqlite);
    let list = keys_with(&database, ServerOptions::default(), &["list"]);
    assert_eq!(list.code, Some(0), "{list:?}");
    assert!(list.out.ends_with("there is no key yet: a server makes one when it starts\n"), "{list:?}");
    for arguments in [&["rotate"][..], &["rotate", "--now"], &["reseal"]] {
        let ended = keys_with(&database, ServerOptions::default(), arguments);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains("there are no keys yet"), "{ended:?}");
    }
    assert_eq!(database.count("signing_keys") + database.count("data_keys"), 0);
}

/// Whoever reads no further than the help knows what `--now` costs.
#[test]
fn the_help_says_what_a_rotation_does() {
    let database = TestDatabase::new(&crate::support::Backend::Sqlite);
    let help = Server::command(&database, ServerOptions::default(), &["keys", "rotate", "--help"]).out;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in ["tokens of all other keys are refused", "every client has to refresh", "no request fails"] {
        assert!(help.contains(words), "{help}");
    }
}
