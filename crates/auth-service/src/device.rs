//! Devices that somebody has signed in on, so that strangers' guesses don't lock the owner out.
//!
//! A sign-in that passed every challenge gives the device a token. A later one that brings it has counts of its own, for
//! the rate limits and for the failures in a row: whoever doesn't have the token can't use them up. It lets nobody in.

use auth_core::{OneTimeToken, TokenPurpose, UserId, new_uuid};
use auth_persistence::authenticator_failure::{ANY_LANE, KNOWN_DEVICE};
use auth_persistence::device::{self, Device};
use auth_persistence::{DbConnection, DbError};
use uuid::Uuid;

use crate::client::Client;
use crate::identifier::Identifier;
use crate::service::Inner;

/// How many devices of a user are known: one more, and the one unused for longest is forgotten.
const MAX_DEVICES: u32 = 20;

/// A device that is known, and whose it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownDevice {
    pub(crate) id: Uuid,
    pub(crate) user: UserId,
}

/// The lane that failures on `device` are counted in: others can't use up that of known ones.
pub(crate) const fn lane_of(device: Option<Uuid>) -> &'static str {
    if device.is_some() { KNOWN_DEVICE } else { ANY_LANE }
}

impl Inner {
    /// The device of `token`, if it is known as that of whoever is called `identifier`.
    pub(crate) async fn known_device(
        &self,
        identifier: &Identifier,
        token: Option<&str>,
    ) -> Result<Option<KnownDevice>, DbError> {
        let hash = token.and_then(|token| self.one_time_tokens.hash(TokenPurpose::Device, token));
        let Some(hash) = hash else { return Ok(None) };
        let (identifier, now) = (identifier.clone(), self.clock.now());
        self.database
            .read(move |conn| {
                let Some(device) = device::find(conn, &hash, now)? else { return Ok(None) };
                let user = identifier.find(conn)?.filter(|user| user.id == device.user_id);
                Ok(user.map(|user| KnownDevice { id: device.id, user: user.id }))
            })
            .await
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
