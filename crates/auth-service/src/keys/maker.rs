//! Signing keys: made, sealed, opened.

use std::sync::Arc;

use auth_core::{AuditChain, Clock, Random, SealContext, Sealer, SigningAlgorithm, SigningKey, Timestamp};
use auth_persistence::signing_key::{self, SealedSigningKey};
use auth_persistence::{DbConnection, Hidden};

use super::KeyError;

/// Makes and opens signing keys.
pub(super) struct Maker {
    pub(super) sealer: Sealer,
    /// Seals what is written about it in the audit trail; none where no server has made its key.
    pub(super) audit: Option<AuditChain>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
}

impl Maker {
    /// Stores `key`, which signs from `signs_from` on.
    pub(super) fn store(
        &self,
        conn: &mut DbConnection,
        key: &SigningKey,
        signs_from: Timestamp,
    ) -> Result<(), KeyError> {
        let public_jwk = key.public_jwk().map(serde_json::to_string).transpose();
        let row = SealedSigningKey {
            kid: key.kid().to_owned(),
            algorithm: key.algorithm().as_str().to_owned(),
            private_sealed: Hidden::new(self.sealer.seal(context(key.kid()), &key.private_bytes(), &*self.random)),
            public_jwk: public_jwk.map_err(|error| KeyError::Generation(error.to_string()))?,
            created_at: self.clock.now(),
            activates_at: signs_from,
            retires_at: None,
        };
        Ok(signing_key::insert(conn, &row)?)
    }

    /// Opens a stored key. Its public half, too, is taken from what is sealed, never from the column beside it: whoever can
    /// write to the table, and doesn't have the secret, must not be able to publish a key.
    pub(super) fn open(&self, row: &SealedSigningKey) -> Result<SigningKey, KeyError> {
        let private = self.sealer.open(context(&row.kid), row.private_sealed.expose())?;
        let damaged = |error: &dyn std::fmt::Display| KeyError::Damaged(format!("{}: {error}", row.kid));
        let algorithm = row.algorithm.parse().map_err(|error| damaged(&error))?;
        SigningKey::from_private(&row.kid, algorithm, &private).map_err(|error| damaged(&error))
    }
}

/// A new key that nobody knows yet. For RSA that takes up to a second: not for a thread that others wait for.
pub(super) fn generate(algorithm: SigningAlgorithm, random: &dyn Random) -> Result<SigningKey, KeyError> {
    SigningKey::generate(algorithm, random).map_err(|error| KeyError::Generation(error.to_string()))
}

fn context(kid: &str) -> SealContext<'_> {
    SealContext { table: "signing_keys", column: "private_sealed", row: kid.as_bytes() }
}
