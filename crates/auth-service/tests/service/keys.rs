//! The keys that all instances of a database share (REQ-15).

use auth_core::SigningAlgorithm;
use auth_service::{KeyError, StartError};

use crate::bed::records::unverified_claims;
use crate::bed::{Bed, Instance, OTHER_SECRET, SECRET, Setup, block_on, on_both_databases, together};

on_both_databases! {
    a_second_start_opens_the_same_keys,
    another_secret_opens_nothing_and_changes_nothing,
    the_previous_secret_still_opens,
    after_a_change_of_algorithm_old_access_tokens_are_still_good,
    every_algorithm_signs_and_its_public_key_is_published_unless_it_is_a_secret,
    eight_services_that_start_at_once_agree_on_the_keys,
    a_service_does_not_start_with_a_key_that_was_changed_or_moved,
}

fn a_second_start_opens_the_same_keys(bed: &Bed) {
    let (one, other) = (bed.service(), bed.second_service(std::time::Duration::ZERO));
    let account = one.register("ada@example.org");
    assert_eq!(one.service.jwks(), other.service.jwks());
    assert!(other.verify(&account.access).is_ok());
    let refreshed = other.refreshed(&account.refresh);
    assert!(one.verify(&refreshed.access).is_ok());
    assert_eq!((bed.count("signing_keys", "true"), bed.count("data_keys", "true")), (1, 8));
}

fn another_secret_opens_nothing_and_changes_nothing(bed: &Bed) {
    let account = bed.service().register("ada@example.org");
    for previous_secret in [None, Some("yet-another-1234567890-of-a-secret")] {
        let started = Setup { secret: OTHER_SECRET, previous_secret, ..bed.setup() }.start();
        assert!(matches!(started.err(), Some(StartError::Keys(KeyError::WrongSecret))));
    }
    assert_eq!((bed.count("signing_keys", "true"), bed.count("data_keys", "true")), (1, 8));
    assert!(bed.service().refresh(&account.refresh).is_ok());
}

fn the_previous_secret_still_opens(bed: &Bed) {
    let old = bed.service();
    let account = old.register("ada@example.org");
    let rotating = Setup { secret: OTHER_SECRET, previous_secret: Some(SECRET), ..bed.setup() }.start().unwrap();
    assert!(rotating.verify(&account.access).is_ok());
    let refreshed = rotating.refreshed(&account.refresh);
    assert!(old.verify(&refreshed.access).is_ok(), "an instance that was not started anew goes on");
    let prepared = Setup { previous_secret: Some(OTHER_SECRET), ..bed.setup() }.start().unwrap();
    assert!(prepared.refresh(&refreshed.refresh).is_ok());
}

fn with_algorithm(bed: &Bed, algorithm: SigningAlgorithm) -> Instance {
    bed.service_with(|config| config.signing_algorithm = algorithm)
}

fn algorithm_of(access: &str) -> String {
    header(access)["alg"].as_str().unwrap().to_owned()
}

/// The header of an access token.
pub(crate) fn header(access: &str) -> serde_json::Value {
    use base64::Engine as _;
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(access.split('.').next().unwrap()).unwrap();
    serde_json::from_slice(&header).unwrap()
}

/// The name of the key that signed an access token.
pub(crate) fn kid_of(access: &str) -> String {
    header(access)["kid"].as_str().unwrap().to_owned()
}

/// Reads the keys and does what is due, as the background job does.
pub(crate) fn keep(instance: &Instance) {
    block_on(instance.service.keep_keys()).unwrap();
}

/// A service with connections of its own, by the bed's clock.
pub(crate) fn another(bed: &Bed) -> Instance {
    Setup { database: bed.open_again(), ..bed.setup() }.start().unwrap()
}

/// REQ-10, REQ-15
fn after_a_change_of_algorithm_old_access_tokens_are_still_good(bed: &Bed) {
    use SigningAlgorithm::{EdDsa, Es256, Hs256};
    let mut given = Vec::new();
    for (number, algorithm) in [EdDsa, Hs256, Es256, EdDsa].into_iter().enumerate() {
        let service = with_algorithm(bed, algorithm);
        let account = service.register(&format!("user-{number}@example.org"));
        assert_eq!(algorithm_of(&account.access), algorithm.as_str());
        given.push(account);
        assert!(given.iter().all(|account| service.verify(&account.access).is_ok()), "{algorithm:?}");
        assert!(given.iter().all(|account| service.refresh(&account.refresh).is_ok()), "{algorithm:?}");
    }
    assert_eq!(bed.count("signing_keys", "true"), 3, "the first key is taken up again");
}

/// REQ-15
fn every_algorithm_signs_and_its_public_key_is_published_unless_it_is_a_secret(bed: &Bed) {
    use SigningAlgorithm::{EdDsa, Es256, Hs256, Rs256};
    let mut published = 0;
    for (number, algorithm) in [Hs256, EdDsa, Es256, Rs256].into_iter().enumerate() {
        let service = with_algorithm(bed, algorithm);
        let account = service.register(&format!("user-{number}@example.org"));
        assert!(service.verify(&account.access).is_ok());
        published += usize::from(algorithm != Hs256);
        let jwks: serde_json::Value = serde_json::from_str(&service.service.jwks()).unwrap();
        let keys = jwks["keys"].as_array().unwrap();
        assert_eq!(keys.len(), published, "{algorithm:?}");
        assert!(keys.iter().all(|key| key.get("d").is_none() && key.get("k").is_none()), "{jwks}");
    }
}

/// The first keys are made once, whoever comes first.
fn eight_services_that_start_at_once_agree_on_the_keys(bed: &Bed) {
    let setups: Vec<_> =
        (0..8).map(|_| std::sync::Mutex::new(Some(Setup { database: bed.open_again(), ..bed.setup() }))).collect();
    let services = together(8, |number| setups[number].lock().unwrap().take().unwrap().start().unwrap());
    assert_eq!((bed.count("signing_keys", "true"), bed.count("data_keys", "true")), (1, 8));
    let mut account = services[0].register("ada@example.org");
    for service in &services {
        assert_eq!(service.service.jwks(), services[0].service.jwks());
        assert!(service.verify(&account.access).is_ok());
        account = service.refreshed(&account.refresh);
        assert_eq!(unverified_claims(&account.access)["gen"], 2, "within the grace");
    }
}

/// Sealed for its own row: swapped or changed, it opens no more.
fn a_service_does_not_start_with_a_key_that_was_changed_or_moved(bed: &Bed) {
    let account = bed.service().register("ada@example.org");
    bed.execute("UPDATE signing_keys SET kid = kid || 'x'");
    let started = bed.setup().start();
    assert!(matches!(started.err(), Some(StartError::Keys(KeyError::WrongSecret))));
    bed.execute("UPDATE signing_keys SET kid = substr(kid, 1, length(kid) - 1)");
    assert!(bed.service().verify(&account.access).is_ok());
    let stored = if bed.is_postgres() { "decode('00', 'hex')" } else { "x'00'" };
    bed.execute(&format!("UPDATE data_keys SET key_sealed = {stored} WHERE purpose = 'refresh_mac'"));
    assert_eq!(bed.count("data_keys", &format!("key_sealed = {stored}")), 1);
    assert!(bed.setup().start().is_err());
}
