//! Deleting somebody's account.

use super::{ADA, BOB, ROOT};
use crate::bed::{Bed, NEW_PASSWORD, on_both_databases};

on_both_databases! {
    a_deleted_account_is_gone_and_both_ids_stay_on_record,
    of_an_administrator_who_deletes_themselves_nothing_is_left,
}

/// REQ-42, Z-14
fn a_deleted_account_is_gone_and_both_ids_stay_on_record(bed: &Bed) {
    let service = bed.mailing();
    let (root, ada) = (service.administrator(bed, ROOT), service.register(ADA));
    let reset = service.reset_token(ADA);
    service.delete_user(&root, ada.user).unwrap();
    assert_eq!(bed.user(ada.user), None);
    assert!(service.is_over(&ada) && service.reset(&reset, NEW_PASSWORD).is_err());
    let trail = bed.trail(ada.user);
    assert!(
        trail.iter().all(|row| row.event == "admin.user_deleted" || (row.ip.is_none() && row.user_agent.is_none()))
    );
    let row = trail.iter().find(|row| row.event == "admin.user_deleted").unwrap();
    assert_eq!((row.user_id, row.actor_id, row.ip.as_deref()), (Some(ada.user), Some(root.user), Some("192.0.2.7")));
    let again = service.register(ADA);
    assert!(again.user != ada.user && service.is_over(&ada));
}

/// REQ-40
fn of_an_administrator_who_deletes_themselves_nothing_is_left(bed: &Bed) {
    let service = bed.service();
    let (root, _) = (service.administrator(bed, ROOT), service.administrator(bed, BOB));
    service.delete_user(&root, root.user).unwrap();
    let trail = bed.trail(root.user);
    assert!(trail.iter().any(|row| row.event == "admin.user_deleted" && row.actor_id == Some(root.user)));
    for row in &trail {
        assert_eq!((row.ip.as_deref(), row.user_agent.as_deref()), (None, None), "{row:?}");
        assert_eq!(row.request_id.as_deref(), Some("request-1"));
    }
}
