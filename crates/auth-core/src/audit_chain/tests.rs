//! The chain under the published rules of its pieces, and what changes a tag.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::random::{OsRandom, SeededRandom};

fn chain_of(byte: u8) -> AuditChain {
    AuditChain::new(&DataKey::from_bytes([byte; 32])).unwrap()
}

fn chain() -> AuditChain {
    chain_of(3)
}

/// A row that owns what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    id: u128,
    at: i64,
    event: String,
    outcome: String,
    user_id: Option<u128>,
    actor_id: Option<u128>,
    request_id: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    details: String,
    salt: [u8; 16],
}

impl Row {
    fn facts(&self) -> AuditFacts<'_> {
        let user = |id: u128| UserId::from_uuid(Uuid::from_u128(id));
        AuditFacts {
            id: AuditEventId::from_uuid(Uuid::from_u128(self.id)),
            at: Timestamp::from_micros(self.at),
            event: &self.event,
            outcome: &self.outcome,
            user_id: self.user_id.map(user),
            actor_id: self.actor_id.map(user),
            request_id: self.request_id.as_deref(),
        }
    }

    fn personal(&self) -> AuditPersonal<'_> {
        AuditPersonal { ip: self.ip.as_deref(), user_agent: self.user_agent.as_deref(), details: &self.details }
    }

    fn tag(&self) -> [u8; 32] {
        chain().tag(&self.facts(), &chain().personal_digest(&self.salt, &self.personal()))
    }
}

/// Short texts of few letters, so that neighbouring fields often hold what could be taken for each other's.
fn text() -> impl Strategy<Value = String> {
    "[ab\u{0}\u{1}ä]{0,3}"
}

fn row() -> impl Strategy<Value = Row> {
    let id = || proptest::option::of(0_u128..3);
    let facts = (0_u128..3, 0_i64..3, text(), text(), id(), id(), proptest::option::of(text()));
    let personal = (proptest::option::of(text()), proptest::option::of(text()), text(), 0_u8..2);
    (facts, personal).prop_map(|(facts, (ip, user_agent, details, salt))| {
        let (id, at, event, outcome, user_id, actor_id, request_id) = facts;
        let salt = [salt; 16];
        Row { id, at, event, outcome, user_id, actor_id, request_id, ip, user_agent, details, salt }
    })
}

proptest! {
    /// Part 4 of the audit log: rows that differ in anything have different tags.
    #[test]
    fn two_rows_have_one_tag_only_if_they_say_the_same(one in row(), other in row()) {
        prop_assert_eq!(one.tag() == other.tag(), one == other);
    }
}

fn ada() -> Row {
    Row {
        id: 1,
        at: 1_772_366_400_123_457,
        event: "login.succeeded".to_owned(),
        outcome: "success".to_owned(),
        user_id: Some(2),
        actor_id: Some(2),
        request_id: Some("r".to_owned()),
        ip: Some("192.0.2.7".to_owned()),
        user_agent: Some("curl".to_owned()),
        details: "{}".to_owned(),
        salt: [7; 16],
    }
}

#[test]
fn a_change_of_any_field_changes_the_tag() {
    let changes: [fn(&mut Row); 15] = [
        |row| row.id = 2,
        |row| row.at += 1,
        |row| row.event = "login.failed".to_owned(),
        |row| row.outcome = "failure".to_owned(),
        |row| row.user_id = Some(3),
        |row| row.user_id = None,
        |row| row.actor_id = None,
        |row| (row.user_id, row.actor_id) = (None, None),
        |row| row.request_id = None,
        |row| row.request_id = Some(String::new()),
        |row| row.ip = None,
        |row| row.user_agent = Some("curl ".to_owned()),
        |row| (row.ip, row.user_agent) = (row.user_agent.clone(), row.ip.clone()),
        |row| row.details = "{ }".to_owned(),
        |row| row.salt[15] ^= 1,
    ];
    let mut tags = vec![ada().tag()];
    for change in changes {
        let mut row = ada();
        change(&mut row);
        tags.push(row.tag());
    }
    for (place, tag) in tags.iter().enumerate() {
        assert!(!tags[..place].contains(tag), "{place}");
    }
}

/// A letter doesn't move from one field into the next unseen.
#[test]
fn fields_do_not_run_into_each_other() {
    let with = |event: &str, outcome: &str| Row { event: event.to_owned(), outcome: outcome.to_owned(), ..ada() };
    assert_ne!(with("ab", "c").tag(), with("a", "bc").tag());
}

#[test]
fn a_row_keeps_its_tag_when_its_personal_data_are_erased() {
    let row = ada();
    let seal = chain().seal(&row.facts(), &row.personal(), &OsRandom);
    assert_eq!(chain().personal_digest(&seal.salt, &row.personal()), seal.personal_digest);
    assert_eq!(chain().tag(&row.facts(), &seal.personal_digest), seal.tag);
}

#[test]
fn the_salt_is_another_one_each_time() {
    let seal = || chain().seal(&ada().facts(), &ada().personal(), &OsRandom);
    assert_ne!(seal().salt, seal().salt);
    assert_ne!(seal().personal_digest, seal().personal_digest);
}

const HEAD: AuditHead =
    AuditHead { began_at: Timestamp::from_micros(1), base_sequence: 2, base_link: [3; 32], sequence: 4, link: [5; 32] };

#[test]
fn everything_about_the_ends_is_in_their_tag() {
    let tag = chain().head_tag(&HEAD);
    assert!(chain().is_head(&HEAD, &tag));
    for other in [
        AuditHead { began_at: Timestamp::from_micros(2), ..HEAD },
        AuditHead { base_sequence: 1, ..HEAD },
        AuditHead { base_link: [4; 32], ..HEAD },
        AuditHead { sequence: 5, ..HEAD },
        AuditHead { link: [6; 32], ..HEAD },
        AuditHead { base_sequence: 4, sequence: 2, ..HEAD },
        AuditHead { base_link: [5; 32], link: [3; 32], ..HEAD },
    ] {
        assert!(!chain().is_head(&other, &tag), "{other:?}");
    }
    assert!(!chain().is_head(&HEAD, &tag[..31]) && !chain().is_head(&HEAD, &[]));
    assert!(!chain_of(4).is_head(&HEAD, &tag));
}

#[test]
fn a_link_tells_its_place_its_row_and_what_was_before() {
    let link = chain().link(1, &[2; 32], &[3; 32]);
    assert_eq!(link, chain().link(1, &[2; 32], &[3; 32]));
    for other in [
        chain().link(2, &[2; 32], &[3; 32]),
        chain().link(1, &[3; 32], &[3; 32]),
        chain().link(1, &[2; 32], &[2; 32]),
        chain().link(1, &[3; 32], &[2; 32]),
        chain_of(4).link(1, &[2; 32], &[3; 32]),
    ] {
        assert_ne!(link, other);
    }
}

/// Each use has a key of its own: the same bytes under two of them come to different tags.
#[test]
fn no_key_serves_two_uses() {
    let chain = chain();
    let keys = [&chain.personal, &chain.row, &chain.link, &chain.head];
    let mut tags: Vec<Vec<u8>> = keys.iter().map(|key| hmac::sign(key, b"a").as_ref().to_vec()).collect();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), keys.len());
}

#[test]
fn a_checkpoint_is_recognised_by_its_signature() {
    let signature = chain().sign(7, &[1; 32]).unwrap();
    assert!(chain().is_signed(7, &[1; 32], &signature));
    assert!(!chain().is_signed(8, &[1; 32], &signature));
    assert!(!chain().is_signed(7, &[2; 32], &signature));
    assert!(!chain_of(4).is_signed(7, &[1; 32], &signature));
    for place in [0, 31, 32, 63] {
        let mut other = signature;
        other[place] ^= 1;
        assert!(!chain().is_signed(7, &[1; 32], &other), "{place}");
    }
    assert!(!chain().is_signed(7, &[1; 32], &[]));
}

/// With the public key alone, and by what the module's documentation lays down.
#[test]
fn anybody_can_check_a_checkpoint_by_the_public_key() {
    let signature = chain().sign(7, &[1; 32]).unwrap();
    let message = [b"gatehouse audit checkpoint\x01\0\0\0\0\0\0\0\x07".as_slice(), &[1; 32]].concat();
    UnparsedPublicKey::new(&ED25519, chain().public_key()).verify(&message, &signature).unwrap();
    let seed = DataKey::from_bytes([3; 32]).subkey("audit checkpoint");
    assert_ne!(seed.as_slice(), chain().public_key());
}

/// The constructions that the module's documentation lays down, computed by other means.
#[test]
fn tags_and_links_are_the_documented_ones() {
    let hmac = |label: &str, fields: &[&[u8]]| {
        let key = DataKey::from_bytes([3; 32]).subkey(label);
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()), &fields.concat()).as_ref().to_vec()
    };
    let row = Row { user_id: None, ..ada() };
    let seal = chain().seal(&row.facts(), &row.personal(), &SeededRandom::new(1));
    let length = |text: &str| (text.len() as u64).to_be_bytes();
    let (one, ip, agent, details) = ([1], "192.0.2.7", "curl", "{}");
    let digest = hmac(
        "audit personal",
        &[
            &one,
            &seal.salt,
            &one,
            &length(ip),
            ip.as_bytes(),
            &one,
            &length(agent),
            agent.as_bytes(),
            &length(details),
            b"{}",
        ],
    );
    assert_eq!(digest, seal.personal_digest);
    let (id, actor) = (1_u128.to_be_bytes(), 2_u128.to_be_bytes());
    let (at, event, outcome) = (row.at.to_be_bytes(), "login.succeeded", "success");
    let tag = hmac(
        "audit row",
        &[
            &[&one, id.as_slice(), &at, &length(event), event.as_bytes(), &length(outcome), outcome.as_bytes()]
                .concat(),
            &[&[0, 1], actor.as_slice(), &one, &length("r"), b"r", &digest].concat(),
        ],
    );
    assert_eq!(tag, seal.tag);
    let link = hmac("audit link", &[&one, &9_i64.to_be_bytes(), &[2; 32], &seal.tag]);
    assert_eq!(link, chain().link(9, &[2; 32], &seal.tag));
    let numbers = [1_i64, 2, 4].map(i64::to_be_bytes);
    let head = hmac("audit head", &[&one, &numbers[0], &numbers[1], &[3; 32], &numbers[2], &[5; 32]]);
    assert_eq!(head, chain().head_tag(&HEAD));
}

#[test]
fn the_keys_are_not_printed() {
    assert_eq!(format!("{:?}", chain()), "AuditChain(…)");
}
