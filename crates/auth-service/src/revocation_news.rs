//! The news of what was revoked, told to all instances at once.
//!
//! A message is sealed under a key that the instances of one database share, so whoever carries it can neither read nor
//! make one. It is a short cut and no more: it says nothing that isn't in the table of the feed as well, so one that is
//! lost costs the wait for the next poll, and one that comes twice changes nothing.
//!
//! ```text
//! message = sealed(format (1 byte, 0x02) ‖ piece of news ‖ … )
//! piece   = id (16) ‖ at (8) ‖ expires_at (8) ‖ kind (1) ‖ session or user (16) ‖ epoch (8) ‖ premium until (8)
//! ```
//!
//! Numbers are big endian, times are microseconds since 1970; no premium is the least number there is. Instances of the
//! version before have a format without the last field: each version ignores the other's messages, and reads the table.

use std::time::Duration;

use auth_core::{SealContext, SessionId, Timestamp, UserId};
use auth_ephemeral::{Heard, Listener};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::revocation_feed::{Kind, OVERLAP, Revoked};
use crate::service::{AuthService, Inner};

/// What messages are bound to.
const CONTEXT: SealContext<'static> = SealContext { table: "revocations", column: "news", row: b"" };

const FORMAT: u8 = 2;
const SESSION: u8 = 1;
const EPOCH: u8 = 2;
const PREMIUM: u8 = 3;

/// Where a time stands that there isn't.
const NO_TIME: i64 = i64::MIN;

/// The length of a piece of news.
const PIECE: usize = 65;

/// The most news in one message: less than 32 KiB.
const PIECES: usize = 500;

/// What sealing adds at most, and then some.
const SEAL: usize = 64;

/// The longest that an access token may live.
const LONGEST_LIFE: Duration = Duration::from_hours(24);

impl Inner {
    /// Tells the other instances. Nobody waits for it.
    pub(crate) fn tell_instances(&self, news: &[Revoked]) {
        for some in news.chunks(PIECES) {
            self.broadcast.tell(self.news_sealer.seal(CONTEXT, &encode(some), &*self.random));
        }
    }

    /// Applies what a message says; false if it isn't one of this database's instances.
    fn hear(&self, message: &[u8]) -> bool {
        if message.len() > 1 + PIECES * PIECE + SEAL {
            return false;
        }
        let opened = self.news_sealer.open(CONTEXT, message).ok();
        let news = opened.and_then(|plain| decode(&plain, self.clock.now()));
        news.as_deref().map(|news| self.apply_heard(news)).is_some()
    }
}

/// Applies what is told, until it is to stop. Whenever something may have been missed the feed is read at once; what is
/// told meanwhile is heard all the same.
pub(crate) async fn follow(service: AuthService, mut listener: Listener, mut stop: watch::Receiver<bool>) {
    let (inner, gap) = (service.inner(), Notify::new());
    let hear = async {
        let mut warned = false;
        while let Some(heard) = listener.next().await {
            match heard {
                Heard::Gap => gap.notify_one(),
                Heard::Message(message) if !inner.hear(&message) && !warned => {
                    // Once: whoever tells nonsense must not fill the log with it.
                    warned = true;
                    tracing::warn!(
                        "something that isn't news of revocations was told where they are told; it is ignored"
                    );
                }
                Heard::Message(_) => {}
            }
        }
    };
    let catch_up = async {
        loop {
            gap.notified().await;
            if let Err(error) = inner.poll_revocations().await {
                // The timed reading goes on, and warns.
                tracing::debug!(%error, "the feed of revocations can't be read after a gap in the news");
            }
        }
    };
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        () = hear => {}
        () = catch_up => {}
    }
}

fn encode(news: &[Revoked]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + news.len() * PIECE);
    bytes.push(FORMAT);
    for item in news {
        let (kind, subject, epoch, until) = match Kind::of(item) {
            Some(Kind::Session(session)) => (SESSION, *session.as_uuid(), 0, None),
            Some(Kind::Epoch(user, epoch)) => (EPOCH, *user.as_uuid(), epoch, None),
            Some(Kind::Premium(user, epoch, until)) => (PREMIUM, *user.as_uuid(), epoch, until),
            None => continue,
        };
        bytes.extend_from_slice(item.id.as_bytes());
        bytes.extend_from_slice(&item.at.as_micros().to_be_bytes());
        bytes.extend_from_slice(&item.expires_at.as_micros().to_be_bytes());
        bytes.push(kind);
        bytes.extend_from_slice(subject.as_bytes());
        bytes.extend_from_slice(&epoch.to_be_bytes());
        bytes.extend_from_slice(&until.map_or(NO_TIME, Timestamp::as_micros).to_be_bytes());
    }
    bytes
}

/// The news in a message. None of it is heeded for longer than a row of the table could say.
fn decode(message: &[u8], now: Timestamp) -> Option<Vec<Revoked>> {
    let (pieces, []) = message.strip_prefix(&[FORMAT])?.as_chunks::<PIECE>() else { return None };
    pieces.iter().map(|piece| decode_piece(piece, now)).collect()
}

fn decode_piece(mut piece: &[u8], now: Timestamp) -> Option<Revoked> {
    let id = Uuid::from_bytes(take(&mut piece)?);
    let at = Timestamp::from_micros(i64::from_be_bytes(take(&mut piece)?)).min(now);
    let expires_at = Timestamp::from_micros(i64::from_be_bytes(take(&mut piece)?));
    let [kind] = take(&mut piece)?;
    let subject = Uuid::from_bytes(take(&mut piece)?);
    let epoch = i64::from_be_bytes(take(&mut piece)?);
    let until = Some(i64::from_be_bytes(take(&mut piece)?)).filter(|micros| *micros != NO_TIME);
    Some(Revoked {
        id,
        at,
        session_id: (kind == SESSION).then(|| SessionId::from_uuid(subject)),
        user_id: (kind != SESSION).then(|| UserId::from_uuid(subject)),
        lowest_epoch: (kind == EPOCH).then_some(epoch),
        premium_epoch: (kind == PREMIUM).then_some(epoch),
        premium_until: until.filter(|_| kind == PREMIUM).map(Timestamp::from_micros),
        expires_at: expires_at.min(now.plus(LONGEST_LIFE).plus(OVERLAP)),
    })
    .filter(|_| matches!(kind, SESSION | EPOCH | PREMIUM))
}

/// The next bytes of `from`.
fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_772_366_400);

    fn later(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    fn session(expires_at: Timestamp) -> Revoked {
        let session = SessionId::from_uuid(Uuid::from_u128(2));
        Revoked { id: Uuid::from_u128(1), session_id: Some(session), user_id: None, expires_at, ..nothing() }
    }

    /// About somebody, and nothing else.
    fn nothing() -> Revoked {
        Revoked {
            id: Uuid::from_u128(3),
            at: NOW,
            session_id: None,
            user_id: Some(UserId::from_uuid(Uuid::from_u128(4))),
            lowest_epoch: None,
            premium_epoch: None,
            premium_until: None,
            expires_at: later(900),
        }
    }

    fn epoch(lowest_epoch: i64) -> Revoked {
        Revoked { lowest_epoch: Some(lowest_epoch), ..nothing() }
    }

    /// REQ-41
    fn premium(premium_epoch: i64, premium_until: Option<Timestamp>) -> Revoked {
        Revoked { premium_epoch: Some(premium_epoch), premium_until, ..nothing() }
    }

    #[test]
    fn news_arrive_as_they_were_told() {
        let ends = [None, Some(Timestamp::from_micros(-1)), Some(Timestamp::MAX)];
        let mut news = vec![session(later(900)), epoch(i64::MAX), epoch(-7)];
        news.extend(ends.map(|end| premium(4, end)));
        assert_eq!(decode(&encode(&news), NOW), Some(news));
        assert_eq!(decode(&encode(&[]), NOW), Some(Vec::new()));
    }

    /// Whose session it was isn't told: nobody needs it.
    #[test]
    fn a_message_of_the_most_news_is_heard() {
        let news = vec![session(later(1)); PIECES];
        assert_eq!(encode(&news).len(), 1 + PIECES * PIECE);
        assert_eq!(decode(&encode(&news), NOW).unwrap().len(), PIECES);
    }

    #[test]
    fn no_message_is_heeded_for_longer_than_a_row_could_be() {
        let told = Revoked { at: Timestamp::MAX, ..session(Timestamp::MAX) };
        let heard = decode(&encode(&[told]), NOW).unwrap();
        assert_eq!((heard[0].at, heard[0].expires_at), (NOW, later(24 * 3600 + 30)));
    }

    proptest! {
        /// Whatever is in it: cut, of another format, of another kind.
        #[test]
        fn what_is_no_message_is_refused_whole(garbage: Vec<u8>, length in 0..=2 * PIECE, kind in 4_u8..) {
            let _ = decode(&garbage, NOW);
            let mut message = encode(&[session(NOW), epoch(1)]);
            prop_assert_eq!(decode(&message[..length], NOW).is_some(), length == 1 || length == 1 + PIECE);
            message[1 + PIECE + 32] = kind;
            prop_assert_eq!(decode(&message, NOW), None);
            message[0] = 1;
            prop_assert_eq!(decode(&message, NOW), None);
        }
    }
}
