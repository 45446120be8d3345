//! The four operations, each one command or one script.
//!
//! Redis tells the time, and forgets what is over by itself. Scripts are sent as they are, a few hundred bytes each: Redis
//! keeps them compiled, and one that has forgotten them has nothing to be told.

use std::time::Duration;

use redis::{Cmd, cmd};

use super::Redis;
use super::place::{Place, Stored};
use crate::store::{Attempt, EphemeralError, Space};

/// A century: longer than any entry lives, and short enough for Redis to add it to the time.
const LONGEST: Duration = Duration::from_hours(24 * 365 * 100);

/// Counts a try, unless as many as `ARGV[1]` were counted. Whoever has the last one sets the count to its greatest value:
/// nobody has one after that, however many another caller would allow. The entry keeps its time.
const ATTEMPT: &str = "\
local entry = redis.call('GET', KEYS[1])
if not entry then return false end
local tries = struct.unpack('>I4', entry)
local left = tonumber(ARGV[1]) - tries - 1
if left < 0 then return false end
local counted = left == 0 and 0xFFFFFFFF or tries + 1
redis.call('SETRANGE', KEYS[1], 0, struct.pack('>I4', counted))
return {left, entry}";

/// `GETDEL`, which Redis has had since 6.2 only.
const TAKE: &str = "\
local entry = redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1])
return entry";

impl Redis {
    pub(crate) async fn put(
        &self,
        space: Space,
        key: &[u8; 32],
        value: &[u8],
        ttl: Duration,
    ) -> Result<(), EphemeralError> {
        let place = self.place(space, key);
        let stored = place.write(value, &*self.0.random);
        let mut command = cmd("SET");
        command.arg(place.name()).arg(stored).arg("PX").arg(milliseconds(ttl));
        self.ask(command).await
    }

    pub(crate) async fn get(&self, space: Space, key: &[u8; 32]) -> Result<Option<Vec<u8>>, EphemeralError> {
        let place = self.place(space, key);
        let mut command = cmd("GET");
        command.arg(place.name());
        let entry: Option<Vec<u8>> = self.ask(command).await?;
        let stored = entry.as_deref().and_then(Stored::read).filter(|stored| stored.tries != u32::MAX);
        Ok(stored.and_then(|stored| place.open(stored.sealed)))
    }

    pub(crate) async fn attempt(
        &self,
        space: Space,
        key: &[u8; 32],
        limit: u32,
    ) -> Result<Option<Attempt>, EphemeralError> {
        let place = self.place(space, key);
        let mut command = script(ATTEMPT, &place);
        command.arg(limit);
        let counted: Option<(u32, Vec<u8>)> = self.ask(command).await?;
        Ok(counted.and_then(|(left, entry)| {
            let value = place.open(Stored::read(&entry)?.sealed)?;
            Some(Attempt { value, left })
        }))
    }

    pub(crate) async fn take(&self, space: Space, key: &[u8; 32]) -> Result<Option<Vec<u8>>, EphemeralError> {
        let place = self.place(space, key);
        let entry: Option<Vec<u8>> = self.ask(script(TAKE, &place)).await?;
        Ok(entry.as_deref().and_then(Stored::read).and_then(|stored| place.open(stored.sealed)))
    }

    fn place(&self, space: Space, key: &[u8; 32]) -> Place {
        Place::new(&self.0.prefix, space, key)
    }
}

fn script(text: &str, place: &Place) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg(text).arg(1).arg(place.name());
    command
}

/// At least one: Redis refuses to keep what is over already.
fn milliseconds(ttl: Duration) -> u64 {
    u64::try_from(ttl.min(LONGEST).as_millis()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_such_as_redis_takes() {
        for (ttl, expected) in [
            (Duration::ZERO, 1),
            (Duration::from_micros(1), 1),
            (Duration::from_millis(1500), 1500),
            (Duration::MAX, 3_153_600_000_000),
        ] {
            assert_eq!(milliseconds(ttl), expected, "{ttl:?}");
        }
    }
}
