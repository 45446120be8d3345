//! Invariant 2: where the client breaks one rule of its contract, a revocation is found. If it were not, the tests of
//! the honest client would prove nothing.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::client::{Bounds, Contract, Write};
use super::schedule::{At, Step, forgetful, honest};
use super::stage::Stage;
use super::world::World;
use crate::bed::{Bed, on_both_databases};

on_both_databases! {
    a_grace_not_longer_than_time_out_delay_and_skew_together_signs_an_honest_client_out,
    a_clock_difference_counts_against_the_grace,
    an_answer_taken_after_the_time_out_signs_the_client_out,
    tabs_with_stores_of_their_own_sign_each_other_out,
    a_token_used_before_it_is_durable_signs_the_client_out,
    a_request_executed_late_signs_the_client_out,
    an_unchanged_token_written_over_a_newer_one_signs_the_client_out,
}

const KEPT: Bounds = Bounds { timeout: 1, delay: 1, skew: 0, grace: 3 };

fn send(tab: u8) -> Step {
    Step::Send(tab)
}

fn handle(request: u8) -> Step {
    Step::Handle { request, at: At::A, copied: false }
}

/// Uses the newest access token, and writes the mark.
fn show(tokens_before: u8) -> [Step; 2] {
    [Step::Use { token: tokens_before, at: At::A }, Step::Flush(At::A)]
}

fn is_revoked(bed: &Bed, bounds: Bounds, contract: Contract, steps: &[Step]) -> bool {
    let stages = Stage::for_each(bed, &[bounds]);
    let mut world = World::new(&stages[0], contract);
    world.run(steps);
    if world.is_revoked() {
        world.assert_dead();
    }
    world.is_revoked()
}

/// p -> c; tab 2 reads p just before the answer arrives; tab 1 uses c; the request of tab 2 is handled at the grace's
/// end. Invariant 2, T + D + S >= G.
fn a_grace_not_longer_than_time_out_delay_and_skew_together_signs_an_honest_client_out(bed: &Bed) {
    let mut steps = vec![send(0), handle(0), Step::Tick, send(1), Step::Receive(0)];
    steps.extend(show(1));
    steps.extend([Step::Tick, handle(0)]);
    assert!(!is_revoked(bed, KEPT, Contract::HONEST, &steps));
    assert!(is_revoked(bed, Bounds { grace: 2, ..KEPT }, Contract::HONEST, &steps));
}

/// The same, by the clock of an instance that is ahead. Invariant 2, T + D + S >= G.
fn a_clock_difference_counts_against_the_grace(bed: &Bed) {
    let bounds = Bounds { timeout: 1, delay: 0, skew: 1, grace: 3 };
    let mut steps = vec![send(0), handle(0), Step::Tick, send(1), Step::Receive(0)];
    steps.extend(show(1));
    steps.push(Step::Handle { request: 0, at: At::B, copied: false });
    assert!(!is_revoked(bed, bounds, Contract::HONEST, &steps));
    assert!(is_revoked(bed, Bounds { grace: 2, ..bounds }, Contract::HONEST, &steps));
}

/// p -> c, the answer is slow; after the grace tab 2 sends p, gets d by a skip and uses it; then c arrives, overwrites d
/// and is sent. Invariant 2, T + D + S >= G.
fn an_answer_taken_after_the_time_out_signs_the_client_out(bed: &Bed) {
    let mut steps = vec![send(0), handle(0)];
    steps.extend([Step::Tick; 4]);
    steps.extend([send(1), handle(0), Step::Receive(1)]);
    steps.extend(show(1));
    steps.push(Step::Receive(0));
    steps.extend([Step::Tick; 4]);
    steps.extend([send(0), handle(0)]);
    assert!(!is_revoked(bed, KEPT, Contract::HONEST, &steps));
    assert!(is_revoked(bed, Bounds { timeout: 9, grace: 4, ..KEPT }, Contract::HONEST, &steps));
}

/// Tab 1 uses c; tab 2 wakes with p. Invariant 2, rule 1.
fn tabs_with_stores_of_their_own_sign_each_other_out(bed: &Bed) {
    let mut steps = vec![send(0), handle(0), Step::Receive(0)];
    steps.extend(show(1));
    steps.extend([Step::Tick; 3]);
    steps.extend([send(1), handle(0)]);
    assert!(!is_revoked(bed, KEPT, Contract::HONEST, &steps));
    assert!(is_revoked(bed, KEPT, Contract { shared: false, ..Contract::HONEST }, &steps));
}

/// c is seen, the client crashes and restarts with p. Invariant 2, rule 2 (and rule 7: an older store brought back).
fn a_token_used_before_it_is_durable_signs_the_client_out(bed: &Bed) {
    let mut steps = vec![send(0), handle(0), Step::Receive(0)];
    steps.extend(show(1));
    steps.extend([Step::Tick; 3]);
    steps.extend([Step::Crash, send(0), handle(0)]);
    assert!(!is_revoked(bed, KEPT, Contract::HONEST, &steps));
    assert!(is_revoked(bed, KEPT, Contract { durable: false, ..Contract::HONEST }, &steps));
}

/// Send p, reload, send p -> c, use c; the first p is handled long after. Invariant 2, rule 6.
fn a_request_executed_late_signs_the_client_out(bed: &Bed) {
    let mut steps = vec![send(0), Step::GiveUp(0), send(0), handle(1), Step::Receive(0)];
    steps.extend(show(1));
    steps.extend([Step::Tick; 3]);
    steps.push(handle(0));
    assert!(!is_revoked(bed, KEPT, Contract::HONEST, &steps));
    assert!(is_revoked(bed, KEPT, Contract { in_time: false, ..Contract::HONEST }, &steps));
}

/// At the edge of the quiet time tab 1 gets "c again", tab 2 gets d and uses it; the answer of tab 1 arrives last. Rule 4.
fn an_unchanged_token_written_over_a_newer_one_signs_the_client_out(bed: &Bed) {
    let mut steps = vec![send(0), handle(0), Step::Receive(0), Step::Tick, Step::Tick];
    steps.extend([send(0), handle(0), Step::Tick, send(1), handle(0), Step::Receive(1)]);
    steps.extend(show(2));
    steps.push(Step::Receive(0));
    steps.extend([Step::Tick; 3]);
    steps.extend([send(0), handle(0)]);
    assert!(!is_revoked(bed, KEPT, Contract::HONEST, &steps));
    assert!(is_revoked(bed, KEPT, Contract { write: Write::LastWinsAlways, ..Contract::HONEST }, &steps));
}

/// Invariant 2: the random schedules that never sign an honest client out do so soon for each broken rule.
#[test]
fn random_schedules_find_every_broken_rule() {
    let bed = Bed::sqlite();
    let short = Bounds { timeout: 2, delay: 2, ..KEPT };
    let cases = [
        ("T + D + S >= G", short, Contract::HONEST, honest().boxed()),
        ("unshared store", KEPT, Contract { shared: false, ..Contract::HONEST }, honest().boxed()),
        ("use before persist", KEPT, Contract { durable: false, ..Contract::HONEST }, forgetful().boxed()),
        ("late execution", KEPT, Contract { in_time: false, ..Contract::HONEST }, honest().boxed()),
    ];
    for (rule, bounds, contract, schedules) in cases {
        let found = search(&bed, bounds, contract, &schedules);
        assert!(found.is_some(), "no schedule found that a client without this rule fails: {rule}");
    }
}

/// The number of schedules tried until one signed the client out; always the same ones.
fn search(bed: &Bed, bounds: Bounds, contract: Contract, schedules: &BoxedStrategy<Vec<Step>>) -> Option<u32> {
    let stages = Stage::for_each(bed, &[bounds]);
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (1..=300).find(|_| {
        let steps = schedules.new_tree(&mut runner).unwrap().current();
        let mut world = World::new(&stages[0], contract);
        world.run(&steps);
        world.is_revoked()
    })
}
