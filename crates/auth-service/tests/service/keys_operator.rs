//! What the command line does with the keys of running instances (REQ-15).

use std::sync::Arc;
use std::time::Duration;

use auth_core::{AccessTokenError, AuthSecret, Clock as _, OsRandom, SecretRing, SigningAlgorithm};
use auth_service::{KeyError, KeyKeeper, KeyState, Resealed, StartError, Urgency};

use crate::bed::{Bed, Instance, OTHER_SECRET, SECRET, Setup, on_both_databases, together};
use crate::keys::{another, keep, kid_of};

on_both_databases! {
    a_planned_rotation_refuses_nobody,
    a_rotation_that_waits_is_not_begun_again,
    operators_at_the_same_moment_make_one_successor,
    a_rotation_at_once_ends_every_other_key_on_all_instances_at_one_moment,
    a_rotation_at_once_by_who_has_another_algorithm_set_leaves_nobody_without_a_key,
    keys_are_listed_with_what_they_do,
    where_no_server_has_run_nothing_is_made,
    another_secret_is_a_clear_error_and_changes_nothing,
    sealing_anew_is_done_once_and_counted,
    a_key_that_neither_secret_opens_leaves_all_as_they_are,
    the_secret_is_replaced_step_by_step_while_three_instances_serve,
}

const SECOND: Duration = Duration::from_secs(1);
const AHEAD: Duration = Duration::from_mins(15);
const DAY: Duration = Duration::from_hours(24);

/// How long after a rotation at once the keys change.
const AT_ONCE: Duration = Duration::from_secs(5);

fn keeper_with(bed: &Bed, secret: &str, previous: Option<&str>, algorithm: SigningAlgorithm) -> KeyKeeper {
    let parse = |text| AuthSecret::new(text).unwrap();
    let secrets = SecretRing::new(&parse(secret), previous.map(parse).as_ref());
    KeyKeeper::new(bed.open_again(), secrets, algorithm, Arc::clone(bed.clock()) as _, Arc::new(OsRandom))
}

fn keeper(bed: &Bed) -> KeyKeeper {
    keeper_with(bed, SECRET, None, SigningAlgorithm::EdDsa)
}

fn states(keeper: &KeyKeeper) -> Vec<(String, KeyState)> {
    keeper.list().unwrap().into_iter().map(|key| (key.kid, key.state)).collect()
}

fn signing(instance: &Instance, name: &str) -> String {
    kid_of(&instance.register(&format!("{name}@example.org")).access)
}

fn a_planned_rotation_refuses_nobody(bed: &Bed) {
    let (one, other) = (bed.service(), another(bed));
    let old = one.register("ada@example.org");
    let rotation = keeper(bed).rotate(Urgency::Planned).unwrap();
    let now = bed.clock().now();
    assert_eq!((rotation.signs_from, rotation.was_waiting), (now.plus(AHEAD), false));
    assert_eq!(rotation.algorithm, "EdDSA");
    let [replaced] = &rotation.replaced[..] else { panic!("{rotation:?}") };
    assert_eq!(replaced.kid, kid_of(&old.access));
    assert!(replaced.verifies_until >= rotation.signs_from.plus(DAY));
    for (at, kid) in [(now, &replaced.kid), (now.plus(AHEAD), &rotation.kid)] {
        bed.clock().set(at);
        for (instance, reader, name) in [(&one, &other, "a"), (&other, &one, "b")] {
            keep(instance);
            let account = instance.register(&format!("{name}-{}@example.org", at.as_seconds()));
            assert_eq!(&kid_of(&account.access), kid);
            keep(reader);
            assert!(reader.verify(&account.access).is_ok());
        }
    }
    bed.clock().set(now.plus(Duration::from_mins(14)));
    assert!(one.verify(&old.access).is_ok() && other.verify(&old.access).is_ok());
    assert_eq!(bed.count("audit_events", r#"event = 'keys.rotated' AND details LIKE '%"by":"operator"%'"#), 1);
}

fn a_rotation_that_waits_is_not_begun_again(bed: &Bed) {
    let _server = bed.service();
    let keeper = keeper(bed);
    let first = keeper.rotate(Urgency::Planned).unwrap();
    let again = keeper.rotate(Urgency::Planned).unwrap();
    assert!(again.was_waiting && again.replaced.is_empty());
    assert_eq!((again.kid, again.signs_from), (first.kid, first.signs_from));
    assert_eq!(bed.count("signing_keys", "true"), 2);
    assert_eq!(bed.count("audit_events", "event = 'keys.rotated'"), 1);
    bed.clock().advance(AHEAD);
    assert!(!keeper.rotate(Urgency::Planned).unwrap().was_waiting);
    assert_eq!(bed.count("signing_keys", "true"), 3);
}

fn operators_at_the_same_moment_make_one_successor(bed: &Bed) {
    let server = bed.service();
    let keepers: Vec<KeyKeeper> = (0..4).map(|_| keeper(bed)).collect();
    let rotations = together(4, |number| keepers[number].rotate(Urgency::Planned).unwrap());
    assert_eq!(rotations.iter().filter(|rotation| !rotation.was_waiting).count(), 1);
    assert!(rotations.iter().all(|rotation| rotation.kid == rotations[0].kid));
    // Those at once replace each other: at the end there is one.
    together(4, |number| keepers[number].rotate(Urgency::AtOnce).unwrap());
    assert_eq!(bed.count("signing_keys", "retires_at IS NULL"), 1);
    bed.clock().advance(AT_ONCE);
    keep(&server);
    server.claims(&server.register("ada@example.org").access);
}

fn a_rotation_at_once_ends_every_other_key_on_all_instances_at_one_moment(bed: &Bed) {
    let (one, other) = (bed.service(), another(bed));
    let keeper = keeper(bed);
    let waiting = keeper.rotate(Urgency::Planned).unwrap();
    let before = one.register("ada@example.org");
    let rotation = keeper.rotate(Urgency::AtOnce).unwrap();
    assert_eq!(rotation.signs_from, bed.clock().now().plus(AT_ONCE));
    assert_eq!(rotation.replaced.len(), 2, "the one that waited may be stolen as well");
    assert!(rotation.replaced.iter().all(|key| key.verifies_until == rotation.signs_from));
    bed.clock().advance(AT_ONCE.saturating_sub(SECOND));
    for instance in [&one, &other] {
        keep(instance);
        assert!(instance.verify(&before.access).is_ok());
    }
    bed.clock().advance(SECOND);
    keep(&one);
    let after = one.refreshed(&before.refresh).access;
    assert_eq!(kid_of(&after), rotation.kid);
    // The other one knew the key before it signed.
    assert!(other.verify(&after).is_ok());
    keep(&other);
    for instance in [&one, &other] {
        assert_eq!(instance.verify(&before.access).unwrap_err(), AccessTokenError::Invalid, "also one just verified");
        assert!(instance.verify(&after).is_ok());
        let keys = instance.service.jwks();
        assert!(keys.contains(&rotation.kid));
        assert!(!keys.contains(&waiting.kid) && !keys.contains(&kid_of(&before.access)));
    }
    assert_eq!(bed.count("audit_events", r#"event = 'keys.rotated' AND details LIKE '%"at_once":true%'"#), 1);
}

fn a_rotation_at_once_by_who_has_another_algorithm_set_leaves_nobody_without_a_key(bed: &Bed) {
    let server = bed.service();
    let before = server.register("ada@example.org").access;
    keeper_with(bed, SECRET, None, SigningAlgorithm::Es256).rotate(Urgency::AtOnce).unwrap();
    keep(&server);
    let replaced = server.register("eve@example.org").access;
    assert_ne!(kid_of(&replaced), kid_of(&before));
    bed.clock().advance(AT_ONCE);
    keep(&server);
    assert!(server.verify(&before).is_err());
    assert!(server.verify(&replaced).is_ok());
}

fn keys_are_listed_with_what_they_do(bed: &Bed) {
    let keeper = keeper(bed);
    assert!(keeper.list().unwrap().is_empty());
    let server = bed.service();
    let first = signing(&server, "ada");
    assert_eq!(states(&keeper), [(first.clone(), KeyState::Signing)]);
    let second = keeper.rotate(Urgency::Planned).unwrap();
    assert_eq!(states(&keeper), [(first.clone(), KeyState::Signing), (second.kid.clone(), KeyState::Waiting)]);
    bed.clock().advance(AHEAD);
    assert_eq!(states(&keeper), [(first.clone(), KeyState::Verifying), (second.kid.clone(), KeyState::Signing)]);
    let third = keeper.rotate(Urgency::AtOnce).unwrap();
    bed.clock().advance(AT_ONCE);
    let listed = keeper.list().unwrap();
    let dates = |number: usize| (listed[number].published_at, listed[number].signs_from, listed[number].verifies_until);
    assert_eq!(
        states(&keeper),
        [(first, KeyState::Retired), (second.kid, KeyState::Retired), (third.kid.clone(), KeyState::Signing)]
    );
    assert_eq!(dates(1).2, Some(third.signs_from));
    assert_eq!(dates(2), (bed.clock().now().minus(AT_ONCE), third.signs_from, None));
    assert!(!format!("{listed:?}").contains("private"));
}

fn where_no_server_has_run_nothing_is_made(bed: &Bed) {
    let keeper = keeper(bed);
    for urgency in [Urgency::Planned, Urgency::AtOnce] {
        assert!(matches!(keeper.rotate(urgency), Err(KeyError::None)));
    }
    assert!(matches!(keeper.reseal(), Err(KeyError::None)));
    assert_eq!((bed.count("signing_keys", "true"), bed.count("data_keys", "true")), (0, 0));
}

fn another_secret_is_a_clear_error_and_changes_nothing(bed: &Bed) {
    let server = bed.service();
    let first = signing(&server, "ada");
    for previous in [None, Some("yet-another-1234567890-of-a-secret")] {
        let wrong = keeper_with(bed, OTHER_SECRET, previous, SigningAlgorithm::EdDsa);
        for urgency in [Urgency::Planned, Urgency::AtOnce] {
            let error = wrong.rotate(urgency).unwrap_err();
            assert!(matches!(error, KeyError::WrongSecret) && error.to_string().contains("AUTH_SECRET"), "{error}");
        }
        assert!(matches!(wrong.reseal(), Err(KeyError::WrongSecret)));
        assert_eq!(states(&wrong), [(first.clone(), KeyState::Signing)], "the list needs no secret");
    }
    assert_eq!(bed.count("audit_events", "event = 'keys.rotated'"), 0);
}

/// The keys themselves stay: who runs goes on, and who starts with the new secret alone opens all of them.
fn sealing_anew_is_done_once_and_counted(bed: &Bed) {
    let running = bed.service();
    let account = running.register("ada@example.org");
    let keepers: Vec<KeyKeeper> =
        (0..4).map(|_| keeper_with(bed, OTHER_SECRET, Some(SECRET), SigningAlgorithm::EdDsa)).collect();
    let results = together(4, |number| keepers[number].reseal().unwrap());
    assert_eq!(results.iter().map(|result| result.resealed).sum::<usize>(), 8);
    assert_eq!(keepers[0].reseal().unwrap(), Resealed { resealed: 0, already: 8 });
    keep(&running);
    let refreshed = running.refreshed(&account.refresh);
    let started = Setup { secret: OTHER_SECRET, ..bed.setup() }.start().unwrap();
    assert!(started.verify(&refreshed.access).is_ok());
    assert!(started.refresh(&refreshed.refresh).is_ok());
    let outdated = bed.setup().start();
    assert!(matches!(outdated.err(), Some(StartError::Keys(KeyError::WrongSecret))));
}

fn a_key_that_neither_secret_opens_leaves_all_as_they_are(bed: &Bed) {
    let _server = bed.service();
    let stored = if bed.is_postgres() { "decode('00', 'hex')" } else { "x'00'" };
    bed.execute(&format!("UPDATE data_keys SET key_sealed = {stored} WHERE purpose = 'totp_sealing'"));
    let rotating = keeper_with(bed, OTHER_SECRET, Some(SECRET), SigningAlgorithm::EdDsa);
    assert!(matches!(rotating.reseal(), Err(KeyError::WrongSecret)));
    let all_as_before = keeper(bed);
    assert!(matches!(all_as_before.reseal(), Err(KeyError::WrongSecret)));
    bed.execute("DELETE FROM data_keys WHERE purpose = 'totp_sealing'");
    assert_eq!(all_as_before.reseal().unwrap(), Resealed { resealed: 0, already: 7 });
    bed.execute("UPDATE data_keys SET purpose = 'of_a_newer_version' WHERE purpose = 'token_hash'");
    assert!(matches!(rotating.reseal(), Err(KeyError::UnknownPurpose(purpose)) if purpose == "of_a_newer_version"));
}

/// The steps of docs/security.md, each instance started anew after the other, and all of them used in between.
fn the_secret_is_replaced_step_by_step_while_three_instances_serve(bed: &Bed) {
    let start = |secret, previous_secret| {
        Setup { secret, previous_secret, database: bed.open_again(), ..bed.setup() }.start().unwrap()
    };
    let mut instances: Vec<Instance> = (0..3).map(|_| start(SECRET, None)).collect();
    let mut account = instances[0].register("ada@example.org");
    let mut use_all = |instances: &[Instance]| {
        for instance in instances {
            keep(instance);
            account = instance.refreshed(&account.refresh);
            assert!(instances.iter().all(|other| other.verify(&account.access).is_ok()));
            bed.clock().advance(crate::bed::GRACE);
        }
    };
    let steps = [(SECRET, Some(OTHER_SECRET)), (OTHER_SECRET, Some(SECRET)), (OTHER_SECRET, None)];
    for (secret, previous) in steps {
        if previous.is_none() {
            let sealed = keeper_with(bed, OTHER_SECRET, Some(SECRET), SigningAlgorithm::EdDsa).reseal().unwrap();
            assert_eq!(sealed, Resealed { resealed: 8, already: 0 });
            use_all(&instances);
        }
        for number in 0..3 {
            instances[number] = start(secret, previous);
            use_all(&instances);
        }
        // A key that is made meanwhile opens everywhere.
        keeper_with(bed, secret, previous, SigningAlgorithm::EdDsa).rotate(Urgency::Planned).unwrap();
        use_all(&instances);
        bed.clock().advance(AHEAD);
        use_all(&instances);
    }
}
