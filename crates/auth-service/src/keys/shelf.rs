//! The signing keys that this process has open, and the ring made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth_core::{KeyRing, SharedKeyRing, SigningKey, Timestamp, VerificationKey};
use auth_persistence::signing_key::{SealedSigningKey, SigningKeyEntry};

use super::KeyError;
use super::maker::Maker;
use super::plan::{Plan, is_live};

/// The keys as last read. The ring follows from them and the time, so it is brought up to date without the database, too.
pub(super) struct Shelf {
    ring: SharedKeyRing,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// All keys of the table, in its order.
    entries: Vec<SigningKeyEntry>,
    /// Those that could be opened, by `kid`.
    opened: BTreeMap<String, OpenedKey>,
    /// Those that could not: the log says so once.
    unreadable: BTreeSet<String>,
    in_force: InForce,
}

/// A key that was opened. Only keys of the algorithm that is set here keep their private half.
enum OpenedKey {
    Signing(Arc<SigningKey>),
    Verifying(Arc<VerificationKey>),
}

/// What a ring was made of: a new one is made only if this differs, since verifications are remembered by ring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct InForce {
    signing: String,
    verifying: Vec<(String, Option<Timestamp>)>,
}

impl Shelf {
    pub(super) fn new(ring: SharedKeyRing) -> Self {
        Self { ring, kept: Mutex::default() }
    }

    pub(super) const fn ring(&self) -> &SharedKeyRing {
        &self.ring
    }

    pub(super) fn entries(&self) -> Vec<SigningKeyEntry> {
        self.lock().entries.clone()
    }

    /// Whether a key is among `entries` that is needed here and was not seen yet.
    pub(super) fn lacks(&self, entries: &[SigningKeyEntry], now: Timestamp) -> bool {
        let kept = self.lock();
        let is_known = |kid| kept.opened.contains_key(kid) || kept.unreadable.contains(kid);
        entries.iter().any(|key| is_live(key, now) && !is_known(&key.kid))
    }

    /// Takes over what was read: all `entries`, and with `rows` those keys that were not seen before. A key that can't be
    /// opened is left out: a newer version of this program may have made it.
    pub(super) fn take(&self, entries: Vec<SigningKeyEntry>, rows: &[SealedSigningKey], maker: &Maker, plan: Plan) {
        let mut kept = self.lock();
        for row in rows {
            if kept.opened.contains_key(&row.kid) || kept.unreadable.contains(&row.kid) {
                continue;
            }
            if let Err(error) = kept.open(row, maker, plan) {
                tracing::error!(kid = row.kid, %error, "a signing key can't be opened, and its tokens are refused here");
                kept.unreadable.insert(row.kid.clone());
            }
        }
        let there: BTreeSet<&str> = entries.iter().map(|key| key.kid.as_str()).collect();
        kept.opened.retain(|kid, _| there.contains(kid.as_str()));
        kept.unreadable.retain(|kid| there.contains(kid.as_str()));
        kept.entries = entries;
    }

    /// As [`Shelf::take`], but every key has to open.
    pub(super) fn take_all(
        &self,
        entries: Vec<SigningKeyEntry>,
        rows: &[SealedSigningKey],
        maker: &Maker,
        plan: Plan,
    ) -> Result<(), KeyError> {
        let mut kept = self.lock();
        for row in rows {
            kept.open(row, maker, plan)?;
        }
        kept.entries = entries;
        Ok(())
    }

    /// Puts the ring of `now` in force, if it is another one, and tells how long its key has been signing. Without a key
    /// to sign with the ring stays as it is.
    pub(super) fn put_in_force(&self, plan: Plan, now: Timestamp) -> Option<Duration> {
        let mut kept = self.lock();
        let (signing, age) = {
            let entry = plan.signing(&kept.openable(), now).cloned()?;
            (entry.kid, now.saturating_since(entry.activates_at))
        };
        let others = kept.entries.iter().filter(|key| is_live(key, now) && key.kid != signing);
        let verifying = others.map(|key| (key.kid.clone(), key.retires_at)).collect();
        let wanted = InForce { signing, verifying };
        if wanted != kept.in_force {
            self.ring.replace(kept.ring(&wanted)?);
            if wanted.signing != kept.in_force.signing {
                tracing::info!(kid = wanted.signing, "this key signs access tokens from now on");
            }
            kept.in_force = wanted;
        }
        Some(age)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn open(&mut self, row: &SealedSigningKey, maker: &Maker, plan: Plan) -> Result<(), KeyError> {
        let key = maker.open(row)?;
        let opened = if key.algorithm() == plan.algorithm {
            OpenedKey::Signing(Arc::new(key))
        } else {
            OpenedKey::Verifying(Arc::clone(key.verification_key()))
        };
        self.opened.insert(row.kid.clone(), opened);
        Ok(())
    }

    /// The entries of the keys that are open.
    fn openable(&self) -> Vec<SigningKeyEntry> {
        self.entries.iter().filter(|key| self.opened.contains_key(&key.kid)).cloned().collect()
    }

    fn ring(&self, wanted: &InForce) -> Option<KeyRing> {
        let Some(OpenedKey::Signing(signing)) = self.opened.get(&wanted.signing) else { return None };
        let open = |(kid, end): &(String, Option<Timestamp>)| Some((self.opened.get(kid)?.verification_key(), *end));
        let verifying = wanted.verifying.iter().filter_map(open);
        // `kid` is the table's key, so none comes twice.
        verifying
            .map(|(key, end)| (Arc::clone(key), end))
            .try_fold(KeyRing::new(Arc::clone(signing)), |ring, (key, end)| ring.with_key(key, end).ok())
    }
}

impl OpenedKey {
    fn verification_key(&self) -> &Arc<VerificationKey> {
        match self {
            Self::Signing(key) => key.verification_key(),
            Self::Verifying(key) => key,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use auth_core::{Clock as _, DataKey, ManualClock, OsRandom, Sealer, SigningAlgorithm};
    use auth_persistence::{Database, DatabaseConfig, signing_key};

    use super::super::maker::generate;
    use super::*;

    const PLAN: Plan = Plan { algorithm: SigningAlgorithm::EdDsa, life: Duration::from_hours(1) };

    struct Desk {
        database: Database,
        maker: Arc<Maker>,
        clock: Arc<ManualClock>,
        shelf: Shelf,
    }

    impl Desk {
        fn new() -> Self {
            let database = Database::open(DatabaseConfig::new("sqlite::memory:")).unwrap();
            database.migrate().unwrap();
            let clock = Arc::new(ManualClock::default());
            let sealer = Sealer::new(&DataKey::generate(&OsRandom));
            let maker = Arc::new(Maker { sealer, audit: None, clock: clock.clone(), random: Arc::new(OsRandom) });
            let shelf = Shelf::new(SharedKeyRing::new(KeyRing::verifying_only()));
            Self { database, maker, clock, shelf }
        }

        fn store(&self, algorithm: SigningAlgorithm, signs_from: Timestamp) -> String {
            let key = generate(algorithm, &OsRandom).unwrap();
            let (kid, maker) = (key.kid().to_owned(), Arc::clone(&self.maker));
            self.database.write_blocking(move |conn| maker.store(conn, &key, signs_from)).unwrap();
            kid
        }

        fn read(&self) -> (Vec<SigningKeyEntry>, Vec<SealedSigningKey>) {
            let now = self.clock.now();
            let read = move |conn: &mut _| Ok((signing_key::entries(conn)?, signing_key::list(conn, now)?));
            self.database.read_blocking::<_, auth_persistence::DbError, _>(read).unwrap()
        }

        fn take(&self) {
            let (entries, rows) = self.read();
            self.shelf.take(entries, &rows, &self.maker, PLAN);
        }

        fn signing(&self) -> String {
            self.shelf.ring().current().signing_key().unwrap().kid().to_owned()
        }
    }

    #[test]
    fn the_ring_is_replaced_only_when_it_changes() {
        let desk = Desk::new();
        let now = desk.clock.now();
        assert_eq!(desk.shelf.put_in_force(PLAN, now), None, "nothing was read yet");
        let first = desk.store(SigningAlgorithm::EdDsa, now);
        desk.take();
        for _ in 0..3 {
            desk.take();
            assert_eq!(desk.shelf.put_in_force(PLAN, now), Some(Duration::ZERO));
            assert_eq!((desk.signing(), desk.shelf.ring().generation()), (first.clone(), 1));
        }
        let second = desk.store(SigningAlgorithm::EdDsa, now.plus(Duration::from_mins(1)));
        desk.take();
        desk.shelf.put_in_force(PLAN, now);
        let ring = desk.shelf.ring();
        assert_eq!((desk.signing(), ring.generation()), (first.clone(), 2));
        assert!(ring.current().find(&second, now).is_some() && ring.current().jwks(now).contains(&second));
        // By the time alone.
        let later = now.plus(Duration::from_mins(3));
        assert_eq!(desk.shelf.put_in_force(PLAN, later), Some(Duration::from_mins(2)));
        assert_eq!((desk.signing(), ring.generation()), (second, 3));
        assert!(ring.current().find(&first, later).is_some());
    }

    /// Whoever can write to the table, but not seal, changes nothing.
    #[test]
    fn a_key_that_does_not_open_is_left_out() {
        let desk = Desk::new();
        let now = desk.clock.now();
        let good = desk.store(SigningAlgorithm::EdDsa, now);
        let forged = desk.store(SigningAlgorithm::Es256, now);
        let (mut entries, mut rows) = desk.read();
        let place = rows.iter().position(|row| row.kid == forged).unwrap();
        rows[place].kid = "another".to_owned();
        entries.iter_mut().filter(|key| key.kid == forged).for_each(|key| key.kid = "another".to_owned());
        assert!(desk.shelf.take_all(entries.clone(), &rows, &desk.maker, PLAN).is_err());
        let shelf = Shelf::new(SharedKeyRing::new(KeyRing::verifying_only()));
        assert!(shelf.lacks(&entries, now));
        shelf.take(entries.clone(), &rows, &desk.maker, PLAN);
        assert!(!shelf.lacks(&entries, now), "nobody tries again each second");
        shelf.put_in_force(PLAN, now);
        assert!(shelf.ring().current().find(&good, now).is_some());
        assert!(shelf.ring().current().find("another", now).is_none());
    }

    /// The public half is taken from what is sealed.
    #[test]
    fn a_public_key_that_somebody_wrote_beside_a_sealed_one_is_not_published() {
        for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256] {
            let desk = Desk::new();
            let now = desk.clock.now();
            desk.store(SigningAlgorithm::EdDsa, now.minus(Duration::from_secs(1)));
            desk.store(algorithm, now);
            let (entries, mut rows) = desk.read();
            let other = generate(algorithm, &OsRandom).unwrap();
            let written = serde_json::to_string(other.public_jwk().unwrap()).unwrap();
            rows[1].public_jwk = Some(written.replace(other.kid(), &rows[1].kid));
            desk.shelf.take(entries, &rows, &desk.maker, PLAN);
            desk.shelf.put_in_force(PLAN, now);
            let ring = desk.shelf.ring().current();
            let (key, _) = ring.find(&rows[1].kid, now).unwrap();
            assert!(!key.verify(b"message", &other.sign(b"message").unwrap()), "{algorithm}");
        }
    }

    #[test]
    fn a_key_that_is_gone_from_the_table_is_gone_from_the_ring() {
        let desk = Desk::new();
        let now = desk.clock.now();
        let (first, second) = (desk.store(SigningAlgorithm::EdDsa, now), desk.store(SigningAlgorithm::Hs256, now));
        desk.take();
        desk.shelf.put_in_force(PLAN, now);
        assert!(desk.shelf.ring().current().find(&second, now).is_some());
        let (mut entries, _) = desk.read();
        entries.retain(|key| key.kid == first);
        desk.shelf.take(entries, &[], &desk.maker, PLAN);
        desk.shelf.put_in_force(PLAN, now);
        assert!(desk.shelf.ring().current().find(&second, now).is_none());
        // Nothing is left to sign with: the last ring stays.
        desk.shelf.take(Vec::new(), &[], &desk.maker, PLAN);
        assert_eq!(desk.shelf.put_in_force(PLAN, now), None);
        assert_eq!(desk.signing(), first);
    }
}
