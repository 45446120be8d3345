//! The background job of the signing keys: every instance reads them again and again, so that what another instance or
//! the command line did is in force here within a second, and does what is due. Checking a token reads nothing.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{SharedKeyRing, SigningKey};
use auth_persistence::{DbError, signing_key};
use tokio::task::spawn_blocking;

use super::KeyError;
use super::maker::{Maker, generate};
use super::plan::{Changes, Plan};
use super::rotation::{self, By};
use super::shelf::Shelf;
use crate::fault::Fault;
use crate::service::{AuthService, Inner};

/// How often the keys are read. A rotation at once allows for a few times as much.
pub(crate) const KEY_POLL: Duration = Duration::from_secs(1);

/// The signing keys at work, and what they are made by.
pub(crate) struct SigningKeys {
    pub(super) maker: Maker,
    pub(super) plan: Plan,
    pub(super) shelf: Shelf,
}

impl SigningKeys {
    /// The ring in force.
    pub(crate) const fn ring(&self) -> &SharedKeyRing {
        self.shelf.ring()
    }
}

impl AuthService {
    /// Reads the signing keys once, puts them in force and makes a successor if one is due: what the background job does
    /// every second.
    ///
    /// # Errors
    ///
    /// [`Fault`] when the database can't be used. The keys that were read before are in force all the same, each at its
    /// time.
    pub async fn keep_keys(&self) -> Result<(), Fault> {
        Ok(self.inner().keep_keys().await?)
    }
}

impl Inner {
    pub(crate) async fn keep_keys(&self) -> Result<(), DbError> {
        let read = self.read_keys().await;
        // Also while the database is away: a successor signs from its time on.
        self.put_keys_in_force();
        read?;
        let due = self.signing_keys.plan.due(&self.signing_keys.shelf.entries(), self.clock.now());
        if due.is_none() {
            return Ok(());
        }
        self.change_keys(&due).await?;
        self.read_keys().await?;
        self.put_keys_in_force();
        Ok(())
    }

    async fn read_keys(&self) -> Result<(), DbError> {
        let (inner, now) = (self.handle(), self.clock.now());
        let read = move |conn: &mut _| {
            let entries = signing_key::entries(conn)?;
            let is_new = inner.signing_keys.shelf.lacks(&entries, now);
            let rows = if is_new { signing_key::list(conn, now)? } else { Vec::new() };
            Ok::<_, DbError>((entries, rows))
        };
        let (entries, rows) = self.database.read(read).await?;
        let SigningKeys { maker, plan, shelf } = &self.signing_keys;
        shelf.take(entries, &rows, maker, *plan);
        Ok(())
    }

    fn put_keys_in_force(&self) {
        let SigningKeys { plan, shelf, .. } = &self.signing_keys;
        if let Some(age) = shelf.put_in_force(*plan, self.clock.now()) {
            metrics::gauge!("auth_signing_key_age_seconds").set(age.as_secs_f64());
        }
    }

    /// Does what is due, unless another instance was faster.
    async fn change_keys(&self, due: &Changes) -> Result<(), DbError> {
        let key = if due.signs_from.is_some() { Some(self.generate_key().await?) } else { None };
        let inner = self.handle();
        let change = move |conn: &mut _| {
            let SigningKeys { maker, plan, .. } = &inner.signing_keys;
            let keys = rotation::locked_entries(conn)?;
            let due = plan.due(&keys, inner.clock.now());
            rotation::apply(conn, maker, due, key.as_ref(), By::Schedule).map(drop)
        };
        self.database.write(change).await.map_err(db_error)
    }

    async fn generate_key(&self) -> Result<SigningKey, DbError> {
        let (random, algorithm) = (Arc::clone(&self.random), self.signing_keys.plan.algorithm);
        let generated = spawn_blocking(move || generate(algorithm, &*random)).await;
        generated.map_err(|error| DbError::Internal(error.to_string()))?.map_err(db_error)
    }
}

/// What a background job reports.
fn db_error(error: KeyError) -> DbError {
    match error {
        KeyError::Database(error) => error,
        error => DbError::Internal(error.to_string()),
    }
}
