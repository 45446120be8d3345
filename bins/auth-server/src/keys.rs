//! `keys list`, `keys rotate` and `keys reseal`: the keys, for their operator (REQ-15).

use std::fmt;
use std::sync::Arc;

use auth_core::{OsRandom, SystemClock, Timestamp};
use auth_persistence::Database;
use auth_service::{KeyInfo, KeyKeeper, KeyState, Resealed, Rotation, Urgency};

use crate::cli::KeysCommand;
use crate::columns::Columns;
use crate::service_config::signing_algorithm;
use crate::settings::{Settings, printable};
use crate::start::{CannotStart, secrets};

/// Does what `command` says: what there is to tell.
pub(crate) fn carry_out(
    settings: &Settings,
    database: Database,
    command: KeysCommand,
) -> Result<Box<dyn fmt::Display>, CannotStart> {
    let algorithm = signing_algorithm(settings.tokens.algorithm);
    let (clock, random) = (Arc::new(SystemClock), Arc::new(OsRandom));
    let keeper = KeyKeeper::new(database, secrets(settings)?, algorithm, clock, random);
    Ok(match command {
        KeysCommand::List => Box::new(Table(keeper.list()?)),
        KeysCommand::Rotate(urgency) => Box::new(Rotated { rotation: keeper.rotate(urgency)?, urgency }),
        KeysCommand::Reseal => Box::new(Sealed(keeper.reseal()?)),
    })
}

/// Signing keys as a table, one a line.
struct Table(Vec<KeyInfo>);

const HEADINGS: [&str; 6] = ["KID", "ALGORITHM", "STATE", "PUBLISHED", "SIGNS FROM", "ACCEPTED UNTIL"];

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.0.iter().map(row);
        Columns(std::iter::once(HEADINGS.map(str::to_owned)).chain(rows).collect()).fmt(f)?;
        if self.0.is_empty() { writeln!(f, "there is no key yet: a server makes one when it starts") } else { Ok(()) }
    }
}

fn row(key: &KeyInfo) -> [String; 6] {
    let state = match key.state {
        KeyState::Waiting => "waiting",
        KeyState::Signing => "signing",
        KeyState::Verifying => "verifying",
        KeyState::Retired => "retired",
    };
    [
        // The table's texts; whoever can write to it must not write to the terminal.
        printable(&key.kid),
        printable(&key.algorithm),
        state.to_owned(),
        key.published_at.to_string(),
        key.signs_from.to_string(),
        key.verifies_until.map_or_else(|| "-".to_owned(), |at: Timestamp| at.to_string()),
    ]
}

/// What `keys rotate` did.
struct Rotated {
    rotation: Rotation,
    urgency: Urgency,
}

impl fmt::Display for Rotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rotation { kid, algorithm, signs_from, replaced, was_waiting } = &self.rotation;
        if *was_waiting {
            return writeln!(
                f,
                "nothing was changed: the signing key {kid} ({algorithm}) is published already and signs from {signs_from} on"
            );
        }
        writeln!(f, "made the signing key {kid} ({algorithm}), which is published now and signs from {signs_from} on")?;
        match self.urgency {
            Urgency::AtOnce => writeln!(f, "from then on the tokens of every other key are refused"),
            Urgency::Planned if replaced.is_empty() => writeln!(
                f,
                "no key of this algorithm was in use: servers sign with it that have AUTH_JWT_ALGORITHM={algorithm} set"
            ),
            Urgency::Planned => replaced.iter().try_for_each(|key| {
                writeln!(f, "the tokens of {} are accepted until {}", printable(&key.kid), key.verifies_until)
            }),
        }
    }
}

/// What `keys reseal` did.
struct Sealed(Resealed);

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Resealed { resealed, already } = self.0;
        writeln!(f, "data keys sealed anew under AUTH_SECRET: {resealed}; sealed under it already: {already}")?;
        writeln!(f, "AUTH_SECRET_PREVIOUS is not needed any more")
    }
}

#[cfg(test)]
mod tests {
    use auth_service::Replaced;

    use super::*;

    const NOON: Timestamp = Timestamp::from_seconds(1_772_366_400);

    fn key(kid: &str, state: KeyState, verifies_until: Option<Timestamp>) -> KeyInfo {
        let (kid, algorithm) = (kid.to_owned(), "EdDSA".to_owned());
        KeyInfo { kid, algorithm, state, published_at: NOON, signs_from: NOON, verifies_until }
    }

    fn rotation(replaced: &[&str], was_waiting: bool) -> Rotation {
        let replaced = replaced.iter().map(|kid| Replaced { kid: (*kid).to_owned(), verifies_until: NOON });
        Rotation {
            kid: "new".to_owned(),
            algorithm: "EdDSA".to_owned(),
            signs_from: NOON,
            replaced: replaced.collect(),
            was_waiting,
        }
    }

    #[test]
    fn a_key_is_a_line_with_its_state_and_dates() {
        let table = Table(vec![
            key("one", KeyState::Retired, Some(NOON)),
            key("two\u{1b}[2J", KeyState::Verifying, Some(NOON)),
            key("three", KeyState::Signing, None),
            key("four", KeyState::Waiting, None),
        ]);
        let text = table.to_string();
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect();
        assert_eq!(lines[0], HEADINGS);
        let noon = "2026-03-01T12:00:00Z";
        assert_eq!(lines[1], ["one", "EdDSA", "retired", noon, noon, noon]);
        assert_eq!(lines[2][..3], ["two\\u{1b}[2J", "EdDSA", "verifying"], "no control character reaches the terminal");
        assert_eq!(lines[3], ["three", "EdDSA", "signing", noon, noon, "-"]);
        assert_eq!(lines[4][2], "waiting");
        assert_eq!(lines.len(), 5);
        assert!(Table(Vec::new()).to_string().ends_with("there is no key yet: a server makes one when it starts\n"));
    }

    #[test]
    fn a_rotation_says_when_what_changes() {
        for (replaced, was_waiting, urgency, words) in [
            (&["old"][..], false, Urgency::Planned, "the tokens of old are accepted until 2026-03-01T12:00:00Z\n"),
            (&["old"], false, Urgency::AtOnce, "from then on the tokens of every other key are refused\n"),
            (&[], false, Urgency::Planned, "that have AUTH_JWT_ALGORITHM=EdDSA set\n"),
            (&[], true, Urgency::Planned, "is published already and signs from 2026-03-01T12:00:00Z on\n"),
        ] {
            let text = Rotated { rotation: rotation(replaced, was_waiting), urgency }.to_string();
            assert!(text.ends_with(words), "{text}");
            assert!(text.contains("new (EdDSA)") && text.starts_with("nothing was changed") == was_waiting, "{text}");
        }
    }

    #[test]
    fn sealing_anew_says_how_many() {
        let text = Sealed(Resealed { resealed: 6, already: 1 }).to_string();
        assert!(text.starts_with("data keys sealed anew under AUTH_SECRET: 6; sealed under it already: 1\n"), "{text}");
    }
}
