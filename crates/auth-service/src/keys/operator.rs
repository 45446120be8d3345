//! What an operator does with the keys, beside running servers: they take it over within a second.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{Clock, DataKeyPurpose, Random, Sealer, SecretRing, SigningAlgorithm, Timestamp};
use auth_persistence::signing_key::{self, SigningKeyEntry};
use auth_persistence::{Database, DbConnection};

use super::KeyError;
use super::data_keys::{DataKeys, Resealed};
use super::maker::{Maker, generate};
use super::plan::{Plan, is_live};
use super::rotation::{self, By, Rotation};

/// Looks after the keys of a database. It makes none of those that a server makes when it starts.
pub struct KeyKeeper {
    database: Database,
    algorithm: SigningAlgorithm,
    data_keys: Arc<DataKeys>,
}

/// How soon a new signing key takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// After it was published for a quarter of an hour; the tokens of the old key stay good until they expire.
    Planned,
    /// Within seconds, and the tokens of all other keys are refused from then on: one may have been stolen.
    AtOnce,
}

/// What a signing key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is published, and does not sign yet.
    Waiting,
    /// It signs, at every instance that has its algorithm set.
    Signing,
    /// It no longer signs; its tokens are accepted.
    Verifying,
    /// Its tokens are refused.
    Retired,
}

/// A signing key, without anything secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The key's name in tokens.
    pub kid: String,
    /// Its algorithm, as in `alg`.
    pub algorithm: String,
    /// What it does now.
    pub state: KeyState,
    /// Since when it has been published.
    pub published_at: Timestamp,
    /// From when on it signs.
    pub signs_from: Timestamp,
    /// From when on its tokens are refused, if that is known.
    pub verifies_until: Option<Timestamp>,
}

impl KeyKeeper {
    /// For the keys of `database`, which is migrated. New signing keys are of `algorithm`.
    pub fn new(
        database: Database,
        secrets: SecretRing,
        algorithm: SigningAlgorithm,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { database, algorithm, data_keys: Arc::new(DataKeys { secrets, clock, random }) }
    }

    /// All signing keys, in the order in which they sign. Blocks.
    ///
    /// # Errors
    ///
    /// [`KeyError::Database`].
    pub fn list(&self) -> Result<Vec<KeyInfo>, KeyError> {
        let keys = self.database.read_blocking(signing_key::entries)?;
        let now = self.data_keys.clock.now();
        Ok(keys.iter().map(|key| KeyInfo::of(key, &keys, now)).collect())
    }

    /// Makes a signing key that takes over from all others of its algorithm, unless one waits for that already; at once,
    /// from all others. Blocks.
    ///
    /// # Errors
    ///
    /// [`KeyError`], with nothing changed: [`KeyError::None`] where no server has run yet.
    pub fn rotate(&self, urgency: Urgency) -> Result<Rotation, KeyError> {
        let key = generate(self.algorithm, &*self.data_keys.random)?;
        let (plan, data_keys) = (self.plan(), Arc::clone(&self.data_keys));
        self.database.write_blocking(move |conn| {
            let maker = maker(conn, &data_keys)?;
            let keys = rotation::locked_entries(conn)?;
            let now = maker.clock.now();
            if let (Urgency::Planned, Some(waiting)) = (urgency, plan.successor(&keys, now)) {
                return Ok(Rotation::waiting(waiting));
            }
            let (by, changes) = match urgency {
                Urgency::Planned => (By::Operator, plan.rotation(&keys, now)),
                Urgency::AtOnce => (By::OperatorAtOnce, Plan::rotation_at_once(&keys, now)),
            };
            rotation::apply(conn, &maker, changes, Some(&key), by)?.ok_or(KeyError::None)
        })
    }

    /// Seals all data keys that `AUTH_SECRET_PREVIOUS` sealed under `AUTH_SECRET`, in one transaction. Doing it again does
    /// nothing. Blocks.
    ///
    /// # Errors
    ///
    /// [`KeyError`], with nothing changed: [`KeyError::WrongSecret`] when a key opens under neither secret.
    pub fn reseal(&self) -> Result<Resealed, KeyError> {
        let data_keys = Arc::clone(&self.data_keys);
        self.database.write_blocking(move |conn| data_keys.reseal(conn))
    }

    fn plan(&self) -> Plan {
        // Nothing is due by its age here.
        Plan { algorithm: self.algorithm, life: Duration::MAX }
    }
}

impl KeyInfo {
    fn of(key: &SigningKeyEntry, keys: &[SigningKeyEntry], now: Timestamp) -> Self {
        Self {
            kid: key.kid.clone(),
            algorithm: key.algorithm.clone(),
            state: state(key, keys, now),
            published_at: key.created_at,
            signs_from: key.activates_at,
            verifies_until: key.retires_at,
        }
    }
}

fn state(key: &SigningKeyEntry, keys: &[SigningKeyEntry], now: Timestamp) -> KeyState {
    let signs = |algorithm| {
        let plan = Plan { algorithm, life: Duration::MAX };
        plan.signing(keys, now).is_some_and(|signing| signing.kid == key.kid)
    };
    if !is_live(key, now) {
        KeyState::Retired
    } else if key.algorithm.parse().is_ok_and(signs) {
        KeyState::Signing
    } else if key.activates_at > now {
        KeyState::Waiting
    } else {
        KeyState::Verifying
    }
}

/// What makes keys that the servers can open.
fn maker(conn: &mut DbConnection, data_keys: &DataKeys) -> Result<Maker, KeyError> {
    let newest = data_keys.all(conn, DataKeyPurpose::SigningKeySealing)?.pop();
    let (_, sealing) = newest.ok_or(KeyError::None)?;
    let (clock, random) = (Arc::clone(&data_keys.clock), Arc::clone(&data_keys.random));
    Ok(Maker { sealer: Sealer::new(&sealing), audit: data_keys.audit_chain(conn)?, clock, random })
}
