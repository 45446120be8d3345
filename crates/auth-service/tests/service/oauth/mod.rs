//! Signing in with other providers, and linking their accounts (REQ-30 to REQ-35; sections 2.F and 2.G of the security
//! reference). What each case has to come to is told by `docs/oauth.md`.

mod at_rest;
mod code_events;
mod codes;
mod decisions;
mod faults;
mod first_sign_ins;
mod flows;
mod identities;
mod late_links;
mod link_flows;
mod link_races;
mod links;
mod moved_addresses;
mod moved_issuers;
mod policies;
mod pre_hijacking;
mod redirects;
mod second_factor;
mod sessions;
mod unlinking;

use auth_core::{ErrorCode, UserId};
use auth_service::{OAuthFlowError, Step};
use serde_json::json;

use crate::bed::federation::{CORP, GOOGLE, Person};
use crate::bed::{Account, Bed, Instance, tokens};

const ADA: &str = "ada@example.org";
const BOB: &str = "bob@example.org";

/// Ada as Google knows her, with an address that it has verified.
const ADA_AT_GOOGLE: Person<'_> = Person::at(GOOGLE, "g-ada", ADA);
const ADA_AT_CORP: Person<'_> = Person::at(CORP, "c-ada", ADA);

/// Somebody whose address is not told, so that nothing but the subject says who it is.
const NOBODY_AT_GOOGLE: Person<'_> = Person::nameless(GOOGLE, "g-nobody");

/// Why it was refused.
#[track_caller]
fn refusal<T>(result: Result<T, OAuthFlowError>) -> ErrorCode {
    result.err().expect("it was not refused").code()
}

#[track_caller]
fn entered(step: Result<Step, ErrorCode>) -> Account {
    Instance::account(&tokens(step.unwrap()))
}

/// Every row of every table, but for the audit trail.
fn rows(bed: &Bed) -> Vec<String> {
    let mut rows: Vec<String> = bed.dump().lines().map(str::to_owned).collect();
    rows.retain(|row| !row.starts_with("audit_events: "));
    rows.sort();
    rows
}

/// The names of a user's audit events, in alphabetical order.
fn events(bed: &Bed, user: UserId) -> Vec<String> {
    let mut events: Vec<String> = bed.trail(user).into_iter().map(|row| row.event).collect();
    events.sort();
    events
}

/// Whether the one sign-in that failed as `user` is on record, by `provider` and for this reason.
#[track_caller]
fn assert_refusal_on_record(bed: &Bed, user: UserId, provider: &str, reason: ErrorCode) {
    let failed: Vec<_> = bed.trail(user).into_iter().filter(|row| row.event == "login.failed").collect();
    let [row] = failed.as_slice() else { panic!("{failed:?}") };
    assert_eq!(row.details, json!({ "provider": provider, "reason": reason.as_str() }));
    assert_eq!((row.outcome.as_str(), row.actor_id), ("failure", None), "who did it is not known");
}
