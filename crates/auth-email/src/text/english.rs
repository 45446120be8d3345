//! English.

use std::time::Duration;

use auth_core::Timestamp;

use super::shown::{ip_address, shown};
use super::{Action, Language, Letter};
use crate::message::{Alert, Message, Occasion};

pub(crate) const ENGLISH: Language =
    Language { tag: "en", letter, link_as_text: "If the button does not work, copy this address into your browser:" };

fn letter(message: &Message, product: &str) -> Letter {
    let words = words(message, product);
    let action = words.label.zip(message.link()).map(|(label, link)| Action {
        label,
        link: link.to_string(),
        life: message.link_life().map(life).unwrap_or_default(),
    });
    Letter {
        subject: words.subject,
        heading: words.heading,
        opening: words.opening,
        facts: facts(message),
        action,
        closing: words.closing,
        footer: format!("{product} sent this mail automatically. Please don't reply to it."),
    }
}

/// The words that differ from mail to mail.
struct Words {
    subject: String,
    heading: String,
    opening: Vec<String>,
    label: Option<&'static str>,
    closing: Vec<String>,
}

fn words(message: &Message, product: &str) -> Words {
    match message {
        Message::VerifyEmail { .. } => Words {
            subject: format!("Verify your email address for {product}"),
            heading: "Verify your email address".to_owned(),
            opening: vec![format!(
                "This address was given for an account at {product}. Please confirm that it is yours."
            )],
            label: Some("Verify this address"),
            closing: vec![format!("If you have not signed up at {product}, you can ignore this mail.")],
        },
        Message::ResetPassword { because_disabled: false, .. } => Words {
            subject: format!("Reset your password for {product}"),
            heading: "Reset your password".to_owned(),
            opening: vec![format!(
                "Somebody, most likely you, asked for a new password for your account at {product}."
            )],
            label: Some("Set a new password"),
            closing: vec![
                "If you have not asked for it, you can ignore this mail: nothing changes without the link.".to_owned(),
            ],
        },
        Message::ResetPassword { because_disabled: true, .. } => Words {
            subject: format!("Reset your password for {product}: it was switched off"),
            heading: "Your password was switched off".to_owned(),
            opening: vec![
                format!(
                    "Somebody gave a wrong password for your account at {product} 100 times in a row. To keep your \
                     account safe, the password was switched off and opens it no more."
                ),
                "Set a new one to sign in by password again.".to_owned(),
            ],
            label: Some("Set a new password"),
            closing: vec![
                "If the link is too old, ask for another one where you sign in (forgotten password).".to_owned(),
            ],
        },
        Message::ChangeEmail { .. } => Words {
            subject: format!("Confirm your new email address for {product}"),
            heading: "Confirm your new email address".to_owned(),
            opening: vec![format!("An account at {product} is to get this address. Please confirm that it is yours.")],
            label: Some("Confirm this address"),
            closing: vec![
                "If you have not asked for it, you can ignore this mail: nothing changes without the link.".to_owned(),
            ],
        },
        Message::EmailChanged { .. } => Words {
            subject: format!("Your email address for {product} was changed"),
            heading: "Your email address was changed".to_owned(),
            opening: vec![format!(
                "Your account at {product} has a new email address. Mails about it no longer come to this one."
            )],
            label: Some("Take the change back"),
            closing: vec![
                "If it was you, there is nothing to do.".to_owned(),
                "If it was not you, use the link: it brings this address back, signs out every device, and sends you a \
                 mail to set a new password."
                    .to_owned(),
            ],
        },
        Message::AccountExists => Words {
            subject: format!("You have an account at {product} already"),
            heading: "You have an account already".to_owned(),
            opening: vec![
                format!(
                    "Somebody wanted to sign up at {product} with this address, which has an account there already."
                ),
                "If it was you, sign in as you did before: with your password, or with an account of another service. If \
                 you have forgotten the password, or never had one, ask for a new one where you sign in (forgotten \
                 password)."
                    .to_owned(),
            ],
            label: None,
            closing: vec!["If it was not you, you can ignore this mail: nothing was changed.".to_owned()],
        },
        Message::SecurityAlert { alert, .. } => notice(*alert, product),
        Message::AccountLinked { provider, .. } => linked(provider, product),
        Message::PasswordChanged { .. } => notice(Alert::PasswordChanged, product),
        Message::Activate { .. } => Words {
            subject: format!("Your account at {product} is ready"),
            heading: "Your account is ready".to_owned(),
            opening: vec![format!("An account at {product} was made for you. Choose a password to use it.")],
            label: Some("Choose a password"),
            closing: vec![format!("If you don't know why you got an account at {product}, you can ignore this mail.")],
        },
    }
}

/// The mails that tell what happened to an account, and lead to the emergency exit.
fn notice(alert: Alert, product: &str) -> Words {
    let (subject, happened) = match alert {
        Alert::TokenReused => (
            format!("You were signed out of {product} for your safety"),
            "A key that keeps one of your devices signed in was used twice, as happens when somebody has copied it. It \
             opens nothing any more; sign in again on your devices."
                .to_owned(),
        ),
        Alert::NewDevice => {
            (format!("New sign-in to {product}"), format!("Your account at {product} was signed in to on a new device."))
        }
        Alert::MfaEnabled => (
            format!("Two-step sign-in for {product} was switched on"),
            format!("A second step was added to signing in to your account at {product}."),
        ),
        Alert::MfaDisabled => (
            format!("Two-step sign-in for {product} was switched off"),
            format!("The second step was removed from signing in to your account at {product}."),
        ),
        Alert::MfaLocked => (
            format!("The codes for {product} were switched off"),
            format!(
                "Somebody gave a wrong code for the second step of signing in to your account at {product} 100 times in \
                 a row. To keep your account safe, codes open it no more. Whoever administers {product} can let you set \
                 up the second step anew."
            ),
        ),
        Alert::BackupCodesReplaced => (
            format!("Your backup codes for {product} were replaced"),
            format!("Your account at {product} got new backup codes; the old ones open nothing any more."),
        ),
        Alert::WrongCodes => (
            format!("Wrong codes for your account at {product}"),
            format!(
                "Somebody who knows your password for {product} gave wrong codes for the second step of signing in, \
                 several times in a row."
            ),
        ),
        Alert::PasswordChanged => (
            format!("Your password for {product} was changed"),
            format!("The password of your account at {product} was changed."),
        ),
        Alert::AccountLinked => (
            format!("Another way to sign in to {product} was added"),
            linked_to("of another service", product),
        ),
    };
    let heading = match alert {
        Alert::TokenReused => "You were signed out",
        Alert::NewDevice => "New sign-in",
        Alert::MfaEnabled => "Two-step sign-in was switched on",
        Alert::MfaDisabled => "Two-step sign-in was switched off",
        Alert::MfaLocked => "Your codes were switched off",
        Alert::BackupCodesReplaced => "Your backup codes were replaced",
        Alert::WrongCodes => "Wrong codes",
        Alert::PasswordChanged => "Your password was changed",
        Alert::AccountLinked => "Another way to sign in was added",
    };
    let innocent = match alert {
        // These two are never the owner's doing alone.
        Alert::TokenReused | Alert::MfaLocked => "If you can explain it, there is nothing to do.",
        _ => "If it was you, there is nothing to do.",
    };
    let remedy =
        "If not, use the link: it signs out every device and switches the password off until you set a new one.";
    let remedy = match alert {
        Alert::MfaEnabled => {
            format!("{remedy} Then ask whoever administers {product} to take the second step off.")
        }
        Alert::AccountLinked => {
            format!("{remedy} It unlinks the accounts of other services, too; link your own again afterwards.")
        }
        _ => remedy.to_owned(),
    };
    Words {
        subject,
        heading: heading.to_owned(),
        opening: vec![happened],
        label: Some("Secure my account"),
        closing: vec![innocent.to_owned(), remedy],
    }
}

/// [`Alert::AccountLinked`] with the name of the provider, unless nothing of it can be shown.
fn linked(provider: &str, product: &str) -> Words {
    let (words, provider) = (notice(Alert::AccountLinked, product), shown(provider));
    if provider.is_empty() {
        return words;
    }
    Words { opening: vec![linked_to(&format!("at {provider}"), product)], ..words }
}

fn linked_to(whose: &str, product: &str) -> String {
    format!("An account {whose} was linked to your account at {product}: whoever has it can sign in to yours now.")
}

fn facts(message: &Message) -> Vec<(&'static str, String)> {
    match message {
        Message::EmailChanged { new_email, .. } => vec![("New address", shown(new_email))],
        Message::SecurityAlert { occasion, .. }
        | Message::AccountLinked { occasion, .. }
        | Message::PasswordChanged { occasion, .. } => told(occasion),
        _ => Vec::new(),
    }
}

fn told(occasion: &Occasion) -> Vec<(&'static str, String)> {
    let mut facts = vec![("When", time(occasion.at))];
    facts.extend(occasion.ip.as_deref().and_then(ip_address).map(|ip| ("IP address", ip)));
    facts.extend(occasion.device.as_deref().map(shown).filter(|device| !device.is_empty()).map(|it| ("Device", it)));
    facts
}

/// `1 March 2026, 12:00 UTC`.
fn time(at: Timestamp) -> String {
    let Ok(time) = jiff::Timestamp::from_microsecond(at.as_micros()) else { return at.to_string() };
    time.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

fn life(span: Duration) -> String {
    let minutes = span.as_secs() / 60;
    let (number, unit) = match minutes {
        0..60 => (minutes, "minute"),
        60..=4320 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("The link is good for {number} {unit}{plural}, and works once.")
}
