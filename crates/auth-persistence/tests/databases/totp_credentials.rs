//! Credentials of authenticator apps.

use auth_core::Timestamp;
use auth_persistence::totp_credential::{TotpCredential, begin, confirm, delete, find, use_step};
use auth_persistence::{DbConnection, DbError, Hidden, user};

use crate::fixture::{TestDatabase, on_both_databases, sixteen_at_once};
use crate::rows::{HOUR, NOW, TICK, new_user, user_id};

on_both_databases!(
    a_credential_is_read_as_written,
    a_secret_can_not_be_printed,
    a_pending_credential_is_replaced,
    a_confirmed_credential_is_never_touched_by_a_new_one,
    a_credential_is_confirmed_once,
    a_credential_is_confirmed_only_with_the_secret_that_was_checked,
    a_credential_is_confirmed_only_while_it_is_young,
    a_credential_is_confirmed_by_its_own_user_alone,
    one_of_many_confirms_a_credential,
    a_secret_is_either_confirmed_or_replaced,
    the_confirming_step_is_used,
    a_step_at_or_below_the_last_is_refused,
    a_pending_credential_accepts_no_step,
    one_of_many_uses_a_step,
    steps_used_at_once_leave_the_highest,
    a_credential_is_deleted_once,
);

const OLD: &[u8] = b"sealed, the first";
const NEW: &[u8] = b"sealed, the second";
const LATER: Timestamp = Timestamp::from_micros(NOW.as_micros() + 60_000_000);
/// The step of [`NOW`], about.
const STEP: i64 = 59_078_880;

fn two_users(c: &mut DbConnection) -> Result<(), DbError> {
    user::insert(c, &new_user(1))?;
    user::insert(c, &new_user(2))
}

/// Stores user 1, and a credential with the secret `OLD` that the code of `STEP` confirmed.
fn confirmed(test: &TestDatabase) {
    test.write(two_users);
    assert!(begun(test, OLD, NOW));
    assert!(confirms(test, OLD, STEP, LATER));
}

fn begun(test: &TestDatabase, secret: &'static [u8], now: Timestamp) -> bool {
    test.database.statements_blocking(move |c| begin(c, user_id(1), secret, now)).unwrap()
}

fn confirms(test: &TestDatabase, secret: &'static [u8], step: i64, now: Timestamp) -> bool {
    let confirm = move |c: &mut _| confirm(c, user_id(1), secret, NOW.minus(TICK), step, now);
    test.database.statements_blocking(confirm).unwrap()
}

fn used(test: &TestDatabase, step: i64) -> bool {
    test.database.statements_blocking(move |c| use_step(c, user_id(1), step)).unwrap()
}

fn found(test: &TestDatabase) -> Option<TotpCredential> {
    test.read(|c| find(c, user_id(1)))
}

fn last_step(test: &TestDatabase) -> Option<i64> {
    found(test).unwrap().last_step
}

fn a_credential_is_read_as_written(test: &TestDatabase) {
    test.write(two_users);
    assert_eq!(found(test), None);
    assert!(begun(test, OLD, NOW));
    let pending = TotpCredential {
        user_id: user_id(1),
        secret_sealed: Hidden::new(OLD.to_vec()),
        created_at: NOW,
        confirmed_at: None,
        last_step: None,
    };
    assert_eq!(found(test), Some(pending.clone()));
    assert!(confirms(test, OLD, STEP, LATER));
    assert_eq!(found(test), Some(TotpCredential { confirmed_at: Some(LATER), last_step: Some(STEP), ..pending }));
    assert_eq!(test.read(|c| find(c, user_id(2))), None);
}

fn a_secret_can_not_be_printed(test: &TestDatabase) {
    test.write(two_users);
    assert!(begun(test, OLD, NOW));
    let printed = format!("{:?}", found(test));
    assert!(printed.contains("secret_sealed: [hidden]") && !printed.contains(&format!("{OLD:?}")), "{printed}");
}

fn a_pending_credential_is_replaced(test: &TestDatabase) {
    test.write(two_users);
    assert!(begun(test, OLD, NOW));
    assert!(begun(test, NEW, LATER));
    let credential = found(test).unwrap();
    assert_eq!((credential.secret_sealed.expose().as_slice(), credential.created_at), (NEW, LATER));
    assert_eq!((credential.confirmed_at, credential.last_step), (None, None));
}

/// M-10: a second enrolment leaves the active credential as it is.
fn a_confirmed_credential_is_never_touched_by_a_new_one(test: &TestDatabase) {
    confirmed(test);
    let before = found(test);
    for secret in [NEW, OLD] {
        assert!(!begun(test, secret, LATER.plus(HOUR)));
        assert_eq!(found(test), before);
    }
    let wins = sixteen_at_once(|_| begun(test, NEW, LATER.plus(HOUR)));
    assert_eq!((wins, found(test)), (vec![false; 16], before));
}

fn a_credential_is_confirmed_once(test: &TestDatabase) {
    confirmed(test);
    assert!(!confirms(test, OLD, STEP + 1, LATER.plus(HOUR)));
    let credential = found(test).unwrap();
    assert_eq!((credential.confirmed_at, credential.last_step), (Some(LATER), Some(STEP)));
}

fn a_credential_is_confirmed_only_with_the_secret_that_was_checked(test: &TestDatabase) {
    test.write(two_users);
    assert!(!confirms(test, OLD, STEP, NOW), "there is none");
    assert!(begun(test, OLD, NOW));
    assert!(begun(test, NEW, NOW));
    assert!(!confirms(test, OLD, STEP, NOW), "it was replaced meanwhile");
    assert!(!confirms(test, &NEW[1..], STEP, NOW));
    assert_eq!(found(test).unwrap().confirmed_at, None);
    assert!(confirms(test, NEW, STEP, NOW));
}

/// M-10: an enrolment dies of age.
fn a_credential_is_confirmed_only_while_it_is_young(test: &TestDatabase) {
    test.write(two_users);
    assert!(begun(test, OLD, NOW));
    let confirms = |after: Timestamp| test.write(move |c| confirm(c, user_id(1), OLD, after, STEP, LATER));
    assert!(!confirms(NOW.plus(TICK)));
    assert!(!confirms(NOW), "made just then, to the microsecond");
    assert!(confirms(NOW.minus(TICK)));
}

fn a_credential_is_confirmed_by_its_own_user_alone(test: &TestDatabase) {
    test.write(two_users);
    assert!(begun(test, OLD, NOW));
    assert!(test.write(|c| begin(c, user_id(2), NEW, NOW)));
    assert!(!test.write(|c| confirm(c, user_id(2), OLD, NOW.minus(TICK), STEP, NOW)));
    assert!(confirms(test, OLD, STEP, NOW));
    assert_eq!(test.read(|c| find(c, user_id(2))).unwrap().confirmed_at, None, "the other one is still pending");
    assert!(!test.write(|c| use_step(c, user_id(2), STEP + 1)));
    assert_eq!(last_step(test), Some(STEP));
}

fn one_of_many_confirms_a_credential(test: &TestDatabase) {
    test.write(two_users);
    for round in 0..20 {
        assert!(begun(test, OLD, NOW));
        let wins = sixteen_at_once(|number| confirms(test, OLD, i64::try_from(number).unwrap(), NOW));
        let winner = wins.iter().position(|won| *won).unwrap();
        assert_eq!(wins.iter().filter(|won| **won).count(), 1, "round {round}");
        assert_eq!(last_step(test), Some(i64::try_from(winner).unwrap()));
        test.write(|c| delete(c, user_id(1)));
    }
}

/// Whoever shows the code of one secret never activates another.
fn a_secret_is_either_confirmed_or_replaced(test: &TestDatabase) {
    test.write(two_users);
    for round in 0..20 {
        assert!(begun(test, OLD, NOW));
        let wins = sixteen_at_once(|number| match number % 2 {
            0 => begun(test, NEW, LATER),
            _ => confirms(test, OLD, STEP, LATER),
        });
        let (replaced, confirmed) = (wins.iter().step_by(2), wins.iter().skip(1).step_by(2));
        let counts = (replaced.filter(|won| **won).count(), confirmed.filter(|won| **won).count());
        let credential = found(test).unwrap();
        if credential.confirmed_at.is_some() {
            assert_eq!((counts, credential.secret_sealed.expose().as_slice()), ((0, 1), OLD), "round {round}");
        } else {
            assert_eq!((counts, credential.secret_sealed.expose().as_slice()), ((8, 0), NEW), "round {round}");
        }
        test.write(|c| delete(c, user_id(1)));
    }
}

fn the_confirming_step_is_used(test: &TestDatabase) {
    confirmed(test);
    assert!(!used(test, STEP));
    assert!(used(test, STEP + 1));
}

/// REQ-21, M-02.
fn a_step_at_or_below_the_last_is_refused(test: &TestDatabase) {
    confirmed(test);
    assert!(used(test, STEP + 2));
    for step in [STEP + 2, STEP + 1, STEP, STEP - 1, 0, -1, i64::MIN] {
        assert!(!used(test, step), "{step}");
        assert_eq!(last_step(test), Some(STEP + 2), "{step}");
    }
    assert!(used(test, STEP + 3));
    assert!(used(test, i64::MAX) && !used(test, i64::MAX));
}

fn a_pending_credential_accepts_no_step(test: &TestDatabase) {
    test.write(two_users);
    assert!(!used(test, STEP), "there is none");
    assert!(begun(test, OLD, NOW));
    assert!(!used(test, STEP));
    assert_eq!(last_step(test), None);
}

/// REQ-21, M-03: also at once.
fn one_of_many_uses_a_step(test: &TestDatabase) {
    confirmed(test);
    for step in STEP + 1..=STEP + 20 {
        let wins = sixteen_at_once(|_| used(test, step));
        assert_eq!(wins.into_iter().filter(|won| *won).count(), 1, "{step}");
        assert_eq!(last_step(test), Some(step));
    }
}

/// Whatever the order: the highest is above every other, so it is accepted, and it stays.
fn steps_used_at_once_leave_the_highest(test: &TestDatabase) {
    confirmed(test);
    for round in 0..20 {
        let first = STEP + 1 + 16 * round;
        let wins = sixteen_at_once(|number| used(test, first + i64::try_from(number).unwrap()));
        assert!(wins[15], "round {round}");
        assert_eq!(last_step(test), Some(first + 15));
        assert!((first..first + 16).all(|step| !used(test, step)));
    }
}

fn a_credential_is_deleted_once(test: &TestDatabase) {
    confirmed(test);
    assert!(test.write(|c| begin(c, user_id(2), NEW, NOW)));
    assert!(test.write(|c| delete(c, user_id(1))));
    assert!(!test.write(|c| delete(c, user_id(1))));
    assert_eq!(found(test), None);
    assert!(!used(test, STEP + 1));
    assert!(test.write(|c| delete(c, user_id(2))), "a pending one too");
    assert!(begun(test, NEW, LATER), "there may be a new one");
}
