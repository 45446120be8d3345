//! The keys: opened at start, and made where they are missing. All instances of one database agree on them, since
//! they are made under the lock that instances start under.

use std::sync::Arc;

use auth_core::{
    BackupCodeHasher, CannotOpen, Clock, DataKey, DataKeyPurpose, KeyRing, OneTimeTokens, PublicJwk, Random,
    RefreshTokens, SealContext, Sealer, SecretRing, SigningAlgorithm, SigningKey, VerificationKey, WrappedBy,
};
use auth_persistence::data_key::{self, SealedDataKey};
use auth_persistence::signing_key::{self, SealedSigningKey};
use auth_persistence::{Database, DbConnection, DbError, Hidden, OpenError};

/// The keys can't be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Sealed under another secret.
    #[error("the stored keys were sealed with another AUTH_SECRET: set the one that this database was made with")]
    WrongSecret,
    /// A row that no version of this program wrote.
    #[error("a stored key is damaged: {0}")]
    Damaged(String),
    /// The cryptographic library refused.
    #[error("a key can't be made: {0}")]
    Generation(String),
    /// The database can't be used.
    #[error("the database can't be used: {0}")]
    Database(#[from] DbError),
    /// The lock that instances start under can't be taken.
    #[error(transparent)]
    Lock(#[from] OpenError),
}

impl From<CannotOpen> for KeyError {
    fn from(_: CannotOpen) -> Self {
        Self::WrongSecret
    }
}

/// The keys at work.
pub(crate) struct OpenedKeys {
    pub(crate) ring: KeyRing,
    pub(crate) refresh_tokens: RefreshTokens,
    pub(crate) one_time_tokens: OneTimeTokens,
    pub(crate) outbox_sealer: Sealer,
    pub(crate) totp_sealer: Sealer,
    pub(crate) backup_code_hasher: BackupCodeHasher,
}

/// What opening and making keys needs.
pub(crate) struct Opener {
    pub(crate) secrets: SecretRing,
    pub(crate) algorithm: SigningAlgorithm,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

impl Opener {
    /// Opens the keys of `database`, and makes those that are missing.
    pub(crate) fn open(self, database: &Database) -> Result<OpenedKeys, KeyError> {
        database.with_startup_lock(move |conn| self.open_all(conn))
    }

    fn open_all(&self, conn: &mut DbConnection) -> Result<OpenedKeys, KeyError> {
        let refresh = self.data_keys(conn, DataKeyPurpose::RefreshMac)?;
        let refresh_tokens = RefreshTokens::new(&refresh).map_err(|error| KeyError::Damaged(error.to_string()))?;
        let sealing = self.newest_data_key(conn, DataKeyPurpose::SigningKeySealing)?;
        Ok(OpenedKeys {
            ring: self.ring(conn, &Sealer::new(&sealing))?,
            refresh_tokens,
            one_time_tokens: OneTimeTokens::new(&self.newest_data_key(conn, DataKeyPurpose::TokenHash)?),
            outbox_sealer: Sealer::new(&self.newest_data_key(conn, DataKeyPurpose::OutboxSealing)?),
            totp_sealer: Sealer::new(&self.newest_data_key(conn, DataKeyPurpose::TotpSealing)?),
            backup_code_hasher: BackupCodeHasher::new(&self.newest_data_key(conn, DataKeyPurpose::BackupCodeHash)?),
        })
    }

    fn newest_data_key(&self, conn: &mut DbConnection, purpose: DataKeyPurpose) -> Result<DataKey, KeyError> {
        let newest = self.data_keys(conn, purpose)?.pop();
        newest.map(|(_, key)| key).ok_or_else(|| KeyError::Damaged(format!("no key for {purpose}")))
    }

    /// All versions of the data key for `purpose`, oldest first; at least one.
    fn data_keys(&self, conn: &mut DbConnection, purpose: DataKeyPurpose) -> Result<Vec<(u8, DataKey)>, KeyError> {
        let mut keys = Vec::new();
        for row in data_key::list(conn)?.into_iter().filter(|row| row.purpose == purpose.as_str()) {
            let opened = self.secrets.unwrap(purpose, row.version, row.key_sealed.expose())?;
            if opened.wrapped_by == WrappedBy::Previous {
                tracing::warn!(key = row.purpose, "a key is still sealed with AUTH_SECRET_PREVIOUS: keep that set");
            }
            keys.push((row.version, opened.key));
        }
        if keys.is_empty() {
            let key = DataKey::generate(&*self.random);
            let key_sealed = Hidden::new(self.secrets.wrap(purpose, 1, &key, &*self.random));
            let purpose = purpose.as_str().to_owned();
            data_key::insert(conn, &SealedDataKey { purpose, version: 1, key_sealed, created_at: self.clock.now() })?;
            keys.push((1, key));
        }
        Ok(keys)
    }

    fn ring(&self, conn: &mut DbConnection, sealer: &Sealer) -> Result<KeyRing, KeyError> {
        let now = self.clock.now();
        let mut rows = signing_key::list(conn, now)?;
        rows.sort_by_key(|row| row.activates_at);
        let current = rows.iter().rposition(|row| {
            row.algorithm == self.algorithm.as_str() && row.activates_at <= now && row.retires_at.is_none()
        });
        let signing = match current {
            Some(index) => Self::open_signing_key(&rows.swap_remove(index), sealer)?,
            None => self.make_signing_key(conn, sealer)?,
        };
        let mut ring = KeyRing::new(Arc::new(signing));
        for row in rows {
            let key = Self::verification_key(&row, sealer)?;
            ring = ring.with_key(key, row.retires_at).map_err(|error| KeyError::Damaged(error.to_string()))?;
        }
        Ok(ring)
    }

    fn open_signing_key(row: &SealedSigningKey, sealer: &Sealer) -> Result<SigningKey, KeyError> {
        let private = sealer.open(context(&row.kid), row.private_sealed.expose())?;
        let algorithm = row.algorithm.parse().map_err(|_| KeyError::Damaged(row.kid.clone()))?;
        SigningKey::from_private(&row.kid, algorithm, &private).map_err(|error| KeyError::Damaged(error.to_string()))
    }

    fn make_signing_key(&self, conn: &mut DbConnection, sealer: &Sealer) -> Result<SigningKey, KeyError> {
        let now = self.clock.now();
        let key = SigningKey::generate(self.algorithm, &*self.random)
            .map_err(|error| KeyError::Generation(error.to_string()))?;
        let public_jwk = key.public_jwk().map(serde_json::to_string).transpose();
        let row = SealedSigningKey {
            kid: key.kid().to_owned(),
            algorithm: self.algorithm.as_str().to_owned(),
            private_sealed: Hidden::new(sealer.seal(context(key.kid()), &key.private_bytes(), &*self.random)),
            public_jwk: public_jwk.map_err(|error| KeyError::Generation(error.to_string()))?,
            created_at: now,
            activates_at: now,
            retires_at: None,
        };
        signing_key::insert(conn, &row)?;
        tracing::info!(kid = row.kid, algorithm = row.algorithm, "made a signing key");
        Ok(key)
    }

    /// Keys of another algorithm still verify: the configured one may have been changed.
    fn verification_key(row: &SealedSigningKey, sealer: &Sealer) -> Result<Arc<VerificationKey>, KeyError> {
        let damaged = |error: &dyn std::fmt::Display| KeyError::Damaged(format!("{}: {error}", row.kid));
        match &row.public_jwk {
            Some(jwk) => {
                let jwk = PublicJwk::parse(jwk).map_err(|error| damaged(&error))?;
                Ok(Arc::new(VerificationKey::from_jwk(jwk).map_err(|error| damaged(&error))?))
            }
            None => Ok(Arc::clone(Self::open_signing_key(row, sealer)?.verification_key())),
        }
    }
}

fn context(kid: &str) -> SealContext<'_> {
    SealContext { table: "signing_keys", column: "private_sealed", row: kid.as_bytes() }
}
