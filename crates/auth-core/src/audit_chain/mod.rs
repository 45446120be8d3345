//! The tamper-evident audit trail: what each row is tagged with, how rows are linked, and how links are signed.
//!
//! ```text
//! personal digest = HMAC-SHA256(personal key, 1 ‖ salt (16) ‖ ip? ‖ user agent? ‖ details)
//! tag             = HMAC-SHA256(row key, 1 ‖ id (16) ‖ at ‖ event ‖ outcome ‖ user id? ‖ actor id? ‖ request id? ‖ personal digest (32))
//! link            = HMAC-SHA256(link key, 1 ‖ sequence ‖ previous link (32) ‖ tag (32))
//! head tag        = HMAC-SHA256(head key, 1 ‖ began at ‖ base sequence ‖ base link (32) ‖ sequence ‖ link (32))
//! signature       = Ed25519(signing key, "gatehouse audit checkpoint" ‖ 1 ‖ sequence ‖ link (32))
//! keys            = HKDF-SHA256(data key, info "audit personal" | "audit row" | "audit link" | "audit head" | "audit checkpoint")
//! ```
//!
//! HKDF's salt is `gatehouse data key`; the signing key's seed is the one for "audit checkpoint" (RFC 8032, section 5.1.5).
//! Numbers and times (microseconds since 1970) are 8 bytes, big-endian; a text is its length as a number, then its bytes
//! in UTF-8; what may be missing (?) begins with a byte 0 or 1. So no two inputs of a MAC are spelled alike.
//!
//! # What each part is for
//!
//! - The **personal digest** stands for what tells of a person. Without the salt nobody can try which address it was made
//!   of, not even with the key: salt and data are erased together, and the tag over the digest stays right.
//! - The **tag** is made when the row is written, so the row is bound to what it said before it has its place.
//! - The **link** binds a row to all rows before it, the **head tag** the ends of the chain to each other.
//! - The **signature** lets a link be kept elsewhere, in a log, and be recognised.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use subtle::ConstantTimeEq as _;

use crate::id::{AuditEventId, UserId};
use crate::random::Random;
use crate::secret::DataKey;
use crate::time::Timestamp;

/// The version of every encoding here.
const VERSION: u8 = 1;

/// What a row says about the event itself. It stays as long as the row.
#[derive(Clone, Copy, Debug)]
pub struct AuditFacts<'a> {
    /// The event's id.
    pub id: AuditEventId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: &'a str,
    /// How it ended.
    pub outcome: &'a str,
    /// Whose account it concerns.
    pub user_id: Option<UserId>,
    /// Who did it.
    pub actor_id: Option<UserId>,
    /// The request that it was done by.
    pub request_id: Option<&'a str>,
}

/// What a row says that tells of a person. It can be erased.
#[derive(Clone, Copy, Debug)]
pub struct AuditPersonal<'a> {
    /// The client's address.
    pub ip: Option<&'a str>,
    /// The client's name for itself.
    pub user_agent: Option<&'a str>,
    /// What else is worth knowing, exactly as it is stored.
    pub details: &'a str,
}

/// What a row is written with, beside what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditSeal {
    /// Random, and erased together with the personal data.
    pub salt: [u8; 16],
    /// Stands for the personal data.
    pub personal_digest: [u8; 32],
    /// Binds the row to what it says.
    pub tag: [u8; 32],
}

/// The two ends of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// Since when every row has a tag.
    pub began_at: Timestamp,
    /// The sequence of the last row that was deleted from the front; 0 if none was.
    pub base_sequence: i64,
    /// That row's link.
    pub base_link: [u8; 32],
    /// The sequence of the last row; that of the base if there is none.
    pub sequence: i64,
    /// That row's link.
    pub link: [u8; 32],
}

impl AuditHead {
    /// A chain without a row.
    pub const fn empty(began_at: Timestamp) -> Self {
        Self { began_at, base_sequence: 0, base_link: [0; 32], sequence: 0, link: [0; 32] }
    }
}

/// Makes and checks what links the audit trail. All instances of one database come to the same.
#[derive(Clone)]
pub struct AuditChain {
    personal: hmac::Key,
    row: hmac::Key,
    link: hmac::Key,
    head: hmac::Key,
    signing: Arc<Ed25519KeyPair>,
}

/// The cryptographic library refused the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key of the audit chain can't be used")]
pub struct InvalidAuditKey;

impl AuditChain {
    /// The chain of `key`, the data key of purpose `audit_chain`.
    ///
    /// # Errors
    ///
    /// [`InvalidAuditKey`], which no random key is.
    pub fn new(key: &DataKey) -> Result<Self, InvalidAuditKey> {
        let seed = key.subkey("audit checkpoint");
        let signing = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| InvalidAuditKey)?;
        Ok(Self {
            personal: key.mac_key("audit personal"),
            row: key.mac_key("audit row"),
            link: key.mac_key("audit link"),
            head: key.mac_key("audit head"),
            signing: Arc::new(signing),
        })
    }

    /// What the row that says this is written with.
    pub fn seal(&self, facts: &AuditFacts<'_>, personal: &AuditPersonal<'_>, random: &dyn Random) -> AuditSeal {
        let salt = random.bytes();
        let personal_digest = self.personal_digest(&salt, personal);
        AuditSeal { salt, personal_digest, tag: self.tag(facts, &personal_digest) }
    }

    /// What stands for personal data in the tag.
    pub fn personal_digest(&self, salt: &[u8; 16], personal: &AuditPersonal<'_>) -> [u8; 32] {
        let mut mac = Mac::new(&self.personal);
        mac.bytes(salt).optional_text(personal.ip).optional_text(personal.user_agent).text(personal.details);
        mac.finish()
    }

    /// What binds a row to what it says.
    pub fn tag(&self, facts: &AuditFacts<'_>, personal_digest: &[u8; 32]) -> [u8; 32] {
        let mut mac = Mac::new(&self.row);
        mac.bytes(facts.id.as_uuid().as_bytes()).number(facts.at.as_micros()).text(facts.event).text(facts.outcome);
        mac.optional_id(facts.user_id).optional_id(facts.actor_id).optional_text(facts.request_id);
        mac.bytes(personal_digest);
        mac.finish()
    }

    /// Whether `tag` is [`tag`](Self::tag) of the rest.
    pub fn is_tag(&self, facts: &AuditFacts<'_>, personal_digest: &[u8; 32], tag: &[u8]) -> bool {
        self.tag(facts, personal_digest).ct_eq(tag).into()
    }

    /// The link of the row with this `sequence` and `tag`, after the row whose link is `previous`.
    pub fn link(&self, sequence: i64, previous: &[u8; 32], tag: &[u8; 32]) -> [u8; 32] {
        let mut mac = Mac::new(&self.link);
        mac.number(sequence).bytes(previous).bytes(tag);
        mac.finish()
    }

    /// What binds the two ends of the chain.
    pub fn head_tag(&self, head: &AuditHead) -> [u8; 32] {
        let mut mac = Mac::new(&self.head);
        mac.number(head.began_at.as_micros()).number(head.base_sequence).bytes(&head.base_link);
        mac.number(head.sequence).bytes(&head.link);
        mac.finish()
    }

    /// Whether `tag` is [`head_tag`](Self::head_tag) of `head`.
    pub fn is_head(&self, head: &AuditHead, tag: &[u8]) -> bool {
        self.head_tag(head).ct_eq(tag).into()
    }

    /// Signs that the row with this `sequence` has this `link`.
    ///
    /// # Errors
    ///
    /// [`InvalidAuditKey`], which no random key is.
    pub fn sign(&self, sequence: i64, link: &[u8; 32]) -> Result<[u8; 64], InvalidAuditKey> {
        let signature = self.signing.try_sign(&checkpoint(sequence, link)).map_err(|_| InvalidAuditKey)?;
        signature.as_ref().try_into().map_err(|_| InvalidAuditKey)
    }

    /// Whether [`sign`](Self::sign) made this `signature`.
    pub fn is_signed(&self, sequence: i64, link: &[u8; 32], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, self.public_key());
        key.verify(&checkpoint(sequence, link), signature).is_ok()
    }

    /// The public key of the signatures (RFC 8032): whoever has it can check a checkpoint, and make none.
    pub fn public_key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        key.copy_from_slice(self.signing.public_key().as_ref());
        key
    }
}

impl fmt::Debug for AuditChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditChain(…)")
    }
}

/// What is signed.
fn checkpoint(sequence: i64, link: &[u8; 32]) -> Vec<u8> {
    [b"gatehouse audit checkpoint".as_slice(), &[VERSION], &sequence.to_be_bytes(), link].concat()
}

/// A MAC over fields, each spelled so that it can't be taken for others.
struct Mac(hmac::Context);

impl Mac {
    fn new(key: &hmac::Key) -> Self {
        let mut context = hmac::Context::with_key(key);
        context.update(&[VERSION]);
        Self(context)
    }

    /// Of a length that is always the same.
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    fn number(&mut self, number: i64) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(&(text.len() as u64).to_be_bytes()).bytes(text.as_bytes())
    }

    fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            None => self.bytes(&[0]),
            Some(text) => self.bytes(&[1]).text(text),
        }
    }

    fn optional_id(&mut self, id: Option<UserId>) -> &mut Self {
        match id {
            None => self.bytes(&[0]),
            Some(id) => self.bytes(&[1]).bytes(id.as_uuid().as_bytes()),
        }
    }

    fn finish(self) -> [u8; 32] {
        let mut tag = [0; 32];
        tag.copy_from_slice(self.0.sign().as_ref());
        tag
    }
}
