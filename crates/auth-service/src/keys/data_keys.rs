//! Data keys: opened by `AUTH_SECRET`, made where they are missing, and sealed anew when the secret is replaced.

use std::sync::Arc;

use auth_core::{AuditChain, Clock, DataKey, DataKeyPurpose, Random, SecretRing, UnwrappedKey, WrappedBy};
use auth_persistence::data_key::{self, SealedDataKey};
use auth_persistence::{DbConnection, Hidden};

use super::KeyError;

/// Opens and seals data keys.
pub(super) struct DataKeys {
    pub(super) secrets: SecretRing,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
}

/// What sealing all data keys anew came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// How many keys were sealed under the previous secret, and are now under the one in force.
    pub resealed: usize,
    /// How many were so already.
    pub already: usize,
}

impl DataKeys {
    /// The newest data key for `purpose`, made if there is none.
    pub(super) fn newest_or_new(&self, conn: &mut DbConnection, purpose: DataKeyPurpose) -> Result<DataKey, KeyError> {
        let newest = self.all_or_new(conn, purpose)?.pop();
        newest.map(|(_, key)| key).ok_or_else(|| KeyError::Damaged(format!("no key for {purpose}")))
    }

    /// All versions of the data key for `purpose`, oldest first; at least one, made if there is none.
    pub(super) fn all_or_new(
        &self,
        conn: &mut DbConnection,
        purpose: DataKeyPurpose,
    ) -> Result<Vec<(u8, DataKey)>, KeyError> {
        let mut keys = self.all(conn, purpose)?;
        if keys.is_empty() {
            let key = DataKey::generate(&*self.random);
            let key_sealed = Hidden::new(self.secrets.wrap(purpose, 1, &key, &*self.random));
            let purpose = purpose.as_str().to_owned();
            data_key::insert(conn, &SealedDataKey { purpose, version: 1, key_sealed, created_at: self.clock.now() })?;
            keys.push((1, key));
        }
        Ok(keys)
    }

    /// All versions of the data key for `purpose`, oldest first.
    pub(super) fn all(&self, conn: &mut DbConnection, purpose: DataKeyPurpose) -> Result<Vec<(u8, DataKey)>, KeyError> {
        let mut keys = Vec::new();
        for row in data_key::list(conn)?.into_iter().filter(|row| row.purpose == purpose.as_str()) {
            let opened = self.open(&row, purpose)?;
            if opened.wrapped_by == WrappedBy::Previous {
                let purpose = row.purpose;
                tracing::warn!(key = purpose, "sealed with AUTH_SECRET_PREVIOUS: keep that set until `keys reseal`");
            }
            keys.push((row.version, opened.key));
        }
        Ok(keys)
    }

    /// The audit chain of the database; none where no server has made its key.
    pub(super) fn audit_chain(&self, conn: &mut DbConnection) -> Result<Option<AuditChain>, KeyError> {
        self.all(conn, DataKeyPurpose::AuditChain)?.pop().map(|(_, key)| audit_chain(&key)).transpose()
    }

    /// Opens every data key, and keeps none.
    pub(super) fn open_all(&self, conn: &mut DbConnection) -> Result<(), KeyError> {
        for row in data_key::list(conn)? {
            let purpose = row.purpose.parse().map_err(|_| KeyError::UnknownPurpose(row.purpose.clone()))?;
            self.open(&row, purpose)?;
        }
        Ok(())
    }

    /// Seals every data key that the previous secret sealed under the one in force, inside the caller's transaction. The
    /// keys themselves stay: whoever has them open goes on with them.
    pub(super) fn reseal(&self, conn: &mut DbConnection) -> Result<Resealed, KeyError> {
        data_key::lock(conn)?;
        let mut result = Resealed::default();
        for row in data_key::list(conn)? {
            let purpose = row.purpose.parse().map_err(|_| KeyError::UnknownPurpose(row.purpose.clone()))?;
            let opened = self.open(&row, purpose)?;
            if opened.wrapped_by == WrappedBy::Current {
                result.already += 1;
                continue;
            }
            let sealed = self.secrets.wrap(purpose, row.version, &opened.key, &*self.random);
            if !data_key::update_sealed(conn, &row.purpose, row.version, row.key_sealed.expose(), &sealed)? {
                return Err(KeyError::Damaged(row.purpose));
            }
            result.resealed += 1;
        }
        if result == Resealed::default() { Err(KeyError::None) } else { Ok(result) }
    }

    fn open(&self, row: &SealedDataKey, purpose: DataKeyPurpose) -> Result<UnwrappedKey, KeyError> {
        Ok(self.secrets.unwrap(purpose, row.version, row.key_sealed.expose())?)
    }
}

/// The audit chain of the data key for it.
pub(super) fn audit_chain(key: &DataKey) -> Result<AuditChain, KeyError> {
    AuditChain::new(key).map_err(|error| KeyError::Damaged(error.to_string()))
}
