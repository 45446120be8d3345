//! Devices that somebody has signed in on, so that strangers' guesses don't lock the owner out.
//!
//! A sign-in that passed every challenge gives the device a token. A later one that brings it has counts of its own, for
//! the rate limits and for the failures in a row: whoever doesn't have the token can't use them up. It lets nobody in.

use auth_core::{OneTimeToken, TokenPurpose, UserId, new_uuid};
use auth_persistence::device::{self, Device};
use auth_persistence::{DbConnection, DbError};
use uuid::Uuid;

use crate::client::Client;
use crate::service::Inner;

/// How many devices of a user are known: one more, and the one unused for longest is forgotten.
const MAX_DEVICES: u32 = 20;

/// A device that is known, and whose it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownDevice {
    pub(crate) id: Uuid,
    pub(crate) user: UserId,
}

impl Inner {
    /// The device whose token is `token`.
    pub(crate) async fn find_device(&self, token: &str) -> Result<Option<KnownDevice>, DbError> {
        let Some(hash) = self.one_time_tokens.hash(TokenPurpose::Device, token) else { return Ok(None) };
        let now = self.clock.now();
        let found = self.database.read(move |conn| device::find(conn, &hash, now)).await?;
        Ok(found.map(|device| KnownDevice { id: device.id, user: device.user_id }))
    }

    /// Notes that `user`, whose row is locked, has signed in on `known`. A device that isn't known, or not any more, gets
    /// a token.
    pub(crate) fn remember_device(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        known: Option<Uuid>,
        client: &Client,
    ) -> Result<Option<OneTimeToken>, DbError> {
        let now = self.clock.now();
        let expires_at = now.plus(self.config.device_token_life);
        if let Some(id) = known
            && device::renew(conn, id, user, now, expires_at)?
        {
            return Ok(None);
        }
        let (token, hash) = self.one_time_tokens.issue(TokenPurpose::Device, &*self.random);
        let id = new_uuid(now, &*self.random);
        let device =
            Device { id, user_id: user, label: client.device(), created_at: now, last_used_at: now, expires_at };
        // Before it is there: the new one is never the one to go, whatever other instances' clocks have written.
        device::keep_newest(conn, user, MAX_DEVICES - 1)?;
        device::insert(conn, &device, &hash)?;
        Ok(Some(token))
    }
}
