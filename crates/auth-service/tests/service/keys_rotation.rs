//! Signing keys that follow each other by age, on several instances (REQ-15, T-23, X-28).

use std::collections::BTreeSet;
use std::time::Duration;

use auth_core::{AccessTokenError, Clock as _, SigningAlgorithm, Timestamp};
use auth_service::ServiceConfig;
use serde_json::Value;

use crate::bed::{Bed, Instance, Setup, block_on, on_both_databases, together};
use crate::keys::{another, header, keep, kid_of};

on_both_databases! {
    a_successor_is_published_before_it_signs_for_longer_than_the_key_set_may_be_cached,
    instances_that_look_at_the_same_moment_make_one_successor,
    instances_with_different_lives_agree,
    the_old_key_verifies_until_its_last_token_is_dead_and_then_not,
    an_instance_that_has_not_read_the_keys_is_good_for_everybody,
    while_the_keys_cannot_be_read_the_ring_stays_and_the_successor_still_takes_over,
    the_key_set_of_every_moment_is_public,
    a_key_of_another_algorithm_is_known_to_instances_that_run,
    a_private_key_is_deleted_a_week_after_its_end,
    a_rotation_is_in_the_audit_trail_and_concerns_nobody,
    a_start_takes_the_key_that_signs_now,
}

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const LIFE: Duration = Duration::from_hours(90 * 24);
const TICK: Duration = Duration::from_micros(1);

/// How long the key set may be cached (`Cache-Control` of `/.well-known/jwks.json`).
const CACHED: Duration = Duration::from_mins(5);

/// How long before it signs a key is published.
const AHEAD: Duration = Duration::from_mins(15);

/// The names of the published keys.
fn published(instance: &Instance) -> BTreeSet<String> {
    let set: Value = serde_json::from_str(&instance.service.jwks()).unwrap();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The key of a token that `instance` gives out now.
fn signing(instance: &Instance, name: &str) -> String {
    kid_of(&instance.register(&format!("{name}@example.org")).access)
}

fn with_long_tokens(config: ServiceConfig) -> ServiceConfig {
    ServiceConfig { access_lifetime: DAY, ..config }
}

/// Two instances with connections of their own, and access tokens of 24 h.
fn pair(bed: &Bed) -> [Instance; 2] {
    [bed.setup(), Setup { database: bed.open_again(), ..bed.setup() }]
        .map(|setup| Setup { config: with_long_tokens(setup.config), ..setup }.start().unwrap())
}

fn a_successor_is_published_before_it_signs_for_longer_than_the_key_set_may_be_cached(bed: &Bed) {
    let service = bed.service();
    let first = signing(&service, "a");
    bed.clock().advance(LIFE.saturating_sub(AHEAD + TICK));
    keep(&service);
    assert_eq!(published(&service).len(), 1);
    bed.clock().advance(TICK);
    keep(&service);
    let both = published(&service);
    assert_eq!(both.len(), 2);
    assert!(AHEAD >= CACHED * 2);
    bed.clock().advance(AHEAD.saturating_sub(TICK));
    keep(&service);
    assert_eq!(signing(&service, "b"), first);
    bed.clock().advance(TICK);
    keep(&service);
    let second = signing(&service, "c");
    assert_eq!(BTreeSet::from([first, second]), both, "as it was published");
}

fn instances_that_look_at_the_same_moment_make_one_successor(bed: &Bed) {
    let instances: Vec<Instance> = (0..4).map(|_| another(bed)).collect();
    for round in 1..4 {
        bed.clock().advance(LIFE);
        together(instances.len(), |number| keep(&instances[number]));
        assert_eq!(bed.count("signing_keys", "retires_at IS NULL"), 1);
        assert_eq!(bed.count("audit_events", "event = 'keys.rotated'"), round);
        instances.iter().for_each(keep);
        let sets: BTreeSet<_> = instances.iter().map(published).collect();
        assert_eq!(sets.len(), 1, "{sets:?}");
        bed.clock().advance(AHEAD);
        instances.iter().for_each(keep);
        let signing: BTreeSet<_> = instances
            .iter()
            .enumerate()
            .map(|(number, instance)| signing(instance, &format!("{round}-{number}")))
            .collect();
        assert_eq!(signing.len(), 1, "{signing:?}");
    }
}

/// During a change of the setting.
fn instances_with_different_lives_agree(bed: &Bed) {
    let short = bed.service_with(|config| config.signing_key_life = HOUR);
    let long = another(bed);
    bed.clock().advance(HOUR);
    for _ in 0..3 {
        keep(&short);
        keep(&long);
    }
    assert_eq!(bed.count("signing_keys", "true"), 2);
    bed.clock().advance(AHEAD);
    keep(&short);
    keep(&long);
    assert_eq!(signing(&short, "a"), signing(&long, "b"));
}

fn the_old_key_verifies_until_its_last_token_is_dead_and_then_not(bed: &Bed) {
    let [one, other] = pair(bed);
    bed.clock().advance(LIFE.saturating_sub(AHEAD));
    keep(&one);
    keep(&other);
    bed.clock().advance(AHEAD.saturating_sub(TICK));
    let last = one.register("ada@example.org").access;
    let old = kid_of(&last);
    bed.clock().advance(TICK);
    for instance in [&one, &other] {
        keep(instance);
    }
    assert_ne!(signing(&one, "eve"), old);
    // Tokens begin at a whole second.
    bed.clock().advance(DAY.saturating_sub(Duration::from_secs(2)));
    for instance in [&one, &other] {
        keep(instance);
        assert!(instance.verify(&last).is_ok());
        assert!(published(instance).contains(&old));
    }
    bed.clock().advance(HOUR);
    for instance in [&one, &other] {
        keep(instance);
        assert_eq!(instance.verify(&last).unwrap_err(), AccessTokenError::Expired, "its key is known");
    }
    // By its date alone: nobody has to look for it.
    bed.clock().advance(Duration::from_secs(2));
    for instance in [&one, &other] {
        assert_eq!(instance.verify(&last).unwrap_err(), AccessTokenError::Invalid, "its key is not");
        assert!(!published(instance).contains(&old));
        keep(instance);
        assert_eq!(published(instance).len(), 1);
    }
}

/// Paused, or cut off from the keys: it signs on with the old one, and checks what the others give out.
fn an_instance_that_has_not_read_the_keys_is_good_for_everybody(bed: &Bed) {
    let [one, late] = pair(bed);
    bed.clock().advance(LIFE.saturating_sub(AHEAD));
    keep(&one);
    keep(&late);
    bed.clock().advance(AHEAD);
    keep(&one);
    let new = one.register("new@example.org").access;
    assert!(late.verify(&new).is_ok(), "it was published before it signed");
    bed.clock().advance(MINUTE * 59);
    keep(&one);
    let old = late.register("old@example.org").access;
    assert_ne!(kid_of(&old), kid_of(&new));
    bed.clock().advance(DAY.saturating_sub(Duration::from_secs(1)));
    keep(&one);
    assert!(one.verify(&old).is_ok());
    keep(&late);
    assert!(late.verify(&old).is_ok());
    assert_eq!(signing(&late, "late"), kid_of(&new));
}

fn while_the_keys_cannot_be_read_the_ring_stays_and_the_successor_still_takes_over(bed: &Bed) {
    let service = bed.service();
    bed.clock().advance(LIFE.saturating_sub(AHEAD));
    keep(&service);
    let old = service.register("old@example.org").access;
    let keys = published(&service);
    bed.execute("ALTER TABLE signing_keys RENAME TO keys_away");
    for _ in 0..3 {
        assert!(block_on(service.service.keep_keys()).is_err());
        assert!(service.verify(&old).is_ok());
        assert_eq!(published(&service), keys);
    }
    bed.clock().advance(AHEAD);
    assert!(block_on(service.service.keep_keys()).is_err());
    let new = service.register("new@example.org").access;
    assert_ne!(kid_of(&new), kid_of(&old));
    assert!(keys.contains(&kid_of(&new)));
    bed.clock().advance(DAY + HOUR);
    assert!(block_on(service.service.keep_keys()).is_err());
    assert_eq!(published(&service), BTreeSet::from([kid_of(&new)]));
    bed.execute("ALTER TABLE keys_away RENAME TO signing_keys");
    keep(&service);
    assert_eq!(signing(&service, "eve"), kid_of(&new));
}

/// T-23
fn the_key_set_of_every_moment_is_public(bed: &Bed) {
    use SigningAlgorithm::{EdDsa, Es256, Hs256};
    let instances =
        [EdDsa, Es256, Hs256].map(|algorithm| bed.service_with(|config| config.signing_algorithm = algorithm));
    let mut waited = false;
    let fields: BTreeSet<&str> = ["kty", "crv", "x", "y", "kid", "use", "alg"].into();
    for _ in 0..8 {
        instances.iter().for_each(keep);
        waited |= bed.count("signing_keys", "algorithm = 'HS256'") > 1;
        for instance in &instances {
            let set: Value = serde_json::from_str(&instance.service.jwks()).unwrap();
            for key in set["keys"].as_array().unwrap() {
                let there: BTreeSet<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
                assert!(there.is_subset(&fields), "{key}");
                assert_ne!(key["alg"], "HS256");
            }
        }
        bed.clock().advance(LIFE / 2);
    }
    assert!(waited, "a secret that waits is not published either");
}

/// As now at a start; and whoever runs already knows the key as soon as it has read it.
fn a_key_of_another_algorithm_is_known_to_instances_that_run(bed: &Bed) {
    let running = bed.service();
    let other = bed.service_with(|config| config.signing_algorithm = SigningAlgorithm::Es256);
    let account = other.register("ada@example.org");
    assert_eq!(header(&account.access)["alg"], "ES256");
    assert_eq!(running.verify(&account.access).unwrap_err(), AccessTokenError::Invalid);
    keep(&running);
    assert!(running.verify(&account.access).is_ok());
    let theirs = running.register("eve@example.org").access;
    assert_eq!(header(&theirs)["alg"], "EdDSA");
    assert!(other.verify(&theirs).is_ok());
    // Each rotates its own, and neither ends the other's.
    for _ in 0..4 {
        bed.clock().advance(LIFE);
        keep(&running);
        keep(&other);
        bed.clock().advance(AHEAD);
        keep(&running);
        keep(&other);
    }
    assert_eq!(bed.count("signing_keys", "retires_at IS NULL"), 2);
    running.claims(&other.register("eva@example.org").access);
    other.claims(&running.register("ida@example.org").access);
}

fn a_private_key_is_deleted_a_week_after_its_end(bed: &Bed) {
    let service = bed.service();
    let old = signing(&service, "ada");
    let is_there = || bed.count("signing_keys", &format!("kid = '{old}'")) == 1;
    bed.clock().advance(LIFE.saturating_sub(AHEAD));
    keep(&service);
    bed.clock().advance((AHEAD + DAY + HOUR + DAY * 7).saturating_sub(TICK));
    keep(&service);
    assert!(is_there());
    bed.clock().advance(TICK);
    keep(&service);
    assert!(!is_there());
    assert_eq!(bed.count("signing_keys", "true"), 1);
}

/// REQ-51
fn a_rotation_is_in_the_audit_trail_and_concerns_nobody(bed: &Bed) {
    let service = bed.service();
    let old = signing(&service, "ada");
    keep(&service);
    assert_eq!(bed.count("audit_events", "event = 'keys.rotated'"), 0, "the first key replaces none");
    bed.clock().advance(LIFE);
    keep(&service);
    let row = "event = 'keys.rotated' AND outcome = 'success' AND user_id IS NULL AND actor_id IS NULL";
    for details in
        [r#""by":"schedule""#, r#""at_once":false"#, r#""algorithm":"EdDSA""#, &format!(r#""replaced":["{old}"]"#)]
    {
        assert_eq!(bed.count("audit_events", &format!("{row} AND details LIKE '%{details}%'")), 1, "{details}");
    }
}

fn a_start_takes_the_key_that_signs_now(bed: &Bed) {
    let first = bed.service();
    let old = signing(&first, "a");
    bed.clock().advance(LIFE.saturating_sub(AHEAD));
    keep(&first);
    assert_eq!(signing(&another(bed), "b"), old);
    bed.clock().advance(AHEAD);
    assert_ne!(signing(&another(bed), "c"), old);
    assert_eq!(bed.count("signing_keys", "true"), 2);
    // Long after: the key is older than keys get, and signs until its successor does.
    bed.clock().advance(LIFE * 3);
    let started = another(bed);
    let newest = signing(&started, "d");
    keep(&started);
    assert_eq!(signing(&started, "e"), newest);
    assert!(started.service.jwks().contains(&newest) && bed.clock().now() > Timestamp::UNIX_EPOCH);
    bed.clock().advance(AHEAD);
    keep(&started);
    assert_ne!(signing(&started, "f"), newest);
}
