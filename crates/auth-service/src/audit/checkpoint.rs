//! Checkpoints: links of the chain that are signed, stored and logged, so that a copy outside the database tells when its
//! end was cut off.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use auth_core::{AuditHead, Timestamp};
use auth_persistence::audit_checkpoint::{self, AuditCheckpoint};
use auth_persistence::{DbConnection, DbError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;

use crate::service::Inner;

/// How often one is made while rows are written.
const EVERY: Duration = Duration::from_mins(1);

/// Whether a checkpoint is made that is not yet due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checkpoints {
    /// One a minute.
    WhenDue,
    /// Also now: this instance stops.
    AtOnce,
}

/// A checkpoint that was kept elsewhere, as `<sequence>:<link>:<signature>` with the bytes in base64url without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownCheckpoint {
    pub(super) sequence: i64,
    pub(super) link: [u8; 32],
    pub(super) signature: [u8; 64],
}

/// The text is no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint: it is logged as <sequence>:<link>:<signature>")]
pub struct InvalidCheckpoint;

impl FromStr for KnownCheckpoint {
    type Err = InvalidCheckpoint;

    fn from_str(text: &str) -> Result<Self, InvalidCheckpoint> {
        let mut parts = text.trim().split(':');
        let (Some(sequence), Some(link), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidCheckpoint);
        };
        let sequence = sequence.parse().map_err(|_| InvalidCheckpoint)?;
        Ok(Self { sequence, link: bytes(link)?, signature: bytes(signature)? })
    }
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], InvalidCheckpoint> {
    let bytes = BASE64URL.decode(text).map_err(|_| InvalidCheckpoint)?;
    bytes.try_into().map_err(|_| InvalidCheckpoint)
}

impl fmt::Display for KnownCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.sequence, BASE64URL.encode(self.link), BASE64URL.encode(self.signature))
    }
}

impl From<&AuditCheckpoint> for KnownCheckpoint {
    fn from(stored: &AuditCheckpoint) -> Self {
        Self { sequence: stored.sequence, link: stored.link, signature: stored.signature }
    }
}

impl Checkpoints {
    /// Whether one is to be made of a chain that ends at `sequence`.
    pub(super) fn want(self, sequence: i64, last: Option<&AuditCheckpoint>, now: Timestamp) -> bool {
        let Some(last) = last else { return sequence > 0 };
        // One that is later than now was made before the clock was set back.
        let is_due = now < last.at || now.saturating_since(last.at) >= EVERY;
        sequence > last.sequence && (is_due || self == Self::AtOnce)
    }
}

impl Inner {
    /// Signs the end of the chain and stores it, if that is wanted, in the transaction that moved it.
    pub(super) fn make_checkpoint(
        &self,
        conn: &mut DbConnection,
        head: &AuditHead,
        wanted: Checkpoints,
    ) -> Result<Option<AuditCheckpoint>, DbError> {
        let now = self.clock.now();
        if !wanted.want(head.sequence, audit_checkpoint::last(conn)?.as_ref(), now) {
            return Ok(None);
        }
        let signature = self.audit.chain.sign(head.sequence, &head.link);
        let signature = signature.map_err(|error| DbError::Internal(error.to_string()))?;
        let checkpoint = AuditCheckpoint { sequence: head.sequence, at: now, link: head.link, signature };
        Ok(audit_checkpoint::insert(conn, &checkpoint)?.then_some(checkpoint))
    }

    /// Says it in the log, from where it is to be carried away.
    pub(super) fn log_checkpoint(&self, checkpoint: &AuditCheckpoint) {
        tracing::info!(
            target: "audit",
            event = "audit.checkpoint",
            sequence = checkpoint.sequence,
            checkpoint = %KnownCheckpoint::from(checkpoint),
            key = BASE64URL.encode(self.audit.chain.public_key()),
            "audit"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(sequence: i64, at: i64) -> AuditCheckpoint {
        AuditCheckpoint { sequence, at: Timestamp::from_seconds(at), link: [1; 32], signature: [2; 64] }
    }

    #[test]
    fn a_checkpoint_is_written_and_read() {
        let known = KnownCheckpoint::from(&stored(7, 0));
        let text = known.to_string();
        assert_eq!(text.parse(), Ok(known.clone()));
        assert_eq!(format!(" {text}\n").parse(), Ok(known));
        for other in ["", "7", "7::", &text[1..], &text[..text.len() - 1], &format!("{text}:"), &format!("x{text}")] {
            assert_eq!(other.parse::<KnownCheckpoint>(), Err(InvalidCheckpoint), "{other}");
        }
    }

    #[test]
    fn a_checkpoint_is_made_once_a_minute_and_at_the_end() {
        let now = Timestamp::from_seconds(1_000);
        for (sequence, last, when_due, at_once) in [
            (0, None, false, false),
            (1, None, true, true),
            (7, Some(stored(7, 0)), false, false),
            (8, Some(stored(7, 941)), false, true),
            (8, Some(stored(7, 940)), true, true),
            // The clock was set back.
            (8, Some(stored(7, 1_001)), true, true),
        ] {
            for (wanted, expected) in [(Checkpoints::WhenDue, when_due), (Checkpoints::AtOnce, at_once)] {
                assert_eq!(wanted.want(sequence, last.as_ref(), now), expected, "{sequence} {last:?} {wanted:?}");
            }
        }
    }
}
