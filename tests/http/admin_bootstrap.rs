//! REQ-08: administrators whom the operator makes, at the start and by `auth-server admin create`.

use crate::calls::{answer_with_password, log_in};
use crate::contract::{assert_challenge, assert_done, assert_problem, assert_tokens};
use crate::jwt::Jwt;
use crate::support::{Backend, Ended, PASSWORD, Server, ServerOptions, TestDatabase, at_once, on_every_database};

const NEW: &str = "nine bronze gates of Troy";
const ADMIN: &str = "root@example.org";

fn with_admin() -> ServerOptions {
    ServerOptions::default().set("ADMIN_EMAIL", ADMIN).set("ADMIN_PASSWORD", PASSWORD)
}

fn admin_create(database: &TestDatabase, password: Option<&str>, email: &str) -> Ended {
    let options = ServerOptions::default();
    let options = password.into_iter().fold(options, |options, password| options.set("ADMIN_PASSWORD", password));
    Server::command(database, options, &["admin", "create", email])
}

/// The password that `admin create` made up.
fn made_up(ended: &Ended) -> &str {
    ended.out.lines().find_map(|line| line.strip_prefix("password, to be changed at the first sign-in: ")).unwrap()
}

on_every_database! {
    /// The first administrator signs in, changes the password, and has the role.
    fn the_first_administrator_gets_in_by_a_new_password(server: &Server, with_admin()) {
        let challenge = assert_challenge(&log_in(server, ADMIN, PASSWORD), "change_password");
        assert_eq!(server.database.count("sessions"), 0);
        let tokens = assert_tokens(&answer_with_password(server, &challenge, NEW), 200);
        let user = &tokens["user"];
        assert_eq!((user["role"].as_str(), user["email"].as_str()), (Some("admin"), Some(ADMIN)));
        assert_eq!((&user["email_verified"], &user["password_must_change"]), (&true.into(), &false.into()));
        assert_eq!(Jwt::of(&tokens).claims["role"], "admin");
        assert_problem(&log_in(server, ADMIN, PASSWORD), 401, "invalid_credentials");
        assert_eq!(server.database.count("audit_events WHERE event = 'admin.user_created'"), 1);
        for line in server.log() {
            assert!(!line.contains(ADMIN) && !line.contains(PASSWORD), "{line}");
        }
    }

    /// It is made once: neither the start after the password was changed nor one with another address changes anything.
    fn a_restart_changes_nothing(server: &Server, with_admin()) {
        let challenge = assert_challenge(&log_in(server, ADMIN, PASSWORD), "change_password");
        assert_tokens(&answer_with_password(server, &challenge, NEW), 200);
        server.terminate();
        let again = Server::start_on(server.database.clone(), with_admin());
        assert_tokens(&log_in(&again, ADMIN, NEW), 200);
        assert_problem(&log_in(&again, ADMIN, PASSWORD), 401, "invalid_credentials");
        again.terminate();
        let other = Server::start_on(server.database.clone(), with_admin().set("ADMIN_EMAIL", "other@example.org"));
        assert_problem(&log_in(&other, "other@example.org", PASSWORD), 401, "invalid_credentials");
        assert_eq!(server.database.count("users"), 1);
    }

    /// Whoever registered the administrator's address first is not made one, and is not locked out either.
    fn an_account_of_somebody_else_is_not_promoted(server: &Server) {
        let tokens = server.register(ADMIN);
        server.terminate();
        let again = Server::start_on(server.database.clone(), with_admin());
        assert_eq!(again.as_user(&tokens).get("/users/me").json()["role"], "user");
        assert!(again.wait_for_log(|line| line.contains("no administrator's")).is_some());
        let ended = admin_create(&server.database, Some(NEW), ADMIN);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains("no administrator's"), "{ended:?}");
        assert_tokens(&log_in(&again, ADMIN, PASSWORD), 200);
    }

    /// Instances that start together make one.
    fn instances_that_start_together_make_one(server: &Server) {
        server.terminate();
        let instances = at_once(3, |_| Server::start_on(server.database.clone(), with_admin()));
        assert_eq!(server.database.count("users WHERE role = 'admin'"), 1);
        assert_challenge(&log_in(&instances[2], ADMIN, PASSWORD), "change_password");
    }

    fn admin_create_makes_one_beside_a_running_server(server: &Server) {
        let ended = admin_create(&server.database, Some(PASSWORD), ADMIN);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
        assert!(ended.out.contains(ADMIN) && !ended.out.contains(PASSWORD), "{ended:?}");
        let challenge = assert_challenge(&log_in(server, ADMIN, PASSWORD), "change_password");
        let tokens = assert_tokens(&answer_with_password(server, &challenge, NEW), 200);
        assert_eq!(tokens["user"]["role"], "admin");
        let again = admin_create(&server.database, Some(PASSWORD), &ADMIN.to_uppercase());
        assert_eq!(again.code, Some(0), "{again:?}");
        assert!(again.out.contains("nothing was changed"), "{again:?}");
        assert_tokens(&log_in(server, ADMIN, NEW), 200);
        let another = admin_create(&server.database, Some(PASSWORD), "another@example.org");
        assert_eq!(another.code, Some(0), "{another:?}");
        assert_eq!(server.database.count("users WHERE role = 'admin'"), 2);
    }

    /// 6.4.1 of the ASVS: a password that was made up is random, shown once, and must be changed.
    fn a_password_is_made_up_where_none_is_given(server: &Server) {
        let (one, two) = (admin_create(&server.database, None, ADMIN), admin_create(&server.database, None, "two@example.org"));
        assert_eq!((one.code, two.code), (Some(0), Some(0)), "{one:?} {two:?}");
        let (one, two) = (made_up(&one), made_up(&two));
        assert!(one.len() >= 24 && one != two);
        let challenge = assert_challenge(&log_in(server, ADMIN, one), "change_password");
        assert_tokens(&answer_with_password(server, &challenge, NEW), 200);
        let again = admin_create(&server.database, None, ADMIN);
        assert_eq!(again.code, Some(0), "{again:?}");
        assert!(!again.out.contains("password, to be changed"), "{again:?}");
    }

    /// The administrator's account is one as any other: a link sets its password, and then nothing is due any more.
    fn a_reset_counts_as_the_change_that_is_due(server: &Server, with_admin()) {
        assert_done(&crate::calls::reset(server, &crate::mails::reset_link(server, ADMIN), NEW));
        let answer = log_in(server, ADMIN, NEW);
        let tokens = assert_tokens(&answer, 200);
        assert_eq!(tokens["user"]["password_must_change"], false);
    }
}

/// What is wrong with the password is told, not that an address is missing, which stands on the command line.
#[test]
fn admin_create_tells_what_is_wrong_with_the_password() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let ended = admin_create(&database, Some("too short"), ADMIN);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("ADMIN_PASSWORD") && !ended.err.contains("ADMIN_EMAIL"), "{ended:?}");
}

/// An address on the command line is needed unless the settings have one.
#[test]
fn admin_create_says_what_is_missing_or_wrong() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let ended = Server::command(&database, ServerOptions::default(), &["admin", "create"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("ADMIN_EMAIL"), "{ended:?}");
    for address in ["root", "a@b@c.example", "", "a@example.org,b@example.org"] {
        let ended = admin_create(&database, Some(PASSWORD), address);
        assert!(ended.code.is_some_and(|code| code != 0), "{address}: {ended:?}");
        assert!(!ended.err.is_empty() && !ended.err.contains(PASSWORD), "{ended:?}");
    }
    let by_settings = Server::command(&database, with_admin(), &["admin", "create"]);
    assert_eq!(by_settings.code, Some(0), "{by_settings:?}");
    assert_eq!(database.count("users WHERE role = 'admin'"), 1);
}
