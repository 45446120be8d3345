//! A database that was restored from a backup says what was true then: sessions that were ended since live again, links
//! that were used are good again, mails that were sent wait again, and a key that was replaced because it had been stolen
//! signs again. Before the first server starts on it, all of that is ended.
//!
//! What a backup can't know: passwords that were changed since are the old ones, and accounts that were deleted since are
//! there.

use std::sync::Arc;

use auth_core::{AuditEventId, Clock, Random, SecretRing, Timestamp, TotpStep};
use auth_persistence::audit_event::AuditEvent;
use auth_persistence::{Database, DbConnection, everybody};
use serde_json::json;

use crate::audit::{self, Event};
use crate::keys::{KeyError, audit_chain_in};
use crate::logout::Reason;

/// By how much epochs rise: more than anybody raised them between the backup and now, so that nothing of that time
/// carries one that is good.
const LEAP: i64 = 1 << 20;

/// What has to be done to a restored database.
pub struct Restoration {
    secrets: SecretRing,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// What was ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revived {
    /// Sessions.
    pub sessions: usize,
    /// Links that were mailed.
    pub links: usize,
    /// Mails that were not sent when the backup was made.
    pub mails: usize,
    /// Backup codes, spent or not.
    pub backup_codes: usize,
    /// Devices that were known.
    pub devices: usize,
    /// Signing keys, and all access tokens with them.
    pub signing_keys: usize,
}

impl Restoration {
    /// With the secrets that the backup's keys were sealed under.
    pub fn new(secrets: SecretRing, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { secrets, clock, random }
    }

    /// Makes sure that the secrets open the keys of the database, and changes nothing: for a database that has moved, while
    /// no server wrote to the old one.
    ///
    /// # Errors
    ///
    /// [`KeyError::WrongSecret`] when they don't, [`KeyError`].
    pub fn check(self, conn: &mut DbConnection) -> Result<(), KeyError> {
        audit_chain_in(conn, self.secrets, self.clock, self.random).map(drop)
    }

    /// Ends everything that a backup brings back to life, inside the caller's transaction, and writes that to the audit
    /// trail. No server may run on the database.
    ///
    /// # Errors
    ///
    /// [`KeyError::WrongSecret`] when the secrets don't open the keys of the database, [`KeyError`].
    pub fn end_revived(self, conn: &mut DbConnection) -> Result<Revived, KeyError> {
        let Self { secrets, clock, random } = self;
        let now = clock.now();
        let chain = audit_chain_in(conn, secrets, clock, Arc::clone(&random))?;
        let revived = Revived {
            sessions: everybody::revoke_every_session(conn, Reason::Restored.as_str(), now)?,
            links: everybody::end_every_link(conn, now)?,
            mails: everybody::delete_every_unsent_mail(conn)?,
            backup_codes: everybody::delete_every_backup_code(conn)?,
            devices: everybody::delete_every_device(conn)?,
            signing_keys: everybody::delete_every_signing_key(conn)?,
        };
        everybody::raise_every_epoch(conn, LEAP)?;
        // The code that an app shows now may have been used a moment ago; the next one but one is certainly new.
        everybody::use_every_step_until(conn, TotpStep::at(now).as_i64() + 1)?;
        audit::write(conn, chain.as_ref(), &event(&revived, now, &*random), &*random)?;
        Ok(revived)
    }

    /// [`Restoration::end_revived`] in a database that was restored by other means, and is migrated. Servers that start
    /// meanwhile wait. Blocks.
    ///
    /// # Errors
    ///
    /// As there, with nothing changed.
    pub fn end_revived_in(self, database: &Database) -> Result<Revived, KeyError> {
        database.with_startup_lock(move |conn| self.end_revived(conn))
    }
}

fn event(revived: &Revived, now: Timestamp, random: &dyn Random) -> AuditEvent {
    AuditEvent {
        id: AuditEventId::new(now, random),
        at: now,
        event: Event::AdminSessionsRevoked.as_str().to_owned(),
        outcome: "success".to_owned(),
        user_id: None,
        actor_id: None,
        ip: None,
        user_agent: None,
        request_id: None,
        details: json!({ "by": "operator", "restored": true, "sessions": revived.sessions }),
    }
}
