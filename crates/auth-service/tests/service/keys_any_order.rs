//! Two instances that read the keys, rotate them, and give out and check tokens in any order (REQ-15, X-28).

use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    AccessGrant, AuthSecret, Clock as _, OsRandom, Role, SecretRing, SessionId, SigningAlgorithm, Timestamp, UserId,
};
use auth_service::{KeyKeeper, Urgency};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::bed::records::unverified_claims;
use crate::bed::{Bed, Instance, SECRET, on_both_databases};
use crate::keys::keep;

on_both_databases! {
    no_token_that_is_within_its_life_is_refused_in_any_order,
}

/// An instance that serves has read the keys less than this ago: less than a successor is published ahead. Really it is
/// a second; one that was paused for longer reads them before it serves again.
const STALE: Duration = Duration::from_mins(14);

/// For longer than this none is paused.
const PAUSED: Duration = Duration::from_hours(48);

#[derive(Clone, Copy, Debug)]
enum Act {
    /// An instance gives out a token.
    Issue(usize),
    /// An instance checks every token that there is.
    Verify(usize),
    /// An instance reads the keys, and makes a successor if it is due.
    Read(usize),
    /// The command line has a successor made.
    Rotate,
    /// Time passes.
    Pass(Duration),
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    life: Duration,
    access_lifetime: Duration,
    /// Of the second instance; the first one has `EdDSA`.
    algorithm: SigningAlgorithm,
}

fn settings() -> impl Strategy<Value = Settings> {
    use SigningAlgorithm::{EdDsa, Es256, Hs256};
    let lives = (1_u64..=120, prop_oneof![Just(15_u64), Just(60), Just(24 * 60), Just(24 * 60)]);
    (lives, prop_oneof![4 => Just(EdDsa), 1 => Just(Hs256), 1 => Just(Es256)]).prop_map(
        |((life, access), algorithm)| Settings {
            life: Duration::from_hours(life),
            access_lifetime: Duration::from_mins(access),
            algorithm,
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    // As long as a successor waits, as the longest token lives, and anything else.
    let time = prop_oneof![
        3 => Just(14 * 60 + 59_u64),
        2 => Just(24 * 3600 - 600_u64),
        4 => 0..15 * 60_u64,
        3 => 0..30 * 3600_u64,
    ];
    prop_oneof![
        5 => (0..2_usize).prop_map(Act::Issue),
        5 => (0..2_usize).prop_map(Act::Verify),
        4 => (0..2_usize).prop_map(Act::Read),
        2 => Just(Act::Rotate),
        6 => time.prop_map(|seconds| Act::Pass(Duration::from_secs(seconds))),
    ]
}

struct World<'a> {
    bed: &'a Bed,
    instances: [Instance; 2],
    read_at: [Timestamp; 2],
    keeper: KeyKeeper,
    tokens: Vec<String>,
}

impl<'a> World<'a> {
    fn new(bed: &'a Bed, settings: Settings) -> Self {
        for table in ["signing_keys", "audit_events"] {
            bed.execute(&format!("DELETE FROM {table}"));
        }
        let start = |algorithm| {
            bed.service_with(|config| {
                config.signing_algorithm = algorithm;
                config.signing_key_life = settings.life;
                config.access_lifetime = settings.access_lifetime;
            })
        };
        let instances = [start(SigningAlgorithm::EdDsa), start(settings.algorithm)];
        let secrets = SecretRing::new(&AuthSecret::new(SECRET).unwrap(), None);
        let database = instances[0].database.clone();
        let clock = Arc::clone(bed.clock()) as _;
        let keeper = KeyKeeper::new(database, secrets, SigningAlgorithm::EdDsa, clock, Arc::new(OsRandom));
        let mut world = Self { bed, instances, read_at: [Timestamp::UNIX_EPOCH; 2], keeper, tokens: Vec::new() };
        world.read(0);
        world.read(1);
        world
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Issue(number) => self.issue(number),
            Act::Verify(number) => self.verify(number),
            Act::Read(number) => self.read(number),
            Act::Rotate => drop(self.keeper.rotate(Urgency::Planned).unwrap()),
            Act::Pass(time) => self.pass(time),
        }
    }

    fn pass(&mut self, time: Duration) {
        self.bed.clock().advance(time);
        for number in 0..2 {
            self.read_if_older(number, PAUSED);
        }
    }

    fn read(&mut self, number: usize) {
        keep(&self.instances[number]);
        self.read_at[number] = self.bed.clock().now();
    }

    fn read_if_older(&mut self, number: usize, age: Duration) {
        if self.bed.clock().now().saturating_since(self.read_at[number]) >= age {
            self.read(number);
        }
    }

    fn issue(&mut self, number: usize) {
        self.read_if_older(number, STALE);
        let now = self.bed.clock().now();
        let grant = AccessGrant {
            user_id: UserId::new(now, &OsRandom),
            session_id: SessionId::new(now, &OsRandom),
            generation: 1,
            epoch: 0,
            role: Role::User,
            amr: &["pwd".to_owned()],
            auth_time: now,
            session_expires_at: now.plus(Duration::from_hours(30 * 24)),
            premium_until: None,
        };
        let issued = self.instances[number].service.access_tokens().issue(&grant, &OsRandom).unwrap();
        self.tokens.push(issued.token.expose().to_owned());
    }

    fn verify(&mut self, number: usize) {
        self.read_if_older(number, STALE);
        let now = self.bed.clock().now();
        let alive = |token: &String| now.as_seconds() < unverified_claims(token)["exp"].as_i64().unwrap();
        self.tokens.retain(alive);
        for token in &self.tokens {
            let verified = self.instances[number].verify(token);
            assert!(verified.is_ok(), "{verified:?} by {number}: {}", crate::keys::header(token));
        }
    }
}

fn no_token_that_is_within_its_life_is_refused_in_any_order(bed: &Bed) {
    let default = Config { failure_persistence: None, max_shrink_iters: 5000, ..Config::default() };
    let usual = Config { cases: if bed.is_postgres() { 24 } else { 96 }, ..default.clone() };
    let config = if std::env::var_os("PROPTEST_CASES").is_some() { default } else { usual };
    let schedule = (settings(), prop::collection::vec(act(), 40..100));
    let run = |(settings, acts): (Settings, Vec<Act>)| {
        let mut world = World::new(bed, settings);
        for act in acts {
            world.act(act);
        }
        world.verify(0);
        world.verify(1);
        Ok(())
    };
    TestRunner::new(config).run(&schedule, run).unwrap_or_else(|error| panic!("{error}"));
}
