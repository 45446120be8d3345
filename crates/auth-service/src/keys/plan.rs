//! When signing keys come and go: decided from what the table says of them and the time, by nothing else, so that every
//! instance decides alike. Whoever acts on a decision has the table locked and decides again.
//!
//! A key's days: it is *published* when it is made, *signs* from `activates_at` until its successor does, then only
//! *verifies*, and is *retired* from `retires_at` on.

use std::time::Duration;

use auth_core::{MAX_ACCESS_TOKEN_LIFETIME, SigningAlgorithm, Timestamp};
use auth_persistence::signing_key::SigningKeyEntry;

/// How long a successor is published before it signs: three times as long as the key set may be cached, so that a
/// service that checks tokens by it has the key before it meets a token of it. All instances have it within a second.
pub(super) const PUBLISHED_AHEAD: Duration = Duration::from_mins(15);

/// How long a key verifies after its successor began to sign: the longest life that any access token can have, and an
/// hour. Not the life that is set here: another instance may have another setting, and during a change of the setting
/// one of them is not known. The hour is for instances that have not read the keys since (they sign on with the old
/// one) and for clocks that differ.
pub(super) const OVERLAP: Duration = MAX_ACCESS_TOKEN_LIFETIME.saturating_add(Duration::from_hours(1));

/// How long after a rotation at once the new key signs and all others are refused: every instance reads the keys each
/// second, so all change over at the same moment, and no new token is refused by an instance that doesn't know the key.
pub(super) const AT_ONCE: Duration = Duration::from_secs(5);

/// How long a retired key is kept. Nothing needs it; `keys list` shows it, and an instance whose clock is days ahead
/// doesn't delete what others still verify with.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// How long a key of an algorithm that is no longer set here may be older than keys get: by then every instance that signs
/// with it would have made a successor.
const FORSAKEN: Duration = Duration::from_hours(24);

/// How long such a key is accepted once it was found. An instance that signs with it all the same, and was paused when it
/// should have made a successor, can sign on with it for days until its successor is published and begins.
const NOTICE: Duration = Duration::from_hours(7 * 24);

/// A waiting successor that signs later than this was made by a clock that was wrong.
const FAR: Duration = Duration::from_hours(24);

/// What one instance goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// The algorithm of the keys that it signs with.
    pub(super) algorithm: SigningAlgorithm,
    /// How long a key signs, at least an hour.
    pub(super) life: Duration,
}

/// What is to be done to the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Make a key that signs from this time on.
    pub(super) signs_from: Option<Timestamp>,
    /// Keys, and from when on their tokens are refused.
    pub(super) retire: Vec<(String, Timestamp)>,
    /// Delete keys that retired by this time.
    pub(super) delete_until: Option<Timestamp>,
}

impl Changes {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Plan {
    /// The key that signs at `now`: of those that have begun, the one that began last and whose tokens can live to their
    /// end. Where there is none, one that is better than none.
    pub(super) fn signing<'a>(&self, keys: &'a [SigningKeyEntry], now: Timestamp) -> Option<&'a SigningKeyEntry> {
        let began = || self.own(keys).filter(|key| is_live(key, now) && key.activates_at <= now);
        let last = |key: &&SigningKeyEntry| (key.activates_at, key.kid.clone());
        let fit = began().filter(|key| is_fit(key, now)).max_by_key(last);
        fit.or_else(|| began().max_by_key(last)).or_else(|| self.waiting(keys, now).next())
    }

    /// What the clock asks for.
    pub(super) fn due(&self, keys: &[SigningKeyEntry], now: Timestamp) -> Changes {
        let mut changes = Changes::default();
        if self.has_no_key(keys, now) {
            changes.signs_from = Some(now);
        } else if self.is_successor_due(keys, now) {
            changes = self.rotation(keys, now);
        }
        changes.retire.extend(self.forsaken(keys, now));
        let end = now.minus(KEPT);
        changes.delete_until = keys.iter().any(|key| key.retires_at.is_some_and(|at| at <= end)).then_some(end);
        changes
    }

    /// Whether no key of the algorithm that is set here signs or will: there has been none, or all were retired at once by
    /// somebody who has another algorithm set.
    pub(super) fn has_no_key(&self, keys: &[SigningKeyEntry], now: Timestamp) -> bool {
        self.own(keys).all(|key| !is_fit(key, now)) && self.waiting(keys, now).next().is_none()
    }

    /// A successor that is published ahead, after which all others of its algorithm retire.
    pub(super) fn rotation(&self, keys: &[SigningKeyEntry], now: Timestamp) -> Changes {
        let signs_from = now.plus(PUBLISHED_AHEAD);
        let others = self.own(keys).filter(|key| key.retires_at.is_none());
        let retire = others.map(|key| (key.kid.clone(), signs_from.plus(OVERLAP))).collect();
        Changes { signs_from: Some(signs_from), retire, delete_until: None }
    }

    /// A new key, and no other from then on: all private keys lie in one place, so if one was stolen, so were the others.
    pub(super) fn rotation_at_once(keys: &[SigningKeyEntry], now: Timestamp) -> Changes {
        let signs_from = now.plus(AT_ONCE);
        let others = keys.iter().filter(|key| key.retires_at.is_none_or(|end| end > signs_from));
        let retire = others.map(|key| (key.kid.clone(), signs_from)).collect();
        Changes { signs_from: Some(signs_from), retire, delete_until: None }
    }

    /// The successor that waits for its time already.
    pub(super) fn successor<'a>(&self, keys: &'a [SigningKeyEntry], now: Timestamp) -> Option<&'a SigningKeyEntry> {
        self.waiting(keys, now).find(|key| key.activates_at <= now.plus(FAR))
    }

    fn own<'a>(&self, keys: &'a [SigningKeyEntry]) -> impl Iterator<Item = &'a SigningKeyEntry> {
        let algorithm = self.algorithm.as_str();
        keys.iter().filter(move |key| key.algorithm == algorithm)
    }

    /// Keys that have not begun and are to stay, the first to begin first (which is the table's order).
    fn waiting<'a>(&self, keys: &'a [SigningKeyEntry], now: Timestamp) -> impl Iterator<Item = &'a SigningKeyEntry> {
        self.own(keys).filter(move |key| key.activates_at > now && key.retires_at.is_none())
    }

    /// Whether the newest key has nearly reached its age, or somebody else has set its end.
    fn is_successor_due(&self, keys: &[SigningKeyEntry], now: Timestamp) -> bool {
        let newest = self.own(keys).filter(|key| key.retires_at.is_none()).map(|key| key.activates_at).max();
        newest.is_none_or(|began| now >= began.plus(self.life.saturating_sub(PUBLISHED_AHEAD)))
    }

    /// Keys of other algorithms that nobody signs with any more. An instance that does all the same sees it, and makes a
    /// successor, for which there is time.
    fn forsaken(&self, keys: &[SigningKeyEntry], now: Timestamp) -> impl Iterator<Item = (String, Timestamp)> {
        let oldest = now.minus(self.life.saturating_add(FORSAKEN));
        let end = now.plus(NOTICE);
        let others = keys.iter().filter(|key| key.algorithm != self.algorithm.as_str() && key.retires_at.is_none());
        others.filter(move |key| key.activates_at <= oldest).map(move |key| (key.kid.clone(), end))
    }
}

/// Whether the tokens of `key` are accepted, which they are before it signs, too.
pub(super) fn is_live(key: &SigningKeyEntry, now: Timestamp) -> bool {
    key.retires_at.is_none_or(|end| now < end)
}

/// Whether `key` has begun, and every token that it signs can live to its end.
fn is_fit(key: &SigningKeyEntry, now: Timestamp) -> bool {
    key.activates_at <= now && key.retires_at.is_none_or(|end| now.plus(MAX_ACCESS_TOKEN_LIFETIME) <= end)
}
