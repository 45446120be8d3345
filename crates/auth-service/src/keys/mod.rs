//! The keys: data keys under `AUTH_SECRET`, and signing keys under a data key. All instances of one database agree on
//! them: the rows decide, and whoever makes a row has a lock.
//!
//! - `data_keys` opens, makes and reseals data keys.
//! - `plan` decides when signing keys come and go; `rotation` carries that out, with the table locked.
//! - `maker` makes and opens signing keys; `shelf` holds those that are open, and the ring made of them.
//! - `upkeep` is the background job: it reads the keys and does what is due. `operator` is for the command line.

mod data_keys;
mod maker;
mod operator;
mod plan;
mod rotation;
mod shelf;
#[cfg(test)]
mod tests;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    AuditChain, BackupCodeHasher, CannotOpen, Clock, DataKeyPurpose, KeyRing, OneTimeTokens, Random, RefreshTokens,
    Sealer, SecretRing, SharedKeyRing, SigningAlgorithm, SubjectHasher,
};
use auth_persistence::signing_key;
use auth_persistence::{Database, DbConnection, DbError, OpenError};

pub use self::data_keys::Resealed;
use self::data_keys::{DataKeys, audit_chain};
use self::maker::Maker;
pub use self::operator::{KeyInfo, KeyKeeper, KeyState, Urgency};
use self::plan::Plan;
pub use self::rotation::{Replaced, Rotation};
use self::shelf::Shelf;
pub(crate) use self::upkeep::{KEY_POLL, SigningKeys};

/// The keys can't be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Sealed under another secret.
    #[error("the stored keys were sealed with another AUTH_SECRET: set the one that this database was made with")]
    WrongSecret,
    /// A row that no version of this program wrote.
    #[error("a stored key is damaged: {0}")]
    Damaged(String),
    /// A row of a newer version of this program.
    #[error("there is a key for `{0}`, which this version doesn't know: use the version that the servers run")]
    UnknownPurpose(String),
    /// No server has run on this database.
    #[error("there are no keys yet: a server makes them when it starts")]
    None,
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
    pub(crate) signing_keys: SigningKeys,
    pub(crate) refresh_tokens: RefreshTokens,
    pub(crate) one_time_tokens: OneTimeTokens,
    pub(crate) outbox_sealer: Sealer,
    pub(crate) totp_sealer: Sealer,
    pub(crate) backup_code_hasher: BackupCodeHasher,
    pub(crate) subject_hasher: SubjectHasher,
    pub(crate) audit_chain: AuditChain,
    pub(crate) news_sealer: Sealer,
}

/// What opening and making keys needs.
pub(crate) struct Opener {
    pub(crate) secrets: SecretRing,
    pub(crate) algorithm: SigningAlgorithm,
    /// How long a key signs.
    pub(crate) life: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

impl Opener {
    /// Opens the keys of `database`, and makes those that are missing.
    pub(crate) fn open(self, database: &Database) -> Result<OpenedKeys, KeyError> {
        database.with_startup_lock(move |conn| self.open_all(conn))
    }

    fn open_all(self, conn: &mut DbConnection) -> Result<OpenedKeys, KeyError> {
        let Self { secrets, algorithm, life, clock, random } = self;
        let data_keys = DataKeys { secrets, clock: Arc::clone(&clock), random: Arc::clone(&random) };
        let refresh = data_keys.all_or_new(conn, DataKeyPurpose::RefreshMac)?;
        let sealing = data_keys.newest_or_new(conn, DataKeyPurpose::SigningKeySealing)?;
        let token_hash = data_keys.newest_or_new(conn, DataKeyPurpose::TokenHash)?;
        let audit_chain = audit_chain(&data_keys.newest_or_new(conn, DataKeyPurpose::AuditChain)?)?;
        let maker = Maker { sealer: Sealer::new(&sealing), audit: Some(audit_chain.clone()), clock, random };
        Ok(OpenedKeys {
            refresh_tokens: RefreshTokens::new(&refresh).map_err(|error| KeyError::Damaged(error.to_string()))?,
            signing_keys: signing_keys(conn, maker, Plan { algorithm, life })?,
            one_time_tokens: OneTimeTokens::new(&token_hash),
            subject_hasher: SubjectHasher::new(&token_hash),
            audit_chain,
            news_sealer: Sealer::new(&data_keys.newest_or_new(conn, DataKeyPurpose::NewsSealing)?),
            outbox_sealer: Sealer::new(&data_keys.newest_or_new(conn, DataKeyPurpose::OutboxSealing)?),
            totp_sealer: Sealer::new(&data_keys.newest_or_new(conn, DataKeyPurpose::TotpSealing)?),
            backup_code_hasher: BackupCodeHasher::new(&data_keys.newest_or_new(conn, DataKeyPurpose::BackupCodeHash)?),
        })
    }
}

/// The audit chain of `database`, for its operator: nothing is made.
pub(crate) fn open_audit_chain(
    database: &Database,
    secrets: SecretRing,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<AuditChain, KeyError> {
    let data_keys = DataKeys { secrets, clock, random };
    database.read_blocking(move |conn| data_keys.audit_chain(conn))?.ok_or(KeyError::None)
}

/// The audit chain of the database, inside the caller's transaction; none where no server has made its key. Every data key
/// is opened on the way, so that what was restored is known to be of use.
pub(crate) fn audit_chain_in(
    conn: &mut DbConnection,
    secrets: SecretRing,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Option<AuditChain>, KeyError> {
    let data_keys = DataKeys { secrets, clock, random };
    data_keys.open_all(conn)?;
    data_keys.audit_chain(conn)
}

/// The signing keys of the table, with one at least that signs now.
fn signing_keys(conn: &mut DbConnection, maker: Maker, plan: Plan) -> Result<SigningKeys, KeyError> {
    let now = maker.clock.now();
    if plan.has_no_key(&signing_key::entries(conn)?, now) {
        make_first(conn, &maker, plan)?;
    }
    let shelf = Shelf::new(SharedKeyRing::new(KeyRing::verifying_only()));
    shelf.take_all(signing_key::entries(conn)?, &signing_key::list(conn, now)?, &maker, plan)?;
    if shelf.put_in_force(plan, now).is_none() {
        return Err(KeyError::Damaged("no key signs".to_owned()));
    }
    Ok(SigningKeys { maker, plan, shelf })
}

/// Makes the first key of an algorithm. An instance that runs already may be about to: the table's lock keeps it off.
fn make_first(conn: &mut DbConnection, maker: &Maker, plan: Plan) -> Result<(), KeyError> {
    let keys = rotation::locked_entries(conn)?;
    let now = maker.clock.now();
    if !plan.has_no_key(&keys, now) {
        return Ok(());
    }
    let key = maker::generate(plan.algorithm, &*maker.random)?;
    maker.store(conn, &key, now)?;
    tracing::info!(kid = key.kid(), algorithm = plan.algorithm.as_str(), "made a signing key");
    Ok(())
}
