//! What was revoked within one access token's lifetime, in memory, so that a bearer check costs no I/O.
//!
//! The database is the truth; whoever runs the process feeds this list from it. Sessions are listed by id, and users by
//! the lowest token epoch that is still good: no decision compares times, so two events in one second can't be mixed up.
//!
//! What was changed of a user's premium within that time is here as well: it refuses nothing, but it is newer than the
//! claim of a token.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use uuid::Uuid;

use crate::access_token::AccessClaims;
use crate::id::{SessionId, UserId};
use crate::time::Timestamp;

/// Why the list refuses a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Revoked {
    /// Its session was ended.
    #[error("the session was revoked")]
    Session,
    /// Its epoch is below the user's lowest good one.
    #[error("the token is of a past epoch")]
    Epoch,
}

/// The revoked sessions and past epochs that a live access token could still name.
#[derive(Debug)]
pub struct RevocationList {
    sessions: Shards<()>,
    epochs: Shards<i64>,
    premium: Shards<Premium>,
    /// Microseconds since 1970.
    synced_at: AtomicI64,
    max_age: Option<Duration>,
}

impl RevocationList {
    /// An empty list. With `max_age` it is stale until [`mark_synced`](Self::mark_synced) was called, and again when
    /// the last call is longer ago; without, it never is.
    pub fn new(max_age: Option<Duration>) -> Self {
        let (sessions, epochs, premium) = (Shards::default(), Shards::default(), Shards::default());
        Self { sessions, epochs, premium, synced_at: AtomicI64::new(NEVER), max_age }
    }

    /// Refuses the session's tokens, at least until `until`, when the last of them has expired.
    pub fn revoke_session(&self, session: SessionId, until: Timestamp) {
        self.sessions.upsert(session.as_uuid(), (), until, |()| ());
    }

    /// Refuses the user's tokens of an epoch below `lowest_good`, at least until `until`. Never lowers the epoch.
    pub fn raise_epoch(&self, user: UserId, lowest_good: i64, until: Timestamp) {
        self.epochs.upsert(user.as_uuid(), lowest_good, until, |epoch| *epoch = lowest_good.max(*epoch));
    }

    /// Notes that the user has premium until `premium_until`, or not at all, whatever a token says that lives until
    /// `until` at most. Of two notes the one of the higher `premium_epoch` holds, in whatever order they come.
    pub fn set_premium(&self, user: UserId, premium_epoch: i64, premium_until: Option<Timestamp>, until: Timestamp) {
        let premium = Premium { epoch: premium_epoch, until: premium_until };
        self.premium.upsert(user.as_uuid(), premium, until, |listed| {
            if listed.epoch < premium.epoch {
                *listed = premium;
            }
        });
    }

    /// Until when the user of `claims` has premium: as was noted last, else as the token says.
    pub fn premium_until(&self, claims: &AccessClaims) -> Option<Timestamp> {
        self.premium.get(claims.user_id.as_uuid()).map_or(claims.premium_until, |premium| premium.until)
    }

    /// Looks a token up.
    ///
    /// # Errors
    ///
    /// When its session was revoked, or its epoch is past.
    pub fn check(&self, claims: &AccessClaims) -> Result<(), Revoked> {
        if self.sessions.get(claims.session_id.as_uuid()).is_some() {
            return Err(Revoked::Session);
        }
        match self.epochs.get(claims.user_id.as_uuid()) {
            Some(lowest_good) if claims.epoch < lowest_good => Err(Revoked::Epoch),
            _ => Ok(()),
        }
    }

    /// Forgets what no living token concerns from `now` on.
    pub fn prune(&self, now: Timestamp) {
        self.sessions.prune(now);
        self.epochs.prune(now);
        self.premium.prune(now);
    }

    /// How many revoked sessions, past epochs and changes of premium are listed.
    pub fn len(&self) -> usize {
        self.sessions.len() + self.epochs.len() + self.premium.len()
    }

    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Notes that everything revoked before `now` is listed.
    pub fn mark_synced(&self, now: Timestamp) {
        self.synced_at.store(now.as_micros(), Ordering::Release);
    }

    /// How long ago the list was last synced; `None` before the first time. Zero when that is in the future, as after a
    /// clock was set back.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        let synced_at = self.synced_at.load(Ordering::Acquire);
        (synced_at != NEVER).then(|| now.saturating_since(Timestamp::from_micros(synced_at)))
    }

    /// Whether the list may lack news that are older than its greatest age.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let Some(max_age) = self.max_age else { return false };
        let age = now.as_micros().saturating_sub(self.synced_at.load(Ordering::Acquire));
        // Both ways: a clock that was set back would else keep the list fresh until it catches up.
        u128::from(age.unsigned_abs()) > max_age.as_micros()
    }
}

/// What a user has paid for, as of the change of this number.
#[derive(Clone, Copy, Debug)]
struct Premium {
    epoch: i64,
    until: Option<Timestamp>,
}

/// The time of the last sync when there was none.
const NEVER: i64 = i64::MIN;

const SHARDS: usize = 64;

/// A map from ids to values with an end, split so that writers rarely meet readers.
#[derive(Debug)]
struct Shards<V> {
    maps: [RwLock<HashMap<[u8; 16], Listed<V>>>; SHARDS],
    /// Read before any lock is taken: most of the time nothing is listed.
    len: AtomicUsize,
}

#[derive(Debug)]
struct Listed<V> {
    value: V,
    until: Timestamp,
}

impl<V> Default for Shards<V> {
    fn default() -> Self {
        Self { maps: std::array::from_fn(|_| RwLock::default()), len: AtomicUsize::new(0) }
    }
}

impl<V: Copy> Shards<V> {
    fn get(&self, id: &Uuid) -> Option<V> {
        if self.len() == 0 {
            return None;
        }
        self.shard(id).read().unwrap_or_else(PoisonError::into_inner).get(id.as_bytes()).map(|listed| listed.value)
    }

    /// Lists `value`, or changes the listed one by `merge`; the end only moves on.
    fn upsert(&self, id: &Uuid, value: V, until: Timestamp, merge: impl FnOnce(&mut V)) {
        let mut map = write(self.shard(id));
        if let Some(listed) = map.get_mut(id.as_bytes()) {
            merge(&mut listed.value);
            listed.until = listed.until.max(until);
        } else {
            map.insert(*id.as_bytes(), Listed { value, until });
            self.len.fetch_add(1, Ordering::Release);
        }
    }

    fn prune(&self, now: Timestamp) {
        for shard in &self.maps {
            let mut map = write(shard);
            let before = map.len();
            map.retain(|_, listed| now < listed.until);
            self.len.fetch_sub(before - map.len(), Ordering::Release);
            let room = map.len() * 2;
            map.shrink_to(room);
        }
    }

    fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// By the last byte: an id of version 7 begins with the time, and ends with random bits.
    fn shard(&self, id: &Uuid) -> &RwLock<HashMap<[u8; 16], Listed<V>>> {
        &self.maps[usize::from(id.as_bytes()[15]) % SHARDS]
    }
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::{OsRandom, SeededRandom};
    use crate::role::Role;

    const NOW: Timestamp = Timestamp::from_seconds(1_772_366_400);

    fn claims(epoch: i64) -> AccessClaims {
        AccessClaims {
            user_id: UserId::new(NOW, &OsRandom),
            session_id: SessionId::new(NOW, &OsRandom),
            generation: 0,
            epoch,
            role: Role::User,
            amr: Vec::new(),
            auth_time: NOW,
            issued_at: NOW,
            expires_at: NOW,
            token_id: String::new(),
            premium_until: None,
        }
    }

    fn later(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    /// REQ-12.
    #[test]
    fn a_revoked_session_is_refused_until_its_tokens_have_expired() {
        let (list, claims) = (RevocationList::new(None), claims(0));
        assert_eq!(list.check(&claims), Ok(()));
        list.revoke_session(claims.session_id, later(10));
        list.prune(later(9));
        assert_eq!(list.check(&claims), Err(Revoked::Session));
        list.prune(later(10));
        assert_eq!(list.check(&claims), Ok(()));
        assert!(list.is_empty());
    }

    #[test]
    fn another_session_and_another_user_are_not_touched() {
        let (list, claims, other) = (RevocationList::new(None), claims(0), claims(0));
        list.revoke_session(claims.session_id, later(10));
        list.raise_epoch(claims.user_id, 9, later(10));
        assert_eq!(list.check(&other), Ok(()));
        let next_session = AccessClaims { epoch: 9, session_id: other.session_id, ..claims };
        assert_eq!(list.check(&next_session), Ok(()));
    }

    #[test]
    fn the_end_of_a_revocation_only_moves_on() {
        let (list, claims) = (RevocationList::new(None), claims(0));
        for end in [10, 20, 5] {
            list.revoke_session(claims.session_id, later(end));
        }
        list.prune(later(19));
        assert_eq!(list.check(&claims), Err(Revoked::Session));
        assert_eq!(list.len(), 1);
    }

    proptest! {
        /// In whatever order the news arrive, the highest epoch counts.
        #[test]
        fn an_epoch_is_never_lowered(raised in prop::collection::vec((any::<i64>(), 1_u64..100), 1..10), epoch: i64) {
            let (list, claims) = (RevocationList::new(None), claims(epoch));
            for (lowest_good, end) in &raised {
                list.raise_epoch(claims.user_id, *lowest_good, later(*end));
            }
            let lowest_good = raised.iter().map(|(epoch, _)| *epoch).max().unwrap();
            let last = raised.iter().map(|(_, end)| *end).max().unwrap();
            list.prune(later(last - 1));
            prop_assert_eq!(list.check(&claims).is_err(), epoch < lowest_good);
            list.prune(later(last));
            prop_assert_eq!(list.check(&claims), Ok(()));
        }
    }

    /// REQ-41: news are preferred to the claim, and refuse nothing.
    #[test]
    fn a_change_of_premium_is_preferred_to_the_claim() {
        let list = RevocationList::new(None);
        let claims = AccessClaims { premium_until: Some(later(5)), ..claims(0) };
        assert_eq!(list.premium_until(&claims), Some(later(5)));
        list.set_premium(claims.user_id, 1, None, later(10));
        assert_eq!((list.premium_until(&claims), list.check(&claims), list.len()), (None, Ok(()), 1));
        let other = AccessClaims { user_id: UserId::new(NOW, &OsRandom), ..claims.clone() };
        assert_eq!(list.premium_until(&other), Some(later(5)));
        list.prune(later(10));
        assert!(list.is_empty());
    }

    proptest! {
        /// REQ-41: in whatever order the news arrive, the last change counts.
        #[test]
        fn the_last_change_of_premium_counts(order in Just((1..=6_i64).collect::<Vec<_>>()).prop_shuffle()) {
            let (list, claims) = (RevocationList::new(None), claims(0));
            for epoch in order {
                list.set_premium(claims.user_id, epoch, Some(NOW.plus(Duration::from_secs(epoch.unsigned_abs()))), later(9));
            }
            prop_assert_eq!(list.premium_until(&claims), Some(later(6)));
        }
    }

    #[test]
    fn a_list_is_stale_until_it_was_synced_and_when_that_is_too_long_ago() {
        let list = RevocationList::new(Some(Duration::from_secs(5)));
        assert!(list.is_stale(NOW));
        list.mark_synced(NOW);
        assert!(!list.is_stale(later(5)));
        assert!(list.is_stale(later(5).plus(Duration::from_micros(1))));
        list.mark_synced(later(6));
        assert!(!list.is_stale(later(6)));
        assert!(!RevocationList::new(None).is_stale(NOW));
    }

    /// REQ-52: it grows when nobody syncs.
    #[test]
    fn a_list_tells_its_age() {
        let list = RevocationList::new(None);
        assert_eq!(list.age(NOW), None);
        list.mark_synced(NOW);
        assert_eq!(list.age(later(7)), Some(Duration::from_secs(7)));
        assert_eq!(list.age(NOW.minus(Duration::from_secs(1))), Some(Duration::ZERO));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_keep_the_list_fresh() {
        let list = RevocationList::new(Some(Duration::from_secs(5)));
        list.mark_synced(later(3600));
        assert!(!list.is_stale(later(3598)));
        assert!(list.is_stale(NOW));
    }

    /// The bound for 100 000 entries is 16 MiB.
    #[test]
    fn a_full_list_is_small_and_gives_its_memory_back() {
        let (list, random) = (RevocationList::new(None), SeededRandom::new(7));
        for _ in 0..50_000 {
            list.revoke_session(SessionId::new(NOW, &random), later(10));
            list.raise_epoch(UserId::new(NOW, &random), 1, later(10));
        }
        assert_eq!(list.len(), 100_000);
        let bytes = list.sessions.bytes() + list.epochs.bytes();
        assert!(bytes < 16 << 20, "{bytes}");
        list.prune(later(10));
        assert_eq!(list.sessions.bytes() + list.epochs.bytes(), 0);
    }

    impl<V: Copy> Shards<V> {
        /// The memory of the tables: for each place an entry and a control byte, an eighth of the places kept free.
        fn bytes(&self) -> usize {
            let places = |map: &HashMap<[u8; 16], Listed<V>>| (map.capacity() * 8 / 7).next_power_of_two();
            let used = self.maps.iter().map(|map| map.read().unwrap()).filter(|map| map.capacity() > 0);
            used.map(|map| places(&map) * (size_of::<([u8; 16], Listed<V>)>() + 1)).sum()
        }
    }
}
