//! Invariant 8: an owner and a thief can't both go on.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::client::{Bounds, Contract};
use super::schedule::{At, Step, config, with_thief};
use super::stage::Stage;
use super::world::World;
use crate::bed::{Bed, on_both_databases};

on_both_databases! {
    a_stolen_token_ends_the_session_after_at_most_five_changes_of_hands,
}

const BOUNDS: [Bounds; 2] =
    [Bounds { timeout: 1, delay: 1, skew: 0, grace: 3 }, Bounds { timeout: 1, delay: 1, skew: 1, grace: 4 }];

/// When marks of met access tokens are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    AtOnce,
    AtAnyTime,
    Never,
}

/// REQ-11, R-02, invariants 6, 8 and 10 of `docs/tokens.md`.
fn a_stolen_token_ends_the_session_after_at_most_five_changes_of_hands(bed: &Bed) {
    let stages = Stage::for_each(bed, &BOUNDS);
    let cases = if bed.is_postgres() { 24 } else { 90 };
    let seen = prop::sample::select(&[Seen::AtOnce, Seen::AtAnyTime, Seen::Never]);
    let schedules = (0..BOUNDS.len(), seen, 1..=2_usize, with_thief());
    let result = TestRunner::new(config(cases)).run(&schedules, |(bounds, seen, tabs, steps)| {
        end(&stages[bounds], Contract { tabs, ..Contract::HONEST }, seen, &steps);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

fn end(stage: &Stage<'_>, contract: Contract, seen: Seen, steps: &[Step]) {
    let mut world = World::new(stage, contract);
    for step in steps {
        world.run(&[*step]);
        match (step, seen) {
            (Step::Use { at, .. } | Step::ThiefUse { at, .. }, Seen::AtOnce) => world.run(&[Step::Flush(*at)]),
            (Step::Use { at, .. } | Step::ThiefUse { at, .. }, Seen::Never) => stage.restart(*at),
            _ => {}
        }
    }
    take_turns(&mut world, stage.bounds.grace + stage.bounds.skew);
    assert!(world.is_revoked(), "8: owner and thief both went on");
    assert!(world.changes_of_hands <= 5, "8: {} changes of hands", world.changes_of_hands);
    world.assert_dead();
}

/// Both go on refreshing, each `apart` ticks from the other.
fn take_turns(world: &mut World<'_>, apart: u32) {
    for turn in 0..16 {
        for _ in 0..=apart {
            world.run(&[Step::Tick]);
        }
        if turn % 2 == 0 {
            // The newest token is the second of the two that the thief chooses from, once there are two.
            let token = u8::from(world.loot.len() > 1);
            world.run(&[Step::ThiefRefresh { token, at: At::A }]);
        } else {
            let handled = Step::Handle { request: 0, at: At::B, copied: false };
            world.run(&[Step::Send(0), handled, Step::Receive(0)]);
        }
    }
}
