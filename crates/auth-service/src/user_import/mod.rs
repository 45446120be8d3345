//! Users from a file, in bulk: each line becomes an account, or is told why not. Nothing is hashed and nobody gets a mail.
//!
//! - Here: a batch of lines, checked or stored in one transaction.
//! - `there` tells what is there already; `seen` what stood in the file before.

mod seen;
mod there;

use std::ops::Range;
use std::sync::Arc;

use auth_core::UserId;
use auth_persistence::{Conflict, DbConnection, DbError};
use serde_json::json;

pub use self::seen::SeenUsers;
use self::there::{There, Verdict};
use crate::audit::Event;
use crate::client::Client;
use crate::fault::Fault;
use crate::service::{AuthService, Inner};
use crate::user_record::{RefusedRecord, StoredUser, UserRecord};

/// What becomes of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    /// It is a new account.
    New,
    /// The account is there, and is what the line says: it was imported before.
    There(UserId),
    /// There is, or would be, no account of it.
    Refused(RefusedRecord),
}

impl AuthService {
    /// Reads a line of a file of users. Linked accounts that tell no issuer get that of the provider which is configured
    /// here.
    ///
    /// # Errors
    ///
    /// [`RefusedRecord`].
    pub fn read_user(&self, line: &[u8]) -> Result<UserRecord, RefusedRecord> {
        let mut record = UserRecord::parse(line)?;
        for (at, account) in record.linked_accounts.iter_mut().enumerate() {
            if account.issuer.is_none() {
                let provider = self.inner().providers.find(&account.provider);
                let issuer = provider.ok_or_else(|| {
                    let field = format!("linked_accounts[{at}].issuer");
                    RefusedRecord::field(field, "required, since no provider of this name is configured")
                })?;
                account.issuer = Some(issuer.identity_issuer().to_owned());
            }
        }
        Ok(record)
    }

    /// What would become of `records`, each with the number of its line, after those that were checked with `seen` before.
    /// Nothing is written.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub async fn check_users(
        &self,
        records: Vec<(u64, UserRecord)>,
        seen: &mut SeenUsers,
    ) -> Result<Vec<ImportOutcome>, Fault> {
        let handle = self.inner().handle();
        let (records, verdicts) = self
            .inner()
            .database
            .read(move |conn| {
                let there = There::of(&handle, conn, records.iter().map(|(_, record)| record))?;
                let verdicts: Vec<Verdict> = records.iter().map(|(_, record)| there.judge(record)).collect();
                Ok::<_, DbError>((records, verdicts))
            })
            .await?;
        let outcomes = records.iter().zip(verdicts).map(|((line, record), verdict)| match verdict {
            Verdict::New => seen.take(*line, record).map_or(ImportOutcome::New, ImportOutcome::Refused),
            Verdict::There(id) => ImportOutcome::There(id),
            Verdict::Refused(refused) => ImportOutcome::Refused(refused),
        });
        Ok(outcomes.collect())
    }

    /// Stores `records` in one transaction, but for those that are refused. What is there already stays as it is.
    ///
    /// # Errors
    ///
    /// [`Fault`]: then nobody of the batch was stored, unless somebody else stood in the way and they were stored one by one.
    pub async fn import_users(&self, records: Vec<UserRecord>) -> Result<Vec<ImportOutcome>, Fault> {
        let records = Arc::new(records);
        match self.store(&records, 0..records.len()).await {
            // Somebody took an address at the same time, or it is kept for somebody: it has to be found out whose.
            Err(DbError::UniqueViolation(_) | DbError::ForeignKeyViolation | DbError::Busy) => {}
            stored => return Ok(stored?),
        }
        let mut outcomes = Vec::with_capacity(records.len());
        for at in 0..records.len() {
            outcomes.extend(match self.store(&records, at..at + 1).await {
                Err(DbError::UniqueViolation(conflict)) => vec![ImportOutcome::Refused(taken(&conflict))],
                stored => stored?,
            });
        }
        Ok(outcomes)
    }

    async fn store(&self, records: &Arc<Vec<UserRecord>>, range: Range<usize>) -> Result<Vec<ImportOutcome>, DbError> {
        let (handle, records) = (self.inner().handle(), Arc::clone(records));
        self.inner().database.write(move |conn| handle.store_users(conn, &records[range])).await
    }
}

impl Inner {
    fn store_users(&self, conn: &mut DbConnection, records: &[UserRecord]) -> Result<Vec<ImportOutcome>, DbError> {
        let mut there = There::of(self, conn, records.iter())?;
        let mut outcomes = Vec::with_capacity(records.len());
        for record in records {
            outcomes.push(match there.judge(record) {
                Verdict::There(id) => ImportOutcome::There(id),
                Verdict::Refused(refused) => ImportOutcome::Refused(refused),
                Verdict::New => {
                    let stored = StoredUser::of(record, self.clock.now(), &*self.random);
                    stored.insert(self, conn)?;
                    let details = json!({ "by": "import" });
                    self.record(conn, Event::AdminUserCreated, Some(stored.user.id), &Client::default(), details)?;
                    there.add(stored);
                    ImportOutcome::New
                }
            });
        }
        Ok(outcomes)
    }
}

/// Why a line is refused that lost a race, or whose address is kept for who had it until lately.
fn taken(conflict: &Conflict) -> RefusedRecord {
    let (field, reason) = match conflict {
        Conflict::UserId => ("id", "another account has it"),
        Conflict::UserEmail => ("email", "another account has it, or may take it back"),
        Conflict::UserUsername => ("username", "another account has it"),
        Conflict::OAuthIdentity | Conflict::OAuthProvider => ("linked_accounts", "another account has one of them"),
        _ => return RefusedRecord::line("it is there already"),
    };
    RefusedRecord::field(field, reason)
}
