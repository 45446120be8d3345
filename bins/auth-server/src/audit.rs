//! `audit verify` and `audit checkpoint-key`: the audit trail, for its operator (REQ-51).

use std::fmt;
use std::sync::Arc;

use auth_core::{OsRandom, SystemClock};
use auth_persistence::Database;
use auth_service::{AuditReport, AuditTrail, Fault};

use crate::cli::AuditCommand;
use crate::settings::Settings;
use crate::start::{CannotStart, secrets};

/// What there is to tell.
pub(crate) struct Found {
    pub(crate) text: Box<dyn fmt::Display>,
    /// The first thing that is wrong.
    pub(crate) fault: Option<String>,
}

/// Does what `command` says.
pub(crate) fn carry_out(settings: &Settings, database: Database, command: &AuditCommand) -> Result<Found, CannotStart> {
    let trail = AuditTrail::open(database, secrets(settings)?, Arc::new(SystemClock), Arc::new(OsRandom))?;
    Ok(match command {
        AuditCommand::CheckpointKey => Found { text: Box::new(format!("{}\n", trail.checkpoint_key())), fault: None },
        AuditCommand::Verify { checkpoints } => {
            let report = trail.verify(checkpoints).map_err(Fault::from)?;
            Found { fault: report.faults.first().map(ToString::to_string), text: Box::new(Verified(report)) }
        }
    })
}

/// What `audit verify` found.
struct Verified(AuditReport);

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.0;
        match report.began_at {
            Some(began_at) => writeln!(
                f,
                "events in the chain: {}, in the places {} to {}; since {began_at}",
                report.linked,
                report.base.saturating_add(1),
                report.end
            )?,
            None => writeln!(f, "the chain has not begun: a server begins it when it runs")?,
        }
        writeln!(f, "of them with personal data erased, since the account was deleted: {}", report.erased)?;
        writeln!(f, "events that wait for their place: {}", report.waiting)?;
        writeln!(f, "events from before the chain, which nobody can check: {}", report.before_chain)?;
        writeln!(f, "checkpoints of the database on the chain: {}", report.checkpoints)?;
        match report.known + report.known_too_old {
            0 => writeln!(f, "no checkpoint was given: whether the last events were cut off is not known")?,
            _ => writeln!(f, "checkpoints that were given: {} on the chain", report.known)?,
        }
        if report.known_too_old > 0 {
            writeln!(f, "checkpoints that were given, from before the events that are kept: {}", report.known_too_old)?;
        }
        if report.is_whole() {
            return match report.before_chain {
                0 => writeln!(f, "everything is as it was written"),
                _ => writeln!(f, "everything in the chain is as it was written; of the rest nobody can tell"),
            };
        }
        writeln!(f, "what is not as it was written: {}", report.fault_count)?;
        report.faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))?;
        if report.fault_count > report.faults.len() as u64 { writeln!(f, "  …") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use auth_core::Timestamp;
    use auth_service::{AuditFault, FaultKind};

    use super::*;

    fn report() -> AuditReport {
        AuditReport {
            began_at: Some(Timestamp::from_seconds(1_772_366_400)),
            base: 2,
            end: 9,
            linked: 7,
            ..AuditReport::default()
        }
    }

    #[test]
    fn a_whole_trail_is_told_in_numbers() {
        let text = Verified(report()).to_string();
        assert!(
            text.starts_with("events in the chain: 7, in the places 3 to 9; since 2026-03-01T12:00:00Z\n"),
            "{text}"
        );
        assert!(text.contains("whether the last events were cut off is not known"), "{text}");
        assert!(text.ends_with("everything is as it was written\n"), "{text}");
        let text = Verified(AuditReport { known: 1, known_too_old: 2, ..report() }).to_string();
        assert!(text.contains("given: 1 on the chain\n") && text.contains("events that are kept: 2\n"), "{text}");
        let text = Verified(AuditReport { before_chain: 3, ..report() }).to_string();
        assert!(
            text.ends_with("everything in the chain is as it was written; of the rest nobody can tell\n"),
            "{text}"
        );
        let text = Verified(AuditReport::default()).to_string();
        assert!(text.starts_with("the chain has not begun"), "{text}");
    }

    #[test]
    fn what_is_wrong_is_listed_and_counted() {
        let id: auth_core::AuditEventId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let fault = |sequence, id, kind| AuditFault { sequence, id, kind };
        let faults = vec![
            fault(None, None, FaultKind::EndsForged),
            fault(Some(3), Some(id), FaultKind::Changed),
            fault(Some(4), None, FaultKind::Removed { upto: 4 }),
            fault(Some(5), None, FaultKind::Removed { upto: 6 }),
            fault(None, Some(id), FaultKind::Inserted),
            fault(Some(12), None, FaultKind::CutOff { end: 9 }),
        ];
        let text = Verified(AuditReport { fault_count: 7, faults, ..report() }).to_string();
        let (_, listed) = text.split_once("what is not as it was written: 7\n").unwrap();
        let lines: Vec<&str> = listed.lines().map(str::trim).collect();
        assert_eq!(lines[..2], ["the ends of the chain were changed", &format!("event {id} (place 3) was changed")]);
        assert_eq!(lines[2], "the event in place 4 was removed");
        assert_eq!(lines[3], "the events in the places 5 to 6 were removed");
        assert_eq!(lines[4], format!("event {id} (without a place) was inserted"));
        assert!(lines[5].starts_with("there is a checkpoint of place 12, but the chain ends in place 9"));
        assert_eq!((lines[6], lines.len()), ("…", 7));
    }
}
