//! Taking one's data along (REQ-40).

use std::time::Duration;

use auth_core::{OsRandom, Timestamp, new_uuid};
use auth_persistence::email_outbox::{self, NewEmail};
use auth_persistence::{DbError, Hidden};
use auth_service::{AccountError, FreshProof};
use base64::Engine as _;

use crate::bed::{Bed, PASSWORD, block_on, browser, on_both_databases};

on_both_databases! {
    an_export_holds_everything_of_the_user_and_nothing_of_others,
    an_export_holds_no_secret,
    there_is_nothing_to_export_of_a_deleted_account,
}

/// REQ-40
fn an_export_holds_everything_of_the_user_and_nothing_of_others(bed: &Bed) {
    let service = bed.service();
    let (ada, bob) = (service.register_named("ada@example.org", "analyst"), service.register("bob@example.org"));
    bed.clock().advance(Duration::from_millis(1));
    assert!(service.refresh(&bed.mint(ada.session, 0)).is_err(), "queues a mail and ends the session");
    bed.clock().advance(Duration::from_millis(1));
    let again = service.log_in("analyst");
    let export = block_on(service.service.export(&service.claims(&again.access))).unwrap();
    let json = serde_json::to_value(&export).unwrap();
    assert_eq!(
        (json["user"]["email"].as_str(), json["user"]["username"].as_str()),
        (Some("ada@example.org"), Some("analyst"))
    );
    let sessions = json["sessions"].as_array().unwrap();
    assert_eq!((sessions.len(), sessions[1]["id"].as_str()), (2, Some(again.session.to_string().as_str())));
    assert_eq!((&sessions[1]["current"], &sessions[1]["revoked_at"]), (&true.into(), &serde_json::Value::Null));
    assert_eq!((&sessions[0]["current"], &sessions[0]["revoke_reason"]), (&false.into(), &"reuse".into()));
    let events: Vec<_> = export_events(&json).collect();
    assert_eq!(events, ["user.registered", "token.reused", "login.succeeded"]);
    assert_eq!(
        (json["mails"][0]["template"].as_str(), json["mails"][1]["template"].as_str()),
        (Some("verify_email"), Some("security_alert"))
    );
    let text = json.to_string();
    assert!(!text.contains("bob@") && !text.contains(&bob.user.to_string()));
}

fn export_events(json: &serde_json::Value) -> impl Iterator<Item = &str> {
    json["events"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap())
}

/// REQ-40: no hash, salt or token, and no mail's content, since a link in it may still work.
fn an_export_holds_no_secret(bed: &Bed) {
    let service = bed.service();
    let ada = service.register("ada@example.org");
    bed.setup()
        .database
        .write_blocking(move |conn| email_outbox::insert(conn, &secret_mail(ada.user)))
        .map_err(|error: DbError| error)
        .unwrap();
    let export = block_on(service.service.export(&service.claims(&ada.access))).unwrap();
    let text = format!("{} {export:?}", serde_json::to_string(&export).unwrap());
    let salt = *bed.session(ada.session).salt.expose();
    let base64 = base64::engine::general_purpose::STANDARD_NO_PAD.encode(salt);
    let hex = format!("{:032x}", u128::from_be_bytes(salt[..16].try_into().unwrap()));
    let decimal = format!("{}, {}, {}", salt[0], salt[1], salt[2]);
    for secret in
        ["argon2", "$", "salt", "hash", "rt_", "eyJ", "the-link", PASSWORD, &base64, &hex, &decimal, &ada.refresh]
    {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

fn secret_mail(user: auth_core::UserId) -> NewEmail {
    let now = Timestamp::from_seconds(1_772_366_400);
    NewEmail {
        id: new_uuid(now, &OsRandom),
        user_id: Some(user),
        recipient: Hidden::new("ada@example.org".to_owned()),
        recipient_normalized: Hidden::new("ada@example.org".to_owned()),
        template: "reset".to_owned(),
        payload: Hidden::new("{\"link\":\"the-link\"}".to_owned()),
        dedupe_key: None,
        created_at: now,
        expires_at: now,
    }
}

fn there_is_nothing_to_export_of_a_deleted_account(bed: &Bed) {
    let service = bed.service();
    let claims = service.claims(&service.register("ada@example.org").access);
    block_on(service.service.delete_account(&claims, FreshProof::default(), &browser())).unwrap();
    assert!(matches!(block_on(service.service.export(&claims)), Err(AccountError::Gone)));
    assert!(matches!(block_on(service.service.profile(claims.user_id)), Err(AccountError::Gone)));
}
