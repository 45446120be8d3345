//! Keys, audit events, mails and the news of revocations.

use std::time::Duration;

use auth_core::Timestamp;
use auth_persistence::data_key::{self, SealedDataKey};
use auth_persistence::revocation::{self, Revocation};
use auth_persistence::signing_key::{self, SealedSigningKey, SigningKeyEntry};
use auth_persistence::{Hidden, audit_event, email_outbox, user};

use crate::fixture::{TestDatabase, on_both_databases};
use crate::rows::{HOUR, NOW, audit_event, new_email, new_user, session_id, user_id, user_with_session, uuid};

on_both_databases!(
    data_keys_are_listed_as_written,
    a_data_key_is_sealed_anew_only_from_what_was_opened,
    signing_keys_are_listed_until_they_retire,
    a_retirement_is_not_put_off,
    what_is_known_of_signing_keys_is_listed_with_those_that_have_retired,
    long_retired_signing_keys_are_deleted,
    who_has_locked_the_keys_decides_alone,
    audit_events_are_listed_for_their_user,
    a_mail_with_a_used_dedupe_key_is_not_queued_again,
    news_are_listed_from_a_time_on,
    expired_news_are_deleted,
);

fn data_key(version: u8) -> SealedDataKey {
    SealedDataKey {
        purpose: "refresh_mac".to_owned(),
        version,
        key_sealed: Hidden::new(vec![version, 0, 255]),
        created_at: NOW,
    }
}

fn signing_key(kid: &str, retires_at: Option<Timestamp>) -> SealedSigningKey {
    SealedSigningKey {
        kid: kid.to_owned(),
        algorithm: "EdDSA".to_owned(),
        private_sealed: Hidden::new(vec![0, 255]),
        public_jwk: Some("{}".to_owned()),
        created_at: NOW,
        activates_at: NOW,
        retires_at,
    }
}

fn data_keys_are_listed_as_written(test: &TestDatabase) {
    for version in [255, 1] {
        test.write(move |c| data_key::insert(c, &data_key(version)));
    }
    assert_eq!(test.read(data_key::list), [data_key(1), data_key(255)]);
}

fn a_data_key_is_sealed_anew_only_from_what_was_opened(test: &TestDatabase) {
    test.write(|c| data_key::insert(c, &data_key(1)));
    assert!(!test.write(|c| data_key::update_sealed(c, "refresh_mac", 1, &[9], &[2])));
    assert!(!test.write(|c| data_key::update_sealed(c, "refresh_mac", 2, &[1, 0, 255], &[2])));
    assert!(test.write(|c| data_key::update_sealed(c, "refresh_mac", 1, &[1, 0, 255], &[2])));
    assert_eq!(test.read(data_key::list)[0].key_sealed.expose(), &[2]);
}

fn signing_keys_are_listed_until_they_retire(test: &TestDatabase) {
    test.write(|c| {
        signing_key::insert(c, &signing_key("a", None))?;
        signing_key::insert(c, &signing_key("b", Some(NOW.plus(HOUR))))
    });
    let kids = |now| test.read(move |c| signing_key::list(c, now)).into_iter().map(|key| key.kid).collect::<Vec<_>>();
    assert_eq!(kids(NOW), ["a", "b"]);
    assert_eq!(kids(NOW.plus(HOUR)), ["a"]);
    assert_eq!(test.read(|c| signing_key::list(c, NOW))[0], signing_key("a", None));
}

fn a_retirement_is_not_put_off(test: &TestDatabase) {
    test.write(|c| signing_key::insert(c, &signing_key("a", None)));
    assert!(test.write(|c| signing_key::retire(c, "a", NOW.plus(HOUR))));
    assert!(!test.write(|c| signing_key::retire(c, "a", NOW.plus(2 * HOUR))));
    assert!(test.write(|c| signing_key::retire(c, "a", NOW)));
    assert!(!test.write(|c| signing_key::retire(c, "b", NOW)));
}

fn what_is_known_of_signing_keys_is_listed_with_those_that_have_retired(test: &TestDatabase) {
    test.write(|c| {
        let later = SealedSigningKey { activates_at: NOW.plus(HOUR), ..signing_key("a", None) };
        signing_key::insert(c, &later)?;
        signing_key::insert(c, &signing_key("b", Some(NOW)))
    });
    let entries = test.read(signing_key::entries);
    let entry = |kid: &str, activates_at, retires_at| SigningKeyEntry {
        kid: kid.to_owned(),
        algorithm: "EdDSA".to_owned(),
        created_at: NOW,
        activates_at,
        retires_at,
    };
    assert_eq!(entries, [entry("b", NOW, Some(NOW)), entry("a", NOW.plus(HOUR), None)]);
}

fn long_retired_signing_keys_are_deleted(test: &TestDatabase) {
    test.write(|c| {
        signing_key::insert(c, &signing_key("a", None))?;
        signing_key::insert(c, &signing_key("b", Some(NOW)))?;
        signing_key::insert(c, &signing_key("c", Some(NOW.plus(TICK))))
    });
    assert_eq!(test.write(|c| signing_key::delete_retired(c, NOW)), 1);
    let kids: Vec<_> = test.read(signing_key::entries).into_iter().map(|key| key.kid).collect();
    assert_eq!(kids, ["a", "c"]);
}

/// REQ-15: of many that look and then write, one writes.
fn who_has_locked_the_keys_decides_alone(test: &TestDatabase) {
    let make_the_only_one = |number: usize| {
        test.database
            .write_blocking(move |c| {
                signing_key::lock(c)?;
                data_key::lock(c)?;
                if signing_key::entries(c)?.is_empty() {
                    signing_key::insert(c, &signing_key(&number.to_string(), None))?;
                }
                Ok::<_, auth_persistence::DbError>(())
            })
            .unwrap();
    };
    std::thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || make_the_only_one(number));
        }
    });
    assert_eq!(test.read(signing_key::entries).len(), 1);
}

fn audit_events_are_listed_for_their_user(test: &TestDatabase) {
    test.write(|c| {
        audit_event::insert(c, &audit_event(1, 1), None)?;
        audit_event::insert(c, &audit_event(2, 2), None)
    });
    assert_eq!(test.read(|c| audit_event::list_for_user(c, user_id(1))), [audit_event(1, 1)]);
}

fn a_mail_with_a_used_dedupe_key_is_not_queued_again(test: &TestDatabase) {
    let queued = test.write(|c| {
        user_with_session(c)?;
        let first = email_outbox::insert(c, &new_email(1, Some("k")))?;
        let again = email_outbox::insert(c, &new_email(2, Some("k")))?;
        let other = email_outbox::insert(c, &new_email(3, None))?;
        // The transaction must be usable after the conflict.
        user::insert(c, &new_user(2))?;
        Ok((first, again, other))
    });
    assert_eq!(queued, (true, false, true));
    let mails = test.read(|c| email_outbox::list_for_user(c, user_id(1)));
    let mut ids: Vec<_> = mails.iter().map(|mail| mail.id).collect();
    let mut expected = [new_email(1, None).id, new_email(3, None).id];
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    assert_eq!((mails[0].attempts, mails[0].next_attempt_at, mails[0].sent_at), (0, NOW, None));
}

fn news(number: u64, at: Timestamp) -> Revocation {
    let session_id = number.is_multiple_of(2).then(|| session_id(number));
    Revocation {
        id: uuid(number),
        at,
        session_id,
        user_id: Some(user_id(number)),
        lowest_epoch: (session_id.is_none() && !number.is_multiple_of(3)).then_some(3),
        premium_epoch: (session_id.is_none() && number.is_multiple_of(3)).then_some(2),
        premium_until: (session_id.is_none() && number.is_multiple_of(3)).then(|| at.plus(HOUR)),
        expires_at: at.plus(HOUR),
    }
}

const TICK: Duration = Duration::from_micros(1);

fn news_are_listed_from_a_time_on(test: &TestDatabase) {
    let news = [news(1, NOW), news(2, NOW.plus(TICK)), news(3, NOW.plus(TICK * 2))];
    let [first, second, third] = news.clone();
    test.write(move |c| revocation::insert(c, &[second, first, third]));
    assert_eq!(test.read(|c| revocation::list_since(c, NOW)), news);
    assert_eq!(test.read(|c| revocation::list_since(c, NOW.plus(TICK))), news[1..]);
}

fn expired_news_are_deleted(test: &TestDatabase) {
    test.write(|c| revocation::insert(c, &[news(1, NOW), news(2, NOW.plus(TICK))]));
    let deleted = |limit| test.write(move |c| revocation::delete_expired(c, NOW.plus(HOUR), limit));
    assert_eq!([0, 9, 9].map(deleted), [0, 1, 0]);
    assert_eq!(test.read(|c| revocation::list_since(c, NOW)), [news(2, NOW.plus(TICK))]);
}
