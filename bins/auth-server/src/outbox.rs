//! `outbox list` and `outbox retry`: the queue of mails, for its operator.

use std::fmt;

use auth_core::Timestamp;
use auth_service::{AuthService, OutboxEntry};

use crate::cli::Retry;
use crate::columns::Columns;
use crate::settings::printable;
use crate::start::CannotStart;

/// How many mails are listed at most.
const LISTED: u32 = 1000;

/// The oldest mails that wait or have failed.
pub(crate) async fn list(service: &AuthService) -> Result<Table, CannotStart> {
    Ok(Table(service.outbox(LISTED).await?))
}

/// Has mails tried again at once by whatever server runs on the database; how many.
pub(crate) async fn retry(service: &AuthService, which: Retry) -> Result<usize, CannotStart> {
    let id = match which {
        Retry::All => None,
        Retry::One(id) => Some(id),
    };
    Ok(service.retry_mails(id).await?)
}

/// Mails as a table, one a line; the last column alone holds blanks.
pub(crate) struct Table(Vec<OutboxEntry>);

const HEADINGS: [&str; 7] = ["ID", "MAIL", "RECIPIENT", "QUEUED", "ATTEMPTS", "NEXT TRY", "LAST ERROR"];

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.0.iter().map(row);
        Columns(std::iter::once(HEADINGS.map(str::to_owned)).chain(rows).collect()).fmt(f)?;
        match self.0.len() {
            LISTED_LEN => writeln!(f, "only the oldest {LISTED} are listed"),
            0 => writeln!(f, "no mail waits, and none has failed"),
            _ => Ok(()),
        }
    }
}

const LISTED_LEN: usize = LISTED as usize;

fn row(mail: &OutboxEntry) -> [String; 7] {
    [
        mail.id.to_string(),
        mail.template.clone(),
        // Addresses and the words of mail servers are other people's texts.
        printable(&mail.recipient),
        mail.created_at.to_string(),
        mail.attempts.to_string(),
        mail.next_attempt_at.map_or_else(|| "failed".to_owned(), |at: Timestamp| at.to_string()),
        mail.last_error.as_deref().map(printable).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(id: &str, next_attempt_at: Option<Timestamp>, last_error: Option<&str>) -> OutboxEntry {
        OutboxEntry {
            id: id.parse().unwrap(),
            template: "verify_email".to_owned(),
            recipient: "ada@example.org".to_owned(),
            created_at: Timestamp::from_seconds(1_772_366_400),
            expires_at: Timestamp::from_seconds(1_772_452_800),
            attempts: 2,
            next_attempt_at,
            last_error: last_error.map(str::to_owned),
        }
    }

    #[test]
    fn a_mail_is_a_line_with_its_state() {
        let table = Table(vec![
            mail(
                "01890a5d-ac96-774b-bcce-b302099a8057",
                Some(Timestamp::from_seconds(1_772_366_405)),
                Some("451 later"),
            ),
            mail("01890a5d-ac96-774b-bcce-b302099a8058", None, Some("550 \u{1b}[2Jno\nsuch user")),
        ]);
        let text = table.to_string();
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect();
        assert_eq!(lines[0], HEADINGS);
        assert_eq!(
            lines[1],
            [
                "01890a5d-ac96-774b-bcce-b302099a8057",
                "verify_email",
                "ada@example.org",
                "2026-03-01T12:00:00Z",
                "2",
                "2026-03-01T12:00:05Z",
                "451 later"
            ]
        );
        assert_eq!(
            lines[2][5..],
            ["failed", "550 \\u{1b}[2Jno\\nsuch user"],
            "no control character reaches the terminal"
        );
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn an_empty_queue_says_so() {
        assert!(Table(Vec::new()).to_string().ends_with("no mail waits, and none has failed\n"));
    }
}
