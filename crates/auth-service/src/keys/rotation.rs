//! Changing the table of signing keys, in one transaction with the table locked, and its trace in the audit trail.

use auth_core::{AuditEventId, SigningKey, Timestamp};
use auth_persistence::audit_event::AuditEvent;
use auth_persistence::signing_key::{self, SigningKeyEntry};
use auth_persistence::{DbConnection, DbError};
use serde_json::json;

use super::KeyError;
use super::maker::Maker;
use super::plan::Changes;
use crate::audit;

/// A new signing key, and what becomes of those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The new key's name in tokens.
    pub kid: String,
    /// Its algorithm, as in `alg`.
    pub algorithm: String,
    /// From when on it signs; it is published already.
    pub signs_from: Timestamp,
    /// The keys whose end was set by this rotation.
    pub replaced: Vec<Replaced>,
    /// Whether the key was there already and waits for its time: nothing was changed.
    pub was_waiting: bool,
}

/// A key that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The key's name in tokens.
    pub kid: String,
    /// From when on its tokens are refused.
    pub verifies_until: Timestamp,
}

/// Who had a key made, as the audit trail names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The age of the keys.
    Schedule,
    /// The command line.
    Operator,
    /// The command line, with the keys before it refused at once.
    OperatorAtOnce,
}

impl Rotation {
    /// None: this one waits already.
    pub(super) fn waiting(key: &SigningKeyEntry) -> Self {
        Self {
            kid: key.kid.clone(),
            algorithm: key.algorithm.clone(),
            signs_from: key.activates_at,
            replaced: Vec::new(),
            was_waiting: true,
        }
    }
}

/// All keys, which nobody else changes until the caller's transaction ends.
pub(super) fn locked_entries(conn: &mut DbConnection) -> Result<Vec<SigningKeyEntry>, DbError> {
    signing_key::lock(conn)?;
    signing_key::entries(conn)
}

/// Carries out what was decided on [`locked_entries`], in the same transaction. `key` is what is stored if a key is
/// wanted; if one is and there is none, nothing is done: more is wanted than before the lock.
pub(super) fn apply(
    conn: &mut DbConnection,
    maker: &Maker,
    changes: Changes,
    key: Option<&SigningKey>,
    by: By,
) -> Result<Option<Rotation>, KeyError> {
    let Changes { signs_from, retire: ends, delete_until } = changes;
    let made = signs_from.zip(key);
    if signs_from.is_some() && made.is_none() {
        return Ok(None);
    }
    let replaced = retire(conn, ends)?;
    if let Some(end) = delete_until {
        let deleted = signing_key::delete_retired(conn, end)?;
        tracing::info!(deleted, "deleted signing keys that retired long ago");
    }
    let Some((signs_from, key)) = made else { return Ok(None) };
    maker.store(conn, key, signs_from)?;
    let (kid, algorithm) = (key.kid().to_owned(), key.algorithm().as_str().to_owned());
    let rotation = Rotation { kid, algorithm, signs_from, replaced, was_waiting: false };
    record(conn, maker, &rotation, by)?;
    Ok(Some(rotation))
}

fn retire(conn: &mut DbConnection, keys: Vec<(String, Timestamp)>) -> Result<Vec<Replaced>, DbError> {
    let mut replaced = Vec::new();
    for (kid, verifies_until) in keys {
        if signing_key::retire(conn, &kid, verifies_until)? {
            tracing::info!(kid, %verifies_until, "the end of a signing key is set");
            replaced.push(Replaced { kid, verifies_until });
        }
    }
    Ok(replaced)
}

/// Nobody's account is concerned, and who sat at the command line is not known.
fn record(conn: &mut DbConnection, maker: &Maker, rotation: &Rotation, by: By) -> Result<(), DbError> {
    let now = maker.clock.now();
    let replaced: Vec<&str> = rotation.replaced.iter().map(|key| key.kid.as_str()).collect();
    let event = AuditEvent {
        id: AuditEventId::new(now, &*maker.random),
        at: now,
        event: audit::KEYS_ROTATED.to_owned(),
        outcome: "success".to_owned(),
        user_id: None,
        actor_id: None,
        ip: None,
        user_agent: None,
        request_id: None,
        details: json!({
            "by": if by == By::Schedule { "schedule" } else { "operator" },
            "at_once": by == By::OperatorAtOnce,
            "kid": rotation.kid,
            "algorithm": rotation.algorithm,
            "signs_from": rotation.signs_from,
            "replaced": replaced,
        }),
    };
    tracing::info!(
        target: "audit",
        event = event.event,
        outcome = event.outcome,
        kid = rotation.kid,
        algorithm = rotation.algorithm,
        signs_from = %rotation.signs_from,
        at_once = by == By::OperatorAtOnce,
        "audit"
    );
    audit::write(conn, maker.audit.as_ref(), &event, &*maker.random)
}
