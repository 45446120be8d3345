//! Somebody is always left to administer.

use std::time::Duration;

use auth_core::{ErrorCode, Role};
use auth_service::AccountError;

use super::{ADA, NO_PROOF, ROOT, refusal};
use crate::bed::{Account, Bed, Instance, block_on, browser, on_both_databases, together};

on_both_databases! {
    the_last_active_admin_is_not_demoted_disabled_or_deleted,
    a_disabled_admin_is_none_that_is_left,
    a_disabled_admin_may_go,
    of_two_who_demote_each_other_one_stays,
    of_two_who_go_in_different_ways_at_once_one_stays,
    a_deletion_of_oneself_and_one_by_an_admin_do_not_wait_for_each_other,
}

fn the_last_active_admin_is_not_demoted_disabled_or_deleted(bed: &Bed) {
    let service = bed.service();
    let root = service.administrator(bed, ROOT);
    assert_eq!(refusal(service.change_role(&root, root.user, "user")), ErrorCode::LastAdmin);
    assert_eq!(refusal(service.switch(&root, root.user, false)), ErrorCode::LastAdmin);
    assert_eq!(refusal(service.delete_user(&root, root.user)), ErrorCode::LastAdmin);
    assert!(service.is_live(&root) && bed.count_events(root.user, "admin.user_changed") == 0);
    service.change_role(&root, root.user, "admin").unwrap();
    let ada = service.administrator(bed, ADA);
    service.change_role(&ada, root.user, "user").unwrap();
    assert_eq!(refusal(service.switch(&ada, ada.user, false)), ErrorCode::LastAdmin);
}

fn a_disabled_admin_is_none_that_is_left(bed: &Bed) {
    let service = bed.service();
    let (root, ada) = (service.administrator(bed, ROOT), service.administrator(bed, ADA));
    service.switch(&root, ada.user, false).unwrap();
    assert_eq!(refusal(service.change_role(&root, root.user, "user")), ErrorCode::LastAdmin);
    service.switch(&root, ada.user, true).unwrap();
    service.change_role(&root, root.user, "user").unwrap();
}

fn a_disabled_admin_may_go(bed: &Bed) {
    let service = bed.service();
    let root = service.administrator(bed, ROOT);
    let others = [ADA, "bob@example.org"].map(|email| service.administrator(bed, email).user);
    for other in others {
        service.switch(&root, other, false).unwrap();
    }
    service.change_role(&root, others[0], "user").unwrap();
    service.delete_user(&root, others[1]).unwrap();
    assert_eq!((bed.count("users", "role = 'admin'"), bed.user(root.user).unwrap().role), (1, Role::Admin));
}

fn pair(bed: &Bed, service: &Instance, round: usize) -> [Account; 2] {
    bed.execute("UPDATE users SET role = 'user'");
    let email = |nth: usize| format!("admin-{round}-{nth}@example.org");
    let pair = [0, 1].map(|nth| service.register(&email(nth)));
    for nth in [0, 1] {
        bed.give_role(&email(nth), "admin");
    }
    pair.map(|account| service.refreshed(&account.refresh))
}

/// REQ-42: each of two instances demotes the other's administrator.
fn of_two_who_demote_each_other_one_stays(bed: &Bed) {
    let services = [bed.service(), bed.second_service(Duration::ZERO)];
    for round in 0..6 {
        let admins = pair(bed, &services[0], round);
        let results = together(2, |nth| services[nth].change_role(&admins[nth], admins[1 - nth].user, "user"));
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        // Who was demoted first is no administrator any more.
        let refused = results.into_iter().find_map(Result::err).unwrap().code();
        assert_eq!(refused, ErrorCode::Forbidden);
        assert_eq!(bed.count("users", "role = 'admin'"), 1);
    }
}

/// How an administrator stops being one.
type Way = fn(&Instance, &Account) -> Result<(), ErrorCode>;

/// REQ-42: each goes by themselves: exactly one is told that nobody would be left.
fn of_two_who_go_in_different_ways_at_once_one_stays(bed: &Bed) {
    let services = [bed.service(), bed.second_service(Duration::ZERO)];
    let ways: [Way; 4] = [
        |service, admin| service.change_role(admin, admin.user, "user").map(drop).map_err(|error| error.code()),
        |service, admin| service.switch(admin, admin.user, false).map(drop).map_err(|error| error.code()),
        |service, admin| service.delete_user(admin, admin.user).map_err(|error| error.code()),
        |service, admin| service.delete(admin).map_err(|error| error.code()),
    ];
    for (round, (one, other)) in [(0, 0), (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)].into_iter().enumerate() {
        let admins = pair(bed, &services[0], round);
        let results = together(2, |nth| ways[[one, other][nth]](&services[nth], &admins[nth]));
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{one} {other}: {results:?}");
        assert!(results.contains(&Err(ErrorCode::LastAdmin)), "{one} {other}: {results:?}");
        assert_eq!(bed.count("users", "role = 'admin' AND disabled_at IS NULL"), 1);
    }
}

/// Locks are taken in one order, whoever takes them.
fn a_deletion_of_oneself_and_one_by_an_admin_do_not_wait_for_each_other(bed: &Bed) {
    let services = [bed.service(), bed.second_service(Duration::ZERO)];
    let root = services[0].administrator(bed, ROOT);
    for round in 0..6 {
        let ada = services[0].register(&format!("ada-{round}@example.org"));
        let claims = services[1].claims(&ada.access);
        let results = together(2, |nth| match nth {
            0 => services[0].delete_user(&root, ada.user).map_err(|error| error.code()),
            _ => block_on(services[1].service.delete_account(&claims, NO_PROOF, &browser()))
                .map_err(|error| error.code()),
        });
        let losers: Vec<_> = results.iter().filter_map(|result| result.err()).collect();
        let expected = [AccountError::Gone.code(), ErrorCode::NotFound];
        assert!(matches!(losers.as_slice(), [one] if expected.contains(one)), "{results:?}");
    }
}
