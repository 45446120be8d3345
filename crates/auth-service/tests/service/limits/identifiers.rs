//! Which spellings of a name share a count (L-08).

use std::time::Duration;

use super::{MINUTE, NO, SECOND, Said, WRONG, at};
use crate::bed::{Bed, Instance, PASSWORD, on_both_databases};

on_both_databases! {
    spellings_of_an_address_share_a_count,
    spellings_of_a_username_share_a_count,
    names_of_two_accounts_share_none,
}

const LATER: Said = Said::Later("login_account", Duration::from_secs(90));

/// Ten wrong passwords by turns for all of `spellings`, from as many addresses; then each is refused.
#[track_caller]
fn assert_shared(service: &Instance, spellings: &[&str]) {
    for (spelling, number) in spellings.iter().cycle().zip(0..10) {
        assert_eq!(service.log_in_from(&at(number), spelling, WRONG), NO, "{spelling:?}");
    }
    for (spelling, number) in spellings.iter().zip(100..) {
        assert_eq!(service.log_in_from(&at(number), spelling, PASSWORD), LATER, "{spelling:?}");
    }
}

fn spellings_of_an_address_share_a_count(bed: &Bed) {
    let service = bed.limited();
    let ada = service.register("Ada@Bücher.example").user;
    let spellings = [
        "Ada@Bücher.example",
        " ada@bücher.example\t",
        "ADA@XN--BCHER-KVA.EXAMPLE",
        "ada@bu\u{308}cher.example",
        "ada@ｂücher.ｅxample",
        "ada@bücher。example",
        "ada+x@bücher.example",
        "Ada+News+2026@bücher.example",
        "ada+@bücher.example",
    ];
    assert_shared(&service, &spellings);
    assert_eq!(service.log_in_from(&at(200), "ada@bücher.example.", PASSWORD), NO, "a dot at the end is no address");
    bed.clock().advance(15 * MINUTE);
    for spelling in &spellings[..6] {
        assert_eq!(service.log_in(spelling).user, ada, "{spelling:?}");
    }
}

fn spellings_of_a_username_share_a_count(bed: &Bed) {
    let service = bed.limited();
    let user = service.register_named("ada@example.org", "Zoë_9").user;
    let spellings = ["Zoë_9", "zoë_9", "ZOE\u{308}_9", " zoë_9 ", "ｚoë_９"];
    assert_shared(&service, &spellings);
    bed.clock().advance(15 * MINUTE);
    for spelling in spellings {
        let found = service.log_in_on(&at(1), None, spelling, PASSWORD).map(|step| crate::bed::tokens(step).user.id);
        assert!(found.is_ok_and(|id| id == user) || spelling.contains(' '), "{spelling:?}");
    }
}

fn names_of_two_accounts_share_none(bed: &Bed) {
    let service = bed.limited();
    service.register_named("ada@example.org", "ada");
    service.exhaust("ada@example.org");
    let others = ["ada", "ada@example.com", "ada.x@example.org", "+ada@example.org", "bda@example.org", "nobody"];
    for (name, number) in others.into_iter().zip(0..) {
        assert_eq!(service.log_in_from(&at(number), name, WRONG), NO, "{name}");
    }
    bed.clock().advance(90 * SECOND);
    assert_eq!(service.log_in_from(&at(30), "ada@example.org", PASSWORD), Said::Yes);
}
