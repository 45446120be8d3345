//! The way along the chain, and what is met on it. Nothing is read here.

use std::collections::{BTreeMap, HashSet};

use auth_core::{AuditChain, AuditEventId, AuditHead, Timestamp, UserId};
use auth_persistence::audit_chain::{ChainedEvent, StoredHead};
use auth_persistence::audit_checkpoint::AuditCheckpoint;

use super::KEPT;
use super::report::{AuditFault, AuditReport, FaultKind};
use crate::audit::checkpoint::KnownCheckpoint;
use crate::audit::row::{Condition, ERASING, fixed};

/// How far the chain was followed, and what was met.
pub(super) struct Walk<'a> {
    chain: &'a AuditChain,
    head: Option<AuditHead>,
    /// The last place that was looked at, and its link, if that is known.
    place: i64,
    link: Option<[u8; 32]>,
    is_over: bool,
    /// Links that were signed, by place, until the place comes.
    known: BTreeMap<i64, Vec<[u8; 32]>>,
    stored: BTreeMap<i64, [u8; 32]>,
    /// Of each user whose data are erased, the first row.
    erased: BTreeMap<UserId, (Option<i64>, AuditEventId)>,
    deleted: HashSet<UserId>,
    report: AuditReport,
}

impl<'a> Walk<'a> {
    pub(super) fn new(chain: &'a AuditChain, known: &[KnownCheckpoint]) -> Self {
        let mut walk = Self {
            chain,
            head: None,
            place: 0,
            link: None,
            is_over: true,
            known: BTreeMap::new(),
            stored: BTreeMap::new(),
            erased: BTreeMap::new(),
            deleted: HashSet::new(),
            report: AuditReport::default(),
        };
        for KnownCheckpoint { sequence, link, signature } in known {
            if chain.is_signed(*sequence, link, signature) {
                walk.known.entry(*sequence).or_default().push(*link);
            } else {
                walk.fault(Some(*sequence), None, FaultKind::CheckpointForged);
            }
        }
        walk
    }

    fn fault(&mut self, sequence: Option<i64>, id: Option<AuditEventId>, kind: FaultKind) {
        self.report.fault_count += 1;
        if self.report.faults.len() < KEPT as usize {
            self.report.faults.push(AuditFault { sequence, id, kind });
        }
    }

    /// The ends, and what must not lie beyond them.
    pub(super) fn begin(
        &mut self,
        stored: Option<&StoredHead>,
        last_checkpoint: Option<&AuditCheckpoint>,
        beyond: &[ChainedEvent],
        lowest: Option<&ChainedEvent>,
    ) {
        let Some(StoredHead { head, tag }) = stored else {
            if lowest.is_some() || last_checkpoint.is_some() || !self.known.is_empty() {
                self.fault(None, None, FaultKind::EndsGone);
            }
            self.known.clear();
            return;
        };
        if !self.chain.is_head(head, tag) {
            self.fault(None, None, FaultKind::EndsForged);
        }
        self.report.began_at = Some(head.began_at);
        (self.report.base, self.report.end) = (head.base_sequence, head.sequence);
        for row in beyond {
            self.fault(row.sequence, Some(row.id), FaultKind::Inserted);
        }
        if let Some(row) = lowest.filter(|row| row.sequence <= Some(head.base_sequence)) {
            self.fault(row.sequence, Some(row.id), FaultKind::Inserted);
        }
        let known = self.known.last_key_value().map(|(sequence, _)| *sequence);
        let last = known.max(last_checkpoint.map(|checkpoint| checkpoint.sequence));
        if let Some(last) = last.filter(|last| *last > head.sequence) {
            self.fault(Some(last), None, FaultKind::CutOff { end: head.sequence });
        }
        self.known.retain(|sequence, _| *sequence <= head.sequence);
        (self.head, self.is_over) = (Some(*head), false);
        (self.place, self.link) = (head.base_sequence, Some(head.base_link));
        self.meet_known(head.base_sequence, Some(&head.base_link));
    }

    /// The last place that was looked at, if there is more to look at.
    pub(super) fn place(&self) -> Option<i64> {
        (!self.is_over).then_some(self.place)
    }

    pub(super) fn began_at(&self) -> Option<Timestamp> {
        self.head.map(|head| head.began_at)
    }

    fn end_place(&self) -> i64 {
        self.head.map_or(0, |head| head.sequence)
    }

    /// Whether `row` is the next one, or none is expected.
    pub(super) fn continues_with(&self, row: Option<&ChainedEvent>) -> bool {
        self.place >= self.end_place() || row.is_some_and(|row| row.sequence == Some(self.place + 1))
    }

    /// Goes on from a beginning that was moved meanwhile. False: that doesn't tell why a row is missing.
    pub(super) fn jump(&mut self, stored: &StoredHead) -> bool {
        let StoredHead { head, tag } = stored;
        let moved = head.base_sequence > self.place && self.chain.is_head(head, tag);
        if moved {
            (self.place, self.link) = (head.base_sequence, Some(head.base_link));
            self.is_over = self.place >= self.end_place();
        }
        moved
    }

    /// A stored checkpoint whose place comes.
    pub(super) fn expect(&mut self, checkpoint: &AuditCheckpoint) {
        let AuditCheckpoint { sequence, link, signature, .. } = checkpoint;
        let is_at_base = *sequence == self.report.base;
        if *sequence > self.end_place() || (*sequence <= self.place && !is_at_base) {
            // It was made since, or its place is gone or was looked at.
            return;
        }
        if !self.chain.is_signed(*sequence, link, signature) {
            self.fault(Some(*sequence), None, FaultKind::CheckpointForged);
        } else if is_at_base {
            let is_met = self.head.is_some_and(|head| head.base_link == *link);
            self.met_checkpoint(*sequence, is_met);
        } else {
            self.stored.insert(*sequence, *link);
        }
    }

    fn met_checkpoint(&mut self, sequence: i64, is_met: bool) {
        if is_met {
            self.report.checkpoints += 1;
        } else {
            self.fault(Some(sequence), None, FaultKind::CheckpointOffChain);
        }
    }

    /// The next rows, as they lie in the database; `is_last`: there are no more.
    pub(super) fn page(&mut self, rows: &[ChainedEvent], is_last: bool) {
        for row in rows {
            let Some(sequence) = row.sequence.filter(|sequence| *sequence <= self.end_place()) else {
                // It was linked since, or was told already.
                break;
            };
            if sequence != self.place + 1 {
                self.missing(sequence - 1);
            }
            self.row(sequence, row);
            (self.place, self.link) = (sequence, fixed(row.link.as_deref()));
            self.meet(sequence);
        }
        let is_beyond = rows.last().is_some_and(|row| row.sequence > Some(self.end_place()));
        if is_last || is_beyond || self.place >= self.end_place() {
            if self.place < self.end_place() {
                self.missing(self.end_place());
            }
            self.is_over = true;
        }
    }

    /// Rows are missing up to this place.
    fn missing(&mut self, upto: i64) {
        self.fault(Some(self.place + 1), None, FaultKind::Removed { upto });
        (self.place, self.link) = (upto, None);
    }

    fn row(&mut self, sequence: i64, row: &ChainedEvent) {
        self.report.linked += 1;
        let condition = Condition::of(row, self.chain);
        let Some(tag) = condition.tag() else {
            return self.fault(Some(sequence), Some(row.id), FaultKind::Changed);
        };
        self.note_person(condition, row);
        // Where the link before is not known, the row itself is all there is.
        if let Some(previous) = self.link
            && fixed(row.link.as_deref()) != Some(self.chain.link(sequence, &previous, &tag))
        {
            self.fault(Some(sequence), Some(row.id), FaultKind::Misplaced);
        }
    }

    fn note_person(&mut self, condition: Condition, row: &ChainedEvent) {
        if let Some(user) = row.user_id.filter(|_| ERASING.contains(&row.event.as_str())) {
            self.deleted.insert(user);
        }
        if !matches!(condition, Condition::Erased(_)) {
            return;
        }
        self.report.erased += 1;
        match row.user_id {
            Some(user) => {
                self.erased.entry(user).or_insert((row.sequence, row.id));
            }
            None => self.fault(row.sequence, Some(row.id), FaultKind::ErasedWithoutCause),
        }
    }

    /// The checkpoints of the place that was looked at.
    fn meet(&mut self, sequence: i64) {
        let link = self.link;
        if let Some(signed) = self.stored.remove(&sequence) {
            self.met_checkpoint(sequence, link == Some(signed));
        }
        self.meet_known(sequence, link.as_ref());
    }

    fn meet_known(&mut self, sequence: i64, link: Option<&[u8; 32]>) {
        for signed in self.known.remove(&sequence).unwrap_or_default() {
            if link == Some(&signed) {
                self.report.known += 1;
            } else {
                self.fault(Some(sequence), None, FaultKind::CheckpointOffChain);
            }
        }
    }

    /// A row that has a tag and no place.
    pub(super) fn waiting(&mut self, row: &ChainedEvent) {
        let condition = Condition::of(row, self.chain);
        if condition.tag().is_none() {
            return self.fault(None, Some(row.id), FaultKind::Inserted);
        }
        self.report.waiting += 1;
        self.note_person(condition, row);
    }

    /// Rows without a tag: those that say to be younger than the chain, and how many are older.
    pub(super) fn untagged(&mut self, younger: &[ChainedEvent], older: i64) {
        for row in younger {
            self.fault(None, Some(row.id), FaultKind::Inserted);
        }
        self.report.before_chain = u64::try_from(older).unwrap_or(0);
    }

    /// Rows, and no chain that they could be in.
    pub(super) fn without_chain(&mut self, rows: i64) {
        self.report.before_chain = u64::try_from(rows).unwrap_or(0);
        if rows > 0 {
            self.fault(None, None, FaultKind::NoChain);
        }
    }

    /// The users whose data are erased and whose deletion was not met.
    pub(super) fn missing_deletions(&self) -> Vec<UserId> {
        self.erased.keys().filter(|user| !self.deleted.contains(user)).copied().collect()
    }

    pub(super) fn deleted(&mut self, user: UserId) {
        self.deleted.insert(user);
    }

    pub(super) fn end(mut self) -> AuditReport {
        for (user, (sequence, id)) in std::mem::take(&mut self.erased) {
            if !self.deleted.contains(&user) {
                self.report.fault_count += 1;
                self.report.faults.push(AuditFault { sequence, id: Some(id), kind: FaultKind::ErasedWithoutCause });
            }
        }
        let too_old = self.known.range(..self.report.base);
        self.report.known_too_old = too_old.map(|(_, links)| links.len() as u64).sum();
        // What concerns the ends comes first, rows without a place last.
        let place = |fault: &AuditFault| fault.sequence.unwrap_or(if fault.id.is_none() { i64::MIN } else { i64::MAX });
        self.report.faults.sort_by_key(place);
        self.report
    }
}
