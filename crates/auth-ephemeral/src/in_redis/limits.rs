//! The counts of rate limits, as [`crate::limit`] does them in memory: by one script, all charges or none.
//!
//! ```text
//! name   = prefix ‖ "limit:" ‖ limit ‖ ":" ‖ base64url(SHA-256("gatehouse limit name" ‖ key))
//! stored = the time when it is whole, in microseconds of Redis's clock, and "!" once a refusal was told; gone when whole
//! ```

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use redis::{Cmd, cmd};

use super::Redis;
use crate::limit::{Charge, Exhausted, Rate};
use crate::store::EphemeralError;

/// What both scripts begin with. `ARGV` has interval and room of each count.
///
/// Numbers of Lua are exact up to 2⁵³, which microseconds since 1970 reach in the year 2255.
macro_rules! script {
    ($text:literal) => {
        concat!(
            "\
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function write(name, full_at, mark)
  if full_at <= now then redis.call('DEL', name) return end
  local left = math.ceil((full_at - now) / 1000)
  redis.call('SET', name, string.format('%.0f', full_at) .. mark, 'PX', string.format('%.0f', left))
end
local counts = {}
for i, name in ipairs(KEYS) do
  local count = {interval = tonumber(ARGV[2 * i - 1]), room = tonumber(ARGV[2 * i])}
  local stored = redis.call('GET', name) or ''
  local full_at = tonumber(string.match(stored, '^%d+')) or 0
  count.is_told = string.sub(stored, -1) == '!'
  count.full_at = math.max(now, math.min(full_at, now + count.room + count.interval))
  count.is_cut = count.full_at < full_at
  counts[i] = count
end
",
            $text
        )
    };
}

/// A time too far ahead, since Redis's clock was set back, is cut also when nothing is taken: else it would be waited for
/// until the clock gets there.
const CHARGE: &str = script!(
    "\
local pending, longest, worst = {}, 0, 0
for i, name in ipairs(KEYS) do
  local count = counts[i]
  local full_at = pending[name] or count.full_at
  local wait = full_at - now - count.room
  if wait > longest then longest, worst = wait, i end
  pending[name] = full_at + count.interval
end
if worst == 0 then
  for name, full_at in pairs(pending) do write(name, full_at, '') end
  return {0, 0, 0}
end
local is_first = not counts[worst].is_told
counts[worst].is_told = true
for i, name in ipairs(KEYS) do
  local count = counts[i]
  if count.is_cut or (i == worst and is_first) then write(name, count.full_at, count.is_told and '!' or '') end
end
return {worst, string.format('%.0f', longest), is_first and 1 or 0}"
);

const REFUND: &str = script!(
    "\
local pending = {}
for i, name in ipairs(KEYS) do pending[name] = (pending[name] or counts[i].full_at) - counts[i].interval end
for name, full_at in pairs(pending) do write(name, full_at, '') end
return 1"
);

impl Redis {
    /// Takes one from each count, or nothing from any.
    pub(crate) async fn charge(&self, charges: &[Charge]) -> Result<Result<(), Exhausted>, EphemeralError> {
        if charges.is_empty() {
            return Ok(Ok(()));
        }
        let (worst, wait, is_first): (usize, u64, bool) = self.ask(self.script(CHARGE, charges)).await?;
        let Some(Charge { limit, quota, .. }) = worst.checked_sub(1).and_then(|index| charges.get(index)) else {
            return Ok(Ok(()));
        };
        let retry_after = Duration::from_micros(wait);
        Ok(Err(Exhausted { limit, quota: *quota, retry_after, is_first }))
    }

    /// Gives back one to each count, if Redis can be asked.
    pub(crate) async fn refund(&self, charges: &[Charge]) {
        if !charges.is_empty() {
            let _: Result<u32, _> = self.ask(self.script(REFUND, charges)).await;
        }
    }

    fn script(&self, text: &str, charges: &[Charge]) -> Cmd {
        let mut command = cmd("EVAL");
        command.arg(text).arg(charges.len());
        for charge in charges {
            command.arg(name(&self.0.prefix, charge));
        }
        for charge in charges {
            let Rate { interval, room } = Rate::of(charge.quota);
            command.arg(interval).arg(room);
        }
        command
    }
}

fn name(prefix: &str, charge: &Charge) -> String {
    let mut digest = Context::new(&SHA256);
    digest.update(b"gatehouse limit name");
    digest.update(&charge.key);
    format!("{prefix}limit:{}:{}", charge.limit, BASE64URL.encode(digest.finish()))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::limit::Quota;

    /// Operators look for keys by their beginning, and instances of different versions share them.
    #[test]
    fn a_name_begins_with_the_prefix_and_the_limit() {
        let quota = Quota { count: NonZeroU32::MIN, per: Duration::from_secs(1) };
        let names = ["login", "mfa"].map(|limit| name("auth:", &Charge { limit, key: [7; 32], quota }));
        let hash = "27eCGtNMSqAGYAxOvqh7PdWhSHMErFCE-NBwUyaz3cI";
        assert_eq!(names, ["login", "mfa"].map(|limit| format!("auth:limit:{limit}:{hash}")));
    }
}
