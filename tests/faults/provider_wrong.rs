//! Providers that hang, drip, flood, break off and lead astray (REQ-43).

use std::thread;
use std::time::{Duration, Instant};

use identity_provider::{Answer as Trouble, Endpoint, IdentityProvider, people};

use crate::caller::Caller;
use crate::database::{Backend, TestDatabase};
use crate::process::Launch;
use crate::provider_flow::{Returning, assert_refused, begin, built_in, issuers, sign_in, start};
use crate::sql;
use crate::wait::until;

/// The ten seconds that a callback gets, and what a busy machine adds.
const AT_MOST: Duration = Duration::from_secs(25);

/// So much may the server grow by answers of which it reads a MiB each, in KiB. Endless ones would fill it in seconds.
const GROWTH: u64 = 96 * 1024;

/// X-13, O-22: every trouble at once, each at a provider of its own, and people who have to do with none of them.
#[test]
fn a_provider_in_trouble_ends_its_own_callbacks_in_time_and_no_others_on_sqlite() {
    survive_the_providers(&Backend::Sqlite);
}

/// X-13, O-22
#[test]
fn a_provider_in_trouble_ends_its_own_callbacks_in_time_and_no_others_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        survive_the_providers(&backend);
    }
}

/// A provider with its name, and what is wrong with it.
struct Case {
    name: String,
    provider: IdentityProvider,
    endpoint: Endpoint,
    trouble: Trouble,
}

impl Case {
    fn new(name: String, endpoint: Endpoint, trouble: Trouble) -> Self {
        Self { name, provider: IdentityProvider::start(), endpoint, trouble }
    }

    /// Whom it says who signs in by it; each its own, so that nobody joins another.
    fn set_user(&self, user: fn(&str, &str) -> serde_json::Value) {
        self.provider.set_user(user("7", &format!("{}@example.org", self.name)));
    }
}

fn survive_the_providers(backend: &Backend) {
    let database = TestDatabase::new(backend);
    let (bait, well) = (IdentityProvider::start(), IdentityProvider::start());
    let issuer_cases = issuer_cases(&bait.url());
    let plain_cases = plain_cases();
    let mut named: Vec<(&str, &IdentityProvider)> =
        issuer_cases.iter().map(|case| (&*case.name, &case.provider)).collect();
    named.push(("well", &well));
    // No breaker steps in.
    let launch = issuers(Launch::on(&database), &named).set("AUTH_BREAKER_FAILURES", "1000");
    let launch = plain_cases.iter().fold(launch, |launch, case| built_in(launch, &case.name, &case.provider));
    let server = launch.start();
    let cases: Vec<&Case> = issuer_cases.iter().chain(&plain_cases).collect();
    let caller = server.caller();
    caller.registered("person0@example.org");

    let before = server.peak_kib();
    let returning = end_all(caller, &cases, &well);
    let after = server.peak_kib();
    assert!(after < before + GROWTH, "the server has grown from {before} KiB to {after} KiB");
    assert!(bait.requests().is_empty(), "a redirect was followed: {:?}", bait.requests());
    // The healthy one's user and the registered one; nothing came of anything else.
    let count = |rows: &str| sql::number(&database.url, &format!("count(*) FROM {rows}"));
    assert_eq!((count("users"), count("oauth_accounts")), (2, 1));
    for (case, returning) in cases.iter().zip(&returning) {
        check_calls(case);
        assert_refused(&returning.finish(caller).unwrap(), 400, "oauth_state_invalid");
    }
    for case in &cases {
        case.provider.misbehave(case.endpoint, Trouble::Normal);
        // Keys that could not be fetched aren't asked for again at once.
        until(&format!("{} is well", case.name), || sign_in(caller, &case.name, &case.provider).status == 200);
    }
}

/// Each trouble at the token endpoint, and at the keys.
fn issuer_cases(elsewhere: &str) -> Vec<Case> {
    let page = || Trouble::Body { status: 200, content_type: "text/html", body: "<html>".to_owned() };
    let troubles = || {
        [
            Trouble::Hang,
            Trouble::Drip,
            Trouble::Endless,
            Trouble::Large(20 * 1024 * 1024),
            Trouble::Close,
            Trouble::Status(503),
            Trouble::Redirect(format!("{elsewhere}/token")),
            page(),
        ]
    };
    let case = |(endpoint, word): (Endpoint, &'static str)| {
        troubles().into_iter().enumerate().map(move |(number, trouble)| {
            let case = Case::new(format!("{word}{number}"), endpoint, trouble);
            case.set_user(people::openid);
            case
        })
    };
    [(Endpoint::Token, "token"), (Endpoint::Jwks, "keys")].into_iter().flat_map(case).collect()
}

/// What comes after the token.
fn plain_cases() -> Vec<Case> {
    let google = Case::new("google".to_owned(), Endpoint::Userinfo, Trouble::Hang);
    google.set_user(people::google);
    let discord = Case::new("discord".to_owned(), Endpoint::Userinfo, Trouble::Drip);
    discord.set_user(people::discord);
    let github = Case::new("github".to_owned(), Endpoint::Emails, Trouble::Endless);
    github.provider.set_user(people::github(7));
    github.provider.set_emails(people::github_emails("github@example.org"));
    vec![google, discord, github]
}

/// Everybody comes back at the same time, to providers that have begun to misbehave meanwhile.
fn end_all(caller: Caller, cases: &[&Case], well: &IdentityProvider) -> Vec<Returning> {
    let approve = |case: &&Case| begin(caller, &case.name).approve(&case.provider);
    let returning: Vec<Returning> = cases.iter().map(approve).collect();
    for case in cases {
        case.provider.forget_requests();
        case.provider.misbehave(case.endpoint, case.trouble.clone());
    }
    thread::scope(|scope| {
        for (case, returning) in cases.iter().zip(&returning) {
            scope.spawn(move || {
                let what = format!("{:?} {:?}", case.endpoint, case.trouble);
                let begin = Instant::now();
                let answer = returning.finish(caller).unwrap_or_else(|| panic!("no answer: {what}"));
                assert_eq!((answer.status, &*answer.error_code()), (502, "provider_error"), "{what}: {answer:?}");
                assert!(begin.elapsed() < AT_MOST, "{what} took {:?}", begin.elapsed());
            });
        }
        scope.spawn(|| assert_eq!(sign_in(caller, "well", well).status, 200));
        scope.spawn(|| assert_eq!(caller.log_in("person0@example.org").unwrap().status, 200));
    });
    returning
}

/// Nobody has tried again.
fn check_calls(case: &Case) {
    let at_most = |endpoint| usize::from(endpoint == Endpoint::Token || endpoint == case.endpoint);
    for endpoint in [Endpoint::Discovery, Endpoint::Token, Endpoint::Jwks, Endpoint::Emails] {
        let count = case.provider.count(endpoint);
        assert!(count <= at_most(endpoint), "{}: {endpoint:?} was asked {count} times", case.name);
    }
    assert_eq!(case.provider.count(Endpoint::Token), 1, "{}", case.name);
}

/// without metadata nobody knows where to send a browser, and that is told in time, too.
#[test]
fn a_start_at_an_issuer_that_cannot_be_read_ends_in_time() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let troubles = [Trouble::Hang, Trouble::Drip, Trouble::Endless, Trouble::Close, Trouble::Status(500)];
    let numbered = troubles.into_iter().enumerate();
    let cases: Vec<Case> =
        numbered.map(|(number, trouble)| Case::new(format!("issuer{number}"), Endpoint::Discovery, trouble)).collect();
    let named: Vec<_> = cases.iter().map(|case| (&*case.name, &case.provider)).collect();
    let server = issuers(Launch::on(&database), &named).start();
    let caller = server.caller();
    thread::scope(|scope| {
        for case in &cases {
            scope.spawn(move || {
                case.provider.misbehave(Endpoint::Discovery, case.trouble.clone());
                let began = Instant::now();
                let answers = [start(caller, &case.name), start(caller, &case.name)];
                for answer in answers {
                    assert_refused(&answer.expect("an answer"), 502, "provider_error");
                }
                assert!(began.elapsed() < AT_MOST, "{:?} took {:?}", case.trouble, began.elapsed());
                assert_eq!(case.provider.count(Endpoint::Discovery), 1, "{:?}", case.trouble);
                case.provider.misbehave(Endpoint::Discovery, Trouble::Normal);
                until("the issuer is read", || start(caller, &case.name).unwrap().status == 302);
            });
        }
    });
}
