//! The statements of all requests, each made once.

use std::num::NonZeroU32;
use std::time::Duration;

use auth_core::{AuditHead, DisplayName, Email, Role, TokenPurpose};
use auth_persistence::audit_chain::StoredHead;
use auth_persistence::audit_checkpoint::AuditCheckpoint;
use auth_persistence::audit_trail::{Events, Span};
use auth_persistence::authenticator_failure::{ANY_LANE, Authenticator};
use auth_persistence::device::Device;
use auth_persistence::email_outbox::Prepared;
use auth_persistence::one_time_token::Subject;
use auth_persistence::user::{self, UserChange, Walk};
use auth_persistence::{
    DbConnection, DbError, Hidden, audit_chain, audit_checkpoint, audit_event, audit_trail, authenticator_failure,
    backup_code, device, email_outbox, known_client, lease, mail_budget, oauth_account, one_time_token,
    pending_registration, refresh, reserved_address, revocation, session, totp_credential,
};

use crate::rows::{
    NOW, audit_event, new_account, new_email, new_pending, new_session, new_token, new_user, session_id, token_hash,
    user_id, uuid,
};

const G: Duration = Duration::from_secs(30);

/// Every statement that a request can make.
pub(crate) fn all_statements(c: &mut DbConnection) -> Result<(), DbError> {
    user::insert(c, &new_user(1))?;
    session::insert(c, &new_session(1, 1))?;
    audit_event::insert(c, &audit_event(1, 1), None)?;
    email_outbox::insert(c, &new_email(1, Some("k")))?;
    revocation::insert(c, &[])?;
    look_up(c)?;
    change(c)?;
    refresh_statements(c)?;
    recovery(c)?;
    short_lived(c)?;
    outbox(c)?;
    second_factor(c)?;
    linked_accounts(c)?;
    devices(c)?;
    audit(c)?;
    administration(c)?;
    parsed_each_time(c)
}

fn look_up(c: &mut DbConnection) -> Result<(), DbError> {
    user::find(c, user_id(1))?;
    user::find_by_email(c, "a")?;
    user::find_by_username(c, "a")?;
    user::count_active_admins(c)?;
    session::find(c, session_id(1))?;
    session::find_with_user(c, session_id(1))?;
    session::list_live(c, user_id(1), NOW, NOW)?;
    audit_event::list_for_user(c, user_id(1))?;
    email_outbox::list_for_user(c, user_id(1))?;
    revocation::list_since(c, NOW)?;
    Ok(())
}

fn change(c: &mut DbConnection) -> Result<(), DbError> {
    user::update_profile(c, user_id(1), &UserChange::default(), NOW)?;
    user::update_password_hash(c, user_id(1), "a", "b", NOW)?;
    user::update_rehashed_password(c, user_id(1), "a", "b")?;
    user::update_last_login(c, user_id(1), NOW)?;
    user::raise_token_epoch(c, user_id(1))?;
    session::revoke_oldest_beyond(c, user_id(1), NonZeroU32::MIN, "limit", NOW)?;
    session::revoke_all(c, user_id(1), Some(session_id(1)), "password", NOW)?;
    session::revoke(c, session_id(2), user_id(1), "logout", NOW)?;
    user::delete(c, user_id(2))?;
    Ok(())
}

pub(crate) fn refresh_statements(c: &mut DbConnection) -> Result<(), DbError> {
    for grace in [Some(G), None] {
        refresh::rotate(c, session_id(1), 1, NOW, grace)?;
        refresh::revoke_reused(c, session_id(1), 5, 2, NOW, grace)?;
    }
    refresh::extend_hand_out(c, session_id(1), 2, 1, NOW, G)?;
    refresh::skip(c, session_id(1), 2, 1, NOW, G)?;
    refresh::mark_seen(c, session_id(1), 2)?;
    refresh::fast_forward(c, session_id(1), 5, 9, NOW)?;
    Ok(())
}

pub(crate) fn recovery(c: &mut DbConnection) -> Result<(), DbError> {
    let email = Email::parse("a@example.com").map_err(|error| DbError::Internal(error.to_string()))?;
    user::raise_security_epoch(c, user_id(1))?;
    user::set_password(c, user_id(1), Some("a"), NOW)?;
    user::set_password(c, user_id(1), None, NOW)?;
    user::set_email(c, user_id(1), &email, None, NOW)?;
    user::mark_email_verified(c, user_id(1), NOW)?;
    one_time_token::insert(c, &new_token(1, Subject::User(user_id(1))))?;
    one_time_token::find(c, TokenPurpose::Device, &token_hash(1), NOW)?;
    one_time_token::spend(c, TokenPurpose::Device, &token_hash(1), NOW)?;
    pending_registration::replace(c, &new_pending(1, 1))?;
    pending_registration::find(c, user_id(1), NOW)?;
    pending_registration::find_by_email(c, "a", NOW)?;
    pending_registration::take(c, user_id(1), NOW)?;
    Ok(())
}

pub(crate) fn short_lived(c: &mut DbConnection) -> Result<(), DbError> {
    authenticator_failure::add(c, user_id(1), Authenticator::Password, ANY_LANE)?;
    authenticator_failure::count(c, user_id(1), Authenticator::Password, ANY_LANE)?;
    authenticator_failure::clear(c, user_id(1), Authenticator::Password)?;
    reserved_address::reserve(c, "a", user_id(1), NOW)?;
    reserved_address::holder(c, "a", NOW)?;
    reserved_address::release(c, "a", user_id(1))?;
    mail_budget::take(c, "a", "b", NOW, NonZeroU32::MIN, G)?;
    for client in ["a", "b"] {
        known_client::note(c, user_id(1), client, NOW)?;
    }
    known_client::is_known(c, user_id(1), "a")?;
    known_client::any(c, user_id(1))?;
    Ok(())
}

/// What a worker and an operator do.
pub(crate) fn outbox(c: &mut DbConnection) -> Result<(), DbError> {
    let prepared = Prepared {
        user_id: None,
        recipient: Hidden::new("a".to_owned()),
        recipient_normalized: Hidden::new("a".to_owned()),
        template: "b".to_owned(),
        expires_at: Some(NOW),
        secret_sealed: None,
    };
    email_outbox::has_due(c, NOW)?;
    email_outbox::claim(c, NOW, NOW, 9)?;
    email_outbox::prepare(c, uuid(1), NOW, &prepared, NOW)?;
    email_outbox::mark_sent(c, uuid(1), NOW, NOW)?;
    email_outbox::retry_later(c, uuid(1), NOW, NOW, "a")?;
    email_outbox::release(c, uuid(1), NOW)?;
    email_outbox::fail(c, uuid(1), NOW, NOW, "a")?;
    email_outbox::give_up(c, uuid(1), NOW, NOW, "a")?;
    email_outbox::drop_claimed(c, uuid(1), NOW)?;
    email_outbox::delete_waiting(c, "a", "b")?;
    email_outbox::retry(c, uuid(1), NOW)?;
    email_outbox::retry_all(c, NOW)?;
    email_outbox::counts(c, NOW)?;
    email_outbox::delete_finished(c, NOW, 9)?;
    one_time_token::delete_expired(c, NOW, 9)?;
    pending_registration::delete_expired(c, NOW, 9)?;
    reserved_address::delete_expired(c, NOW, 9)?;
    mail_budget::delete_idle(c, NOW, 9)?;
    revocation::delete_expired(c, NOW, 9)?;
    session::delete_expired(c, NOW, 9)?;
    session::delete_revoked(c, NOW, 9)?;
    device::delete_expired(c, NOW, 9)?;
    lease::take(c, "a", uuid(1), NOW, NOW)?;
    lease::release(c, "a", uuid(1))?;
    Ok(())
}

pub(crate) fn second_factor(c: &mut DbConnection) -> Result<(), DbError> {
    totp_credential::begin(c, user_id(1), b"a", NOW)?;
    totp_credential::find(c, user_id(1))?;
    totp_credential::confirm(c, user_id(1), b"a", NOW, 1, NOW)?;
    totp_credential::use_step(c, user_id(1), 2)?;
    totp_credential::delete(c, user_id(1))?;
    backup_code::replace_all(c, user_id(1), &[[1; 32]], NOW)?;
    backup_code::spend(c, user_id(1), &[1; 32], NOW)?;
    backup_code::count_left(c, user_id(1))?;
    backup_code::delete_all(c, user_id(1))?;
    user::set_mfa_enabled(c, user_id(1), Some(NOW), NOW)?;
    user::set_mfa_enabled(c, user_id(1), None, NOW)?;
    session::prove_again(c, session_id(1), user_id(1), None, NOW)?;
    session::prove_again(c, session_id(1), user_id(1), Some("otp"), NOW)?;
    Ok(())
}

pub(crate) fn linked_accounts(c: &mut DbConnection) -> Result<(), DbError> {
    let email = Email::parse("a@example.com").map_err(|error| DbError::Internal(error.to_string()))?;
    let name = DisplayName::parse("a").map_err(|error| DbError::Internal(error.to_string()))?;
    for provider in ["a", "b"] {
        oauth_account::insert(c, &new_account(1, provider, "s"))?;
    }
    oauth_account::find(c, "a", "s")?;
    oauth_account::list(c, user_id(1))?;
    oauth_account::refresh(c, "a", "s", Some(&email), Some(&name), Some("b"))?;
    oauth_account::refresh(c, "a", "s", None, None, None)?;
    oauth_account::delete(c, user_id(1), "a")?;
    oauth_account::delete_all(c, user_id(1))?;
    user::fill_profile(c, user_id(1), Some(&name), Some("b"), NOW)?;
    user::fill_profile(c, user_id(1), None, Some("b"), NOW)?;
    Ok(())
}

/// What a sign-in does on a device, and a reset.
pub(crate) fn devices(c: &mut DbConnection) -> Result<(), DbError> {
    for number in [1, 2] {
        let device = Device {
            id: uuid(6_000_000 + u64::from(number)),
            user_id: user_id(1),
            label: None,
            created_at: NOW,
            last_used_at: NOW,
            expires_at: NOW.plus(G),
        };
        device::insert(c, &device, &token_hash(number))?;
    }
    device::find(c, &token_hash(1), NOW)?;
    device::renew(c, uuid(6_000_001), user_id(1), NOW, NOW.plus(G))?;
    device::list(c, user_id(1))?;
    device::keep_newest(c, user_id(1), 1)?;
    device::forget_all(c, user_id(1))?;
    authenticator_failure::clear_below(c, user_id(1), Authenticator::Password, ANY_LANE, 9)?;
    Ok(())
}

/// What links the audit trail, verifies it and deletes from it.
pub(crate) fn audit(c: &mut DbConnection) -> Result<(), DbError> {
    let id = audit_event(1, 1).id;
    let stored = StoredHead { head: AuditHead::empty(NOW), tag: [1; 32] };
    let checkpoint = AuditCheckpoint { sequence: 1, at: NOW, link: [1; 32], signature: [1; 64] };
    audit_chain::insert_head(c, &stored)?;
    audit_chain::lock_head(c)?;
    audit_chain::update_head(c, &stored)?;
    audit_chain::count_unsealed(c)?;
    audit_chain::lock_unsealed(c, id, 9)?;
    audit_chain::unsealed(c, id, 9)?;
    audit_chain::seal(c, id, 1, &[1; 32])?;
    audit_chain::lock_sealed(c, 0, 9)?;
    audit_chain::sealed(c, 0, 9)?;
    audit_chain::last_sequence(c)?;
    audit_chain::newest_untagged(c)?;
    audit_chain::untagged_since(c, NOW, 9)?;
    audit_chain::count_untagged_before(c, NOW)?;
    audit_chain::of_user(c, user_id(1), "a")?;
    audit_chain::delete_sealed(c, 0, 1)?;
    audit_chain::delete_unsealed(c, NOW, 9)?;
    audit_checkpoint::insert(c, &checkpoint)?;
    audit_checkpoint::last(c)?;
    audit_checkpoint::list(c, 0, 9)?;
    audit_checkpoint::delete_below(c, 1, 9)?;
    audit_event::forget_user(c, user_id(1))?;
    Ok(())
}

/// What administrators do.
pub(crate) fn administration(c: &mut DbConnection) -> Result<(), DbError> {
    for walk in [Walk::All, Walk::Disabled] {
        user::newest(c, walk, None, 9)?;
    }
    user::set_role(c, user_id(1), Role::Admin, NOW)?;
    user::set_disabled(c, user_id(1), Some(NOW), NOW)?;
    user::set_password_must_change(c, user_id(1), true, NOW)?;
    user::set_email_verified(c, user_id(1), None, NOW)?;
    user::set_premium(c, user_id(1), None, NOW)?;
    for events in [Events::All, Events::OfUser(user_id(1)), Events::Named("a")] {
        audit_trail::newest(c, events, Span::default(), 9)?;
    }
    Ok(())
}

/// Statements that diesel parses each time, for their list, their limit or their literal.
fn parsed_each_time(c: &mut DbConnection) -> Result<(), DbError> {
    one_time_token::end_for_user(c, user_id(1), &[TokenPurpose::Device, TokenPurpose::Activate], NOW)?;
    one_time_token::end_for_pending(c, user_id(1), &[TokenPurpose::Device], NOW)?;
    email_outbox::delete_unsent(c, user_id(1), Some("a"), &["b", "c"])?;
    email_outbox::list_open(c, 9)?;
    known_client::keep_newest(c, user_id(1), 1)?;
    user::load(c, &[user_id(1), user_id(2)])?;
    user::newest(c, Walk::Admins, None, 9)?;
    Ok(())
}
