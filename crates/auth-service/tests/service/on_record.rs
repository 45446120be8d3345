//! What is on record of each thing that can happen to an account (REQ-51): the event, how it ended, who did it, and from
//! where. Limits have a table of their own in `limits/on_record.rs`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use auth_core::AuditEventId;
use auth_core::password::Argon2Params;
use auth_persistence::audit_event::AuditEvent;

use crate::bed::federation::{Federated, GOOGLE, Person, here};
use crate::bed::{Account, Bed, NEW_PASSWORD, PASSWORD, Setup, block_on, browser, on_both_databases};
use crate::second_factor::{by_code, by_password};

on_both_databases! {
    each_thing_that_happens_is_on_record_once_with_who_and_from_where,
    of_a_deleted_account_its_end_is_on_record,
}

const WRONG: &str = "not the password";

/// Who did it, as far as is known: whoever fails may be anybody, and so may who asks for a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    User,
    Unknown,
}

use By::{Unknown, User};

/// The event, how it ended, who did it.
type Row = (&'static str, &'static str, By);

/// What is done, as whom, and what is on record of it, in the order of names.
type Action = (&'static str, fn(&Scene<'_>), &'static [Row]);

/// An account with a verified address, and a service.
struct Scene<'a> {
    bed: &'a Bed,
    service: &'a Federated,
    account: Account,
    email: &'a str,
    /// What was on record before.
    before: RefCell<BTreeSet<AuditEventId>>,
}

impl Scene<'_> {
    fn trail(&self) -> Vec<AuditEvent> {
        self.bed.trail(self.account.user)
    }

    /// What was done up to here only led to it.
    fn begin(&self) {
        *self.before.borrow_mut() = self.trail().into_iter().map(|row| row.id).collect();
    }

    fn guess(&self) {
        assert!(self.service.try_log_in(self.email, WRONG).is_err());
    }

    /// The token of the link for `purpose`, in a mail that came of what was done.
    fn token(&self, purpose: &str) -> String {
        self.service.token(purpose)
    }

    /// A link to undo the change of the address, which was made.
    fn moved(&self) -> String {
        let new = format!("new-{}", self.email);
        self.service.ask_for_address(&self.account, &new).unwrap();
        self.service.confirm_address(&self.token("change-email")).unwrap();
        self.token("undo-email")
    }
}

const SUCCESS: &str = "success";
const FAILURE: &str = "failure";

const SIGNING_IN: [Action; 10] = [
    ("sign in", |scene| drop(scene.service.log_in(scene.email)), &[("login.succeeded", SUCCESS, User)]),
    ("a wrong password", |scene| scene.guess(), &[("login.failed", FAILURE, Unknown)]),
    (
        "the hundredth wrong password in a row",
        |scene| {
            scene.bed.set_failures(scene.email, 99);
            scene.guess();
        },
        &[("login.failed", FAILURE, Unknown), ("password.disabled", FAILURE, Unknown)],
    ),
    (
        "the right password of a disabled account",
        |scene| {
            scene.bed.execute(&format!("UPDATE users SET disabled_at = created_at WHERE email = '{}'", scene.email));
            assert!(scene.service.try_log_in(scene.email, PASSWORD).is_err());
        },
        &[("login.failed", FAILURE, Unknown)],
    ),
    (
        "sign in where passwords are hashed otherwise",
        |scene| {
            let hash_params = Argon2Params::new(16, 1, 1).unwrap();
            let other = Setup { hash_params, database: scene.bed.open_again(), ..scene.bed.setup() }.start().unwrap();
            other.log_in(scene.email);
        },
        &[("login.succeeded", SUCCESS, User), ("password.rehashed", SUCCESS, User)],
    ),
    (
        "sign in to one session more than there may be",
        |scene| {
            let one = std::num::NonZeroU32::MIN;
            scene.service.beside(scene.bed, |setup| setup.config.sessions_per_user = one).log_in(scene.email);
        },
        &[("login.succeeded", SUCCESS, User), ("session.revoked", SUCCESS, User)],
    ),
    (
        "sign out",
        |scene| {
            block_on(scene.service.service.log_out(scene.account.user, scene.account.session, &browser())).unwrap();
        },
        &[("logout", SUCCESS, User)],
    ),
    (
        "sign out by refresh token",
        |scene| {
            block_on(scene.service.service.log_out_by_refresh_token(&scene.account.refresh, &browser())).unwrap();
        },
        &[("logout", SUCCESS, User)],
    ),
    (
        "sign out everywhere",
        |scene| block_on(scene.service.service.log_out_everywhere(scene.account.user, &browser())).unwrap(),
        &[("logout_all", SUCCESS, User)],
    ),
    (
        "reuse of a refresh token",
        |scene| assert!(scene.service.refresh(&scene.bed.mint(scene.account.session, 0)).is_err()),
        &[("token.reused", FAILURE, Unknown)],
    ),
];

const SESSIONS_AND_PROVIDERS: [Action; 6] = [
    (
        "end a session",
        |scene| {
            let other = scene.service.log_in(scene.email);
            scene.begin();
            block_on(scene.service.service.revoke_session(other.user, other.session, &browser())).unwrap();
        },
        &[("session.revoked", SUCCESS, User)],
    ),
    (
        "end the other sessions",
        |scene| {
            let (user, kept) = (scene.account.user, scene.account.session);
            block_on(scene.service.service.revoke_other_sessions(user, kept, &browser())).unwrap();
        },
        &[("session.revoked", SUCCESS, User)],
    ),
    (
        "link an account",
        |scene| drop(scene.service.link(&scene.account, Person::nameless(GOOGLE, scene.email)).unwrap()),
        &[("oauth.linked", SUCCESS, User)],
    ),
    (
        "take it off",
        |scene| {
            scene.service.link(&scene.account, Person::nameless(GOOGLE, scene.email)).unwrap();
            scene.begin();
            scene.service.unlink(&scene.account, GOOGLE).unwrap();
        },
        &[("oauth.unlinked", SUCCESS, User)],
    ),
    (
        "sign in by it",
        |scene| {
            scene.service.link(&scene.account, Person::nameless(GOOGLE, scene.email)).unwrap();
            scene.begin();
            scene.service.enter(Person::nameless(GOOGLE, scene.email));
        },
        &[("login.succeeded", SUCCESS, User)],
    ),
    (
        "sign in by it to a disabled account",
        |scene| {
            scene.service.link(&scene.account, Person::nameless(GOOGLE, scene.email)).unwrap();
            scene.begin();
            scene.bed.execute(&format!("UPDATE users SET disabled_at = created_at WHERE email = '{}'", scene.email));
            let back = scene.service.begin(Person::nameless(GOOGLE, scene.email));
            assert!(here(scene.service.finish_oauth(&back)).is_err());
        },
        &[("login.failed", FAILURE, Unknown)],
    ),
];

const PASSWORD_AND_ADDRESS: [Action; 10] = [
    (
        "change the password",
        |scene| scene.service.change_password(&scene.account, PASSWORD, NEW_PASSWORD).unwrap(),
        &[("password.changed", SUCCESS, User)],
    ),
    (
        "change it with a wrong one",
        |scene| assert!(scene.service.change_password(&scene.account, WRONG, NEW_PASSWORD).is_err()),
        &[("login.failed", FAILURE, Unknown)],
    ),
    (
        "ask for a link to reset it",
        |scene| {
            scene.service.forgot(scene.email).unwrap();
            scene.service.mails();
        },
        &[("password.reset_requested", SUCCESS, Unknown)],
    ),
    (
        "reset it",
        |scene| {
            let token = scene.service.reset_token(scene.email);
            scene.begin();
            scene.service.reset(&token, NEW_PASSWORD).unwrap();
        },
        &[("password.reset", SUCCESS, User)],
    ),
    (
        "secure the account",
        |scene| {
            scene.service.change_password(&scene.account, PASSWORD, NEW_PASSWORD).unwrap();
            let token = scene.token("secure-account");
            scene.begin();
            scene.service.secure(&token).unwrap();
        },
        &[("account.secured", SUCCESS, User)],
    ),
    (
        "verify the address",
        |scene| {
            scene.bed.execute(&format!("UPDATE users SET email_verified_at = NULL WHERE email = '{}'", scene.email));
            scene.service.resend(scene.email).unwrap();
            scene.service.verify_as(&scene.token("verify-email"), &scene.account).unwrap();
        },
        &[("email.verified", SUCCESS, User)],
    ),
    (
        "ask for another address",
        |scene| scene.service.ask_for_address(&scene.account, &format!("new-{}", scene.email)).unwrap(),
        &[("email.change_requested", SUCCESS, User)],
    ),
    (
        "ask for it with a wrong password",
        |scene| {
            let asked = scene.service.ask_for_address_with(&scene.account, "new@example.org", by_password(WRONG));
            assert!(asked.is_err());
        },
        &[("login.failed", FAILURE, Unknown)],
    ),
    (
        "confirm it",
        |scene| {
            scene.service.ask_for_address(&scene.account, &format!("new-{}", scene.email)).unwrap();
            let token = scene.token("change-email");
            scene.begin();
            scene.service.confirm_address(&token).unwrap();
        },
        &[("email.changed", SUCCESS, User)],
    ),
    (
        "undo the change",
        |scene| {
            let undo = scene.moved();
            scene.begin();
            scene.service.undo_address(&undo).unwrap();
        },
        &[("email.change_undone", SUCCESS, User)],
    ),
];

const SECOND_FACTOR: [Action; 7] = [
    (
        "add a second factor",
        |scene| {
            let app = scene.service.enrol(&scene.account);
            scene.service.confirm_totp(&scene.account, &app.code(scene.service, 0)).unwrap();
        },
        &[("mfa.enabled", SUCCESS, User)],
    ),
    (
        "a wrong code at that",
        |scene| {
            let app = scene.service.enrol(&scene.account);
            assert!(scene.service.confirm_totp(&scene.account, &app.wrong(scene.service)).is_err());
        },
        &[("mfa.failed", FAILURE, Unknown)],
    ),
    (
        "what is no code at that",
        |scene| assert!(scene.service.confirm_totp(&scene.account, "no code").is_err()),
        &[("mfa.failed", FAILURE, Unknown)],
    ),
    (
        "a wrong code at sign-in",
        |scene| {
            let app = scene.enrolled();
            let challenge = scene.service.asked_for_code(scene.email);
            assert!(scene.service.answer_totp(&challenge, &app.wrong(scene.service)).is_err());
        },
        &[("mfa.failed", FAILURE, Unknown)],
    ),
    (
        "a wrong code as a proof",
        |scene| {
            let app = scene.enrolled();
            let wrong = app.wrong(scene.service);
            assert!(scene.service.reauthenticate(&scene.account, by_code(&wrong)).is_err());
        },
        &[("mfa.failed", FAILURE, Unknown)],
    ),
    (
        "new backup codes",
        |scene| {
            scene.enrolled();
            scene.service.new_backup_codes(&scene.account, by_password(PASSWORD)).unwrap();
        },
        &[("mfa.codes_regenerated", SUCCESS, User)],
    ),
    (
        "take the second factor off",
        |scene| {
            scene.enrolled();
            scene.service.disable_totp(&scene.account, by_password(PASSWORD)).unwrap();
        },
        &[("mfa.disabled", SUCCESS, User)],
    ),
];

impl Scene<'_> {
    /// A second factor, which was there before.
    fn enrolled(&self) -> crate::second_factor::App {
        let app = self.service.enrol(&self.account);
        self.service.confirm_totp(&self.account, &app.code(self.service, 0)).unwrap();
        self.begin();
        app
    }
}

/// The names of the contract, but for those of limits, administrators and keys, and for the deletion of the account, each
/// of which has a test of its own.
const NAMES: [&str; 23] = [
    "account.secured",
    "email.change_requested",
    "email.change_undone",
    "email.changed",
    "email.verified",
    "login.failed",
    "login.succeeded",
    "logout",
    "logout_all",
    "mfa.codes_regenerated",
    "mfa.disabled",
    "mfa.enabled",
    "mfa.failed",
    "oauth.linked",
    "oauth.unlinked",
    "password.changed",
    "password.disabled",
    "password.rehashed",
    "password.reset",
    "password.reset_requested",
    "session.revoked",
    "token.reused",
    "user.registered",
];

/// REQ-51
fn each_thing_that_happens_is_on_record_once_with_who_and_from_where(bed: &Bed) {
    let service = bed.federated();
    let actions = SIGNING_IN.iter().chain(&SESSIONS_AND_PROVIDERS).chain(&PASSWORD_AND_ADDRESS).chain(&SECOND_FACTOR);
    let mut seen = BTreeSet::from(["user.registered"]);
    for (number, (what, act, expected)) in actions.enumerate() {
        let email = format!("user-{number}@example.org");
        let account = service.register(&email);
        let registered = bed.trail(account.user);
        assert_eq!(rows(&registered), [("user.registered", SUCCESS, User)]);
        assert_from_where(&registered[0], "register");
        service.verify_as(&service.token("verify-email"), &account).unwrap();
        bed.clock().advance(Duration::from_mins(1));
        let scene = Scene { bed, service: &service, account, email: &email, before: RefCell::default() };
        scene.begin();
        act(&scene);
        let new: Vec<_> = scene.trail().into_iter().filter(|row| !scene.before.borrow().contains(&row.id)).collect();
        assert_eq!(rows(&new), *expected, "{what}");
        for row in &new {
            assert_from_where(row, what);
        }
        seen.extend(expected.iter().map(|(event, ..)| *event));
        service.mails();
    }
    assert_eq!(seen, NAMES.into_iter().collect());
}

/// Each in short, in the order of names: what happens at one moment is in no order of time.
fn rows(events: &[AuditEvent]) -> Vec<(&str, &str, By)> {
    let by = |row: &AuditEvent| match row.actor_id {
        None => Unknown,
        actor => {
            assert_eq!(actor, row.user_id);
            User
        }
    };
    let mut rows: Vec<_> = events.iter().map(|row| (row.event.as_str(), row.outcome.as_str(), by(row))).collect();
    rows.sort_unstable();
    rows
}

#[track_caller]
fn assert_from_where(row: &AuditEvent, what: &str) {
    let from = (row.ip.as_deref(), row.request_id.as_deref());
    assert_eq!(from, (Some("192.0.2.7"), Some("request-1")), "{what}: {}", row.event);
    assert!(row.user_agent.as_deref().is_some_and(|agent| agent.contains("Firefox/140.0")), "{what}: {}", row.event);
}

/// REQ-40, REQ-51: who did it, and by which request; from where is forgotten with all else.
fn of_a_deleted_account_its_end_is_on_record(bed: &Bed) {
    let service = bed.service();
    let ada = service.register("ada@example.org");
    service.delete(&ada).unwrap();
    let trail = bed.trail(ada.user);
    assert_eq!(rows(&trail), [("account.deleted", SUCCESS, User), ("user.registered", SUCCESS, User)]);
    for row in &trail {
        assert_eq!(
            (row.ip.as_deref(), row.user_agent.as_deref(), row.request_id.as_deref()),
            (None, None, Some("request-1"))
        );
    }
}
