//! What was found out about a trail.

use std::fmt;

use auth_core::{AuditEventId, Timestamp};

/// What was found out about a trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Since when rows are sealed; none before the chain has begun.
    pub began_at: Option<Timestamp>,
    /// The place before the first row that the chain still has.
    pub base: i64,
    /// The last place of the chain.
    pub end: i64,
    /// How many rows have their place in the chain.
    pub linked: u64,
    /// How many of them had their personal data erased.
    pub erased: u64,
    /// How many rows are right and wait for their place.
    pub waiting: u64,
    /// How many rows are from before the chain: nobody can tell whether they are right.
    pub before_chain: u64,
    /// How many checkpoints of the database were met on the chain.
    pub checkpoints: u64,
    /// How many of the checkpoints that were given were met on the chain.
    pub known: u64,
    /// How many of them are from before the first row that the chain still has.
    pub known_too_old: u64,
    /// What is wrong, in the order of the chain: its ends first, rows without a place last. Some hundreds at most are listed.
    pub faults: Vec<AuditFault>,
    /// How many faults there are.
    pub fault_count: u64,
}

impl AuditReport {
    /// Whether everything is as it was written.
    pub fn is_whole(&self) -> bool {
        self.fault_count == 0
    }
}

/// Something that only somebody else can have done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFault {
    /// The place in the chain, where it has one.
    pub sequence: Option<i64>,
    /// The row, where it is there.
    pub id: Option<AuditEventId>,
    /// What it is.
    pub kind: FaultKind,
}

/// What somebody did to a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A row says something else than what it was written with.
    Changed,
    /// Rows are missing, from the fault's place up to this one.
    Removed {
        /// The last place that is missing.
        upto: i64,
    },
    /// A row was never written by this program.
    Inserted,
    /// A row says what it was written with, but its link doesn't: it is in another's place, or its link was changed.
    Misplaced,
    /// A row's personal data are gone, and its user's account was not deleted.
    ErasedWithoutCause,
    /// The ends of the chain were changed.
    EndsForged,
    /// The ends of the chain are gone.
    EndsGone,
    /// There are rows without any tag, and no chain: no server of this version has run since they were written, or somebody
    /// took the chain off.
    NoChain,
    /// A checkpoint was not signed by this database's key.
    CheckpointForged,
    /// The chain had another link in a checkpoint's place.
    CheckpointOffChain,
    /// The chain ends before a checkpoint: rows were cut off, or the whole database is an older one.
    CutOff {
        /// The last place that there is.
        end: i64,
    },
}

impl fmt::Display for AuditFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.sequence.unwrap_or(0);
        match (self.id, self.sequence) {
            (Some(id), Some(place)) => write!(f, "event {id} (place {place}) ")?,
            (Some(id), None) => write!(f, "event {id} (without a place) ")?,
            _ => {}
        }
        match self.kind {
            FaultKind::Changed => write!(f, "was changed"),
            FaultKind::Removed { upto } if upto == place => write!(f, "the event in place {place} was removed"),
            FaultKind::Removed { upto } => write!(f, "the events in the places {place} to {upto} were removed"),
            FaultKind::Inserted => write!(f, "was inserted"),
            FaultKind::Misplaced => write!(f, "was not linked so in this place: its place or its link was changed"),
            FaultKind::ErasedWithoutCause => {
                write!(f, "was changed: its personal data are erased, and no deletion of the account is on record")
            }
            FaultKind::EndsForged => write!(f, "the ends of the chain were changed"),
            FaultKind::EndsGone => write!(f, "the ends of the chain were removed"),
            FaultKind::NoChain => {
                write!(
                    f,
                    "there are events and no chain: no server that makes one has run yet, or somebody took it off"
                )
            }
            FaultKind::CheckpointForged => {
                write!(f, "the checkpoint of place {place} was not signed by this database's key")
            }
            FaultKind::CheckpointOffChain => {
                write!(f, "the checkpoint of place {place} is of another chain: events up to that place were replaced")
            }
            FaultKind::CutOff { end } => write!(
                f,
                "there is a checkpoint of place {place}, but the chain ends in place {end}: the events after it were removed, or \
                 the database was replaced by an older one"
            ),
        }
    }
}
