//! What may happen, and random sequences of it.

use proptest::prelude::*;
use proptest::test_runner::Config;

/// One of the two instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    A,
    B,
}

/// Chooses the newest of what is there.
pub(super) const NEWEST: u8 = u8::MAX;

/// One thing that happens. Numbers choose among what is there at that moment, modulo how many there are ([`NEWEST`] apart);
/// where nothing is, nothing happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A tick of time.
    Tick,
    /// A tab reads its token and sends it.
    Send(u8),
    /// A request is handled; a copy of it may stay on its way.
    Handle {
        request: u8,
        at: At,
        copied: bool,
    },
    /// An answer reaches its tab.
    Receive(u8),
    LoseRequest(u8),
    /// Also a server that crashes between commit and answer.
    LoseAnswer(u8),
    /// A tab gives up, or is reloaded.
    GiveUp(u8),
    /// The client uses an access token that it holds, which leaves a mark in an instance.
    Use {
        token: u8,
        at: At,
    },
    /// An instance writes its marks.
    Flush(At),
    /// An instance is started anew, and the marks that it had not written are gone.
    Restart(At),
    /// The client's memory reaches its disk.
    Persist,
    /// The client starts anew from its disk.
    Crash,
    /// The thief copies one token: of those that the client knows, or the current one.
    Steal(u8),
    /// The thief refreshes.
    ThiefRefresh {
        token: u8,
        at: At,
    },
    ThiefUse {
        token: u8,
        at: At,
    },
}

fn at() -> impl Strategy<Value = At> {
    prop_oneof![Just(At::A), Just(At::B)]
}

fn one_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Tick),
        5 => any::<u8>().prop_map(Step::Send),
        7 => (any::<u8>(), at(), prop::bool::weighted(0.2))
            .prop_map(|(request, at, copied)| Step::Handle { request, at, copied }),
        4 => any::<u8>().prop_map(Step::Receive),
        1 => any::<u8>().prop_map(Step::LoseRequest),
        1 => any::<u8>().prop_map(Step::LoseAnswer),
        2 => any::<u8>().prop_map(Step::GiveUp),
        1 => (any::<u8>(), at()).prop_map(|(token, at)| Step::Use { token, at }),
        1 => at().prop_map(Step::Flush),
    ]
}

/// A step, or several that belong together when nothing goes wrong: without them, little would be reached.
fn of_a_client() -> impl Strategy<Value = Vec<Step>> {
    let asked = (any::<u8>(), at())
        .prop_map(|(tab, at)| vec![Step::Send(tab), Step::Handle { request: NEWEST, at, copied: false }]);
    let shown = at().prop_map(|at| vec![Step::Receive(NEWEST), Step::Use { token: NEWEST, at }, Step::Flush(at)]);
    prop_oneof![10 => one_step().prop_map(|step| vec![step]), 1 => asked, 1 => shown]
}

fn many(
    steps: impl Strategy<Value = Vec<Step>>,
    count: impl Into<prop::collection::SizeRange>,
) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(steps, count).prop_map(|all| all.concat())
}

fn sometimes(steps: impl Strategy<Value = Step>) -> impl Strategy<Value = Vec<Step>> {
    steps.prop_map(|step| vec![step])
}

/// What an honest client, the network and the instances do.
pub(super) fn honest() -> impl Strategy<Value = Vec<Step>> {
    many(prop_oneof![60 => of_a_client(), 1 => sometimes(at().prop_map(Step::Restart))], 20..70)
}

/// The same, with a client that keeps its tokens in memory for a while.
pub(super) fn forgetful() -> impl Strategy<Value = Vec<Step>> {
    let memory = prop_oneof![Just(Step::Persist), Just(Step::Crash)];
    many(prop_oneof![7 => of_a_client(), 1 => sometimes(memory)], 20..70)
}

/// The same with a thief, who copies once.
pub(super) fn with_thief() -> impl Strategy<Value = Vec<Step>> {
    let thief = prop_oneof![
        3 => (any::<u8>(), at()).prop_map(|(token, at)| Step::ThiefRefresh { token, at }),
        1 => (any::<u8>(), at()).prop_map(|(token, at)| Step::ThiefUse { token, at }),
    ];
    let after = many(prop_oneof![5 => of_a_client(), 1 => sometimes(thief)], 10..60);
    (many(of_a_client(), 0..25), any::<u8>(), after).prop_map(|(mut steps, stolen, after)| {
        steps.push(Step::Steal(stolen));
        steps.extend(after);
        steps
    })
}

/// `cases`, unless `PROPTEST_CASES` asks for another number. A failure is printed, not written into the tree.
pub(super) fn config(cases: u32) -> Config {
    let default = Config { failure_persistence: None, max_shrink_iters: 5000, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { default } else { Config { cases, ..default } }
}
