//! Invariants 1, 3, 4, 5, 6, 9 and 10: a client that keeps the contract is never signed out, whatever happens.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::client::{Bounds, Contract, Write};
use super::schedule::{At, Step, config, honest};
use super::stage::Stage;
use super::watch::Met;
use super::world::World;
use crate::bed::{Bed, on_both_databases};

on_both_databases! {
    an_honest_client_is_never_signed_out_and_always_gets_through,
}

/// Each with the least grace that the contract allows: T + D + S < G.
const BOUNDS: [Bounds; 4] = [
    Bounds { timeout: 0, delay: 0, skew: 0, grace: 1 },
    Bounds { timeout: 1, delay: 1, skew: 1, grace: 4 },
    Bounds { timeout: 2, delay: 1, skew: 0, grace: 4 },
    Bounds { timeout: 2, delay: 2, skew: 1, grace: 6 },
];

const WRITES: [Write; 3] = [Write::LastWins, Write::CompareAndSwap, Write::Newest];

/// How many batches of schedules there are at most.
const BATCHES: usize = 8;

/// REQ-11, invariants 1, 3, 4, 5, 6, 9, 10 of `docs/tokens.md`.
fn an_honest_client_is_never_signed_out_and_always_gets_through(bed: &Bed) {
    let stages = Stage::for_each(bed, &BOUNDS);
    let cases = if bed.is_postgres() { 40 } else { 160 };
    let schedules = (0..BOUNDS.len(), prop::sample::select(&WRITES), 1..=2_usize, any::<bool>(), honest());
    let met = std::cell::Cell::new(Met::default());
    // A row that few schedules reach may be missed by one batch of them: then there are more, up to a bound.
    for _ in 0..BATCHES {
        let result = TestRunner::new(config(cases)).run(&schedules, |(bounds, write, tabs, finish_at_a, steps)| {
            let contract = Contract { tabs, write, ..Contract::HONEST };
            let finish = if finish_at_a { At::A } else { At::B };
            met.set(sum(met.get(), live(&stages[bounds], contract, &steps, finish)));
            Ok(())
        });
        if let Err(failure) = result {
            panic!("{failure}");
        }
        if kinds(met.get()).iter().all(|kind| *kind > 0) {
            return;
        }
    }
    panic!("the schedules miss a row of the table: {:?}", met.get());
}

fn kinds(met: Met) -> [u32; 5] {
    [met.rotations, met.skips, met.repeats, met.hand_outs, met.waits]
}

fn live(stage: &Stage<'_>, contract: Contract, steps: &[Step], finish: At) -> Met {
    let mut world = World::new(stage, contract);
    world.run(steps);
    assert!(!world.is_revoked(), "1: an honest client was signed out");
    let waited = world.get_through(finish).expect("1: an honest client gets through");
    assert!(waited <= stage.bounds.grace, "1: it waited for {waited} ticks");
    world.assert_one_session();
    world.met()
}

fn sum(one: Met, other: Met) -> Met {
    Met {
        rotations: one.rotations + other.rotations,
        skips: one.skips + other.skips,
        repeats: one.repeats + other.repeats,
        hand_outs: one.hand_outs + other.hand_outs,
        waits: one.waits + other.waits,
    }
}
