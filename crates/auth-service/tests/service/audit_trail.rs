//! The audit trail (REQ-51), and what of it outlives an account.

use std::time::Duration;

use auth_service::{Client, FreshProof};

use crate::bed::{Bed, PASSWORD, block_on, browser, on_both_databases};

on_both_databases! {
    what_happens_to_an_account_is_on_record_with_who_and_from_where,
    the_trail_of_a_deleted_account_keeps_the_id_alone,
    no_record_holds_a_secret_or_what_was_typed,
}

/// REQ-51
fn what_happens_to_an_account_is_on_record_with_who_and_from_where(bed: &Bed) {
    let service = bed.service();
    // Ids are in the order of time only from one millisecond to the next.
    let pass = || bed.clock().advance(Duration::from_millis(1));
    let ada = service.register("ada@example.org");
    pass();
    service.log_in("ada@example.org");
    pass();
    assert!(service.try_log_in("ada@example.org", "not the password").is_err());
    service.refreshed(&ada.refresh);
    pass();
    block_on(service.service.log_out(ada.user, ada.session, &browser())).unwrap();
    let trail = bed.trail(ada.user);
    let events: Vec<_> = trail.iter().map(|row| (row.event.as_str(), row.outcome.as_str())).collect();
    let expected = [
        ("user.registered", "success"),
        ("login.succeeded", "success"),
        ("login.failed", "failure"),
        ("logout", "success"),
    ];
    assert_eq!(events, expected, "a plain refresh is none");
    for row in &trail {
        assert_eq!((row.ip.as_deref(), row.request_id.as_deref()), (Some("192.0.2.7"), Some("request-1")));
        assert!(row.user_agent.as_deref().unwrap().contains("Firefox/140.0"));
        assert_eq!(row.actor_id, (row.outcome == "success").then_some(ada.user), "who failed is not known");
    }
}

/// REQ-40
fn the_trail_of_a_deleted_account_keeps_the_id_alone(bed: &Bed) {
    let service = bed.service();
    let (ada, bob) = (service.register_named("ada@example.org", "analyst"), service.register("bob@example.org"));
    bed.clock().advance(Duration::from_millis(1));
    assert!(service.try_log_in("analyst", "not the password").is_err());
    bed.clock().advance(Duration::from_millis(1));
    let claims = service.claims(&ada.access);
    block_on(service.service.delete_account(&claims, FreshProof::default(), &browser())).unwrap();
    let trail = bed.trail(ada.user);
    let events: Vec<_> = trail.iter().map(|row| row.event.as_str()).collect();
    assert_eq!(events, ["user.registered", "login.failed", "account.deleted"]);
    for row in trail {
        assert_eq!((row.ip, row.user_agent, row.details), (None, None, serde_json::json!({})), "{}", row.event);
        assert_eq!(row.user_id, Some(ada.user));
    }
    assert!(bed.trail(bob.user).iter().all(|row| row.ip.is_some()), "nobody else's");
}

/// REQ-53
fn no_record_holds_a_secret_or_what_was_typed(bed: &Bed) {
    let service = bed.service();
    let ada = service.register_named("ada@example.org", "analyst");
    for typed in ["ada@example.org", "a password in the wrong field"] {
        assert!(service.try_log_in(typed, "another wrong password").is_err());
    }
    assert!(service.refresh(&bed.mint(ada.session, 0)).is_err());
    block_on(service.service.log_out_by_refresh_token(&ada.refresh, &Client::default())).unwrap();
    let condition = |text: &str| format!("details LIKE '%{text}%'");
    for text in [PASSWORD, "wrong", "ada@", "analyst", "argon2", "rt_"] {
        let count = bed.count("audit_events", &condition(text));
        let reasons = if text == "wrong" { bed.count("audit_events", &condition("wrong_credentials")) } else { 0 };
        assert_eq!(count, reasons, "{text}");
    }
}
