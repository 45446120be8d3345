//! From what a server said, or didn't, to whom it concerns.

use std::error::Error;
use std::io;

use lettre::transport::smtp;

use crate::error::SendError;

/// The most that is quoted of a reply, in characters.
const LONGEST_QUOTE: usize = 200;

/// Where a dialogue was when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Connecting, greeting, EHLO, STARTTLS.
    Open,
    /// AUTH.
    LogIn,
    /// MAIL. It names our own address, the same for every mail; a special one asks for what only this mail needs.
    Sender { is_special: bool },
    /// RCPT.
    Recipient,
    /// DATA, and the mail itself.
    Content,
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Open => "opening",
            Self::LogIn => "AUTH",
            Self::Sender { .. } => "MAIL",
            Self::Recipient => "RCPT",
            Self::Content => "DATA",
        }
    }
}

pub(crate) fn unreachable(reason: String, needs_operator: bool) -> SendError {
    SendError::Unreachable { reason, needs_operator }
}

pub(crate) fn timed_out(step: Step) -> SendError {
    unreachable(format!("{}: no answer in time", step.name()), false)
}

/// What lettre's error means at this step. `hidden` texts are not quoted.
pub(crate) fn fault(step: Step, error: &smtp::Error, hidden: &[String]) -> SendError {
    if let Some(code) = error.status() {
        return refusal(step, u16::from(code), &cause(error), hidden);
    }
    if let Some(error) = tls_error(error) {
        return unreachable(format!("TLS: {}", quoted(&error.to_string(), hidden)), true);
    }
    let reason = format!("{}: {}", step.name(), quoted(&cause(error), hidden));
    // Of the faults that lettre finds itself one is left here: no common mechanism to log in by.
    unreachable(reason, step == Step::LogIn && error.is_client())
}

fn refusal(step: Step, code: u16, reply: &str, hidden: &[String]) -> SendError {
    // A server may repeat what it was sent, and at this step that is the password.
    let reply = if step == Step::LogIn { String::new() } else { quoted(reply, hidden) };
    let reason = format!("{}: {code} {reply}", step.name()).trim_end().to_owned();
    let is_permanent = code >= 500;
    match (step, code) {
        // "Service not available, closing": whatever was asked (RFC 5321, section 3.8).
        (_, 421) => unreachable(reason, false),
        // Authentication or encryption is missing or too weak (RFC 4954, section 6).
        (_, 530 | 534 | 535 | 538) => unreachable(reason, true),
        (Step::Open | Step::LogIn, _) => unreachable(reason, is_permanent),
        (Step::Sender { is_special: false }, _) if is_permanent => unreachable(reason, true),
        (Step::Sender { .. } | Step::Recipient | Step::Content, _) if is_permanent => SendError::Refused(reason),
        (Step::Sender { .. } | Step::Recipient | Step::Content, _) => SendError::Deferred(reason),
    }
}

/// The innermost error: those around it say but where it happened.
fn cause(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error hands out its inner error's source, not the inner error.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = inner.map_or_else(|| error.source(), |inner| Some(inner as &(dyn Error + 'static)));
    }
    None
}

/// A foreign text in one short line, with nothing in it that is hidden, in whatever case it was spelt. A piece of a link
/// is left out too, where it was cut before the end of its token.
fn quoted(text: &str, hidden: &[String]) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    for secret in hidden.iter().filter(|secret| !secret.is_empty()) {
        line = without(&line, secret);
    }
    let words = line.split(' ').map(|word| if word.contains("token=") { "…" } else { word });
    words.collect::<Vec<_>>().join(" ").trim().chars().take(LONGEST_QUOTE).collect()
}

fn without(text: &str, secret: &str) -> String {
    let is_secret = |at: usize| text.get(at..at + secret.len()).is_some_and(|part| part.eq_ignore_ascii_case(secret));
    let mut clean = String::with_capacity(text.len());
    let mut next = 0;
    for (at, c) in text.char_indices() {
        if at >= next && is_secret(at) {
            clean.push('…');
            next = at + secret.len();
        } else if at >= next {
            clean.push(c);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(step: Step, code: u16) -> &'static str {
        match refusal(step, code, "", &[]) {
            SendError::Refused(_) => "refused",
            SendError::Deferred(_) => "deferred",
            SendError::Unreachable { needs_operator: false, .. } => "unreachable",
            SendError::Unreachable { needs_operator: true, .. } => "operator",
        }
    }

    ///
    #[test]
    fn a_code_concerns_the_mail_or_the_server_by_its_step() {
        use Step::{Content, LogIn, Open, Recipient};
        let (sender, special) = (Step::Sender { is_special: false }, Step::Sender { is_special: true });
        for (step, code, expected) in [
            (Open, 421, "unreachable"),
            (Open, 450, "unreachable"),
            (Open, 554, "operator"),
            (LogIn, 421, "unreachable"),
            (LogIn, 454, "unreachable"),
            (LogIn, 535, "operator"),
            (LogIn, 504, "operator"),
            (sender, 421, "unreachable"),
            (sender, 451, "deferred"),
            (sender, 530, "operator"),
            (sender, 550, "operator"),
            (special, 530, "operator"),
            (special, 555, "refused"),
            (Recipient, 421, "unreachable"),
            (Recipient, 450, "deferred"),
            (Recipient, 451, "deferred"),
            (Recipient, 535, "operator"),
            (Recipient, 550, "refused"),
            (Content, 421, "unreachable"),
            (Content, 452, "deferred"),
            (Content, 538, "operator"),
            (Content, 552, "refused"),
            (Content, 554, "refused"),
        ] {
            assert_eq!(kind(step, code), expected, "{step:?} {code}");
        }
    }

    #[test]
    fn a_reply_is_quoted_in_one_short_line_without_secrets() {
        let hidden = ["Ada@example.org".to_owned(), "ot_secret".to_owned(), String::new()];
        assert_eq!(quoted("5.1.1 <ADA@EXAMPLE.ORG>\r\nsaw ot_secret\u{1b}[31m", &hidden), "5.1.1 <…>  saw … [31m");
        assert_eq!(quoted("saw https://x.example/?TOKEN=1&token=3Dot_sec... here", &hidden), "saw … here");
        assert_eq!(quoted(&"ä".repeat(1000), &hidden).chars().count(), LONGEST_QUOTE);
    }

    /// What was sent while logging in may come back.
    #[test]
    fn nothing_of_the_reply_to_a_log_in_is_quoted() {
        let error = refusal(Step::LogIn, 535, "5.7.8 bad password hunter2", &[]);
        assert_eq!(error, unreachable("AUTH: 535".to_owned(), true));
    }
}
