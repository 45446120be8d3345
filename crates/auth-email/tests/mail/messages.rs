//! What every mail says, as it arrives.

use auth_core::{Clock as _, ManualClock};
use auth_email::{Alert, Branding, Mailer, Message, Occasion};
use smtp_sink::{Mode, ReceivedMail, SmtpSink};
use url::Url;

use crate::bed::{ID, TOKEN, ada, branding, config, link, sink};

const EVIL: &str = "<a href=\"http://evil.example/\">x</a>\r\nBcc: eve@evil.example\r\n\u{202e}\u{200b}\0&\"'";

fn occasion(device: &str) -> Occasion {
    Occasion { at: ManualClock::default().now(), ip: Some("203.0.113.7".to_owned()), device: Some(device.to_owned()) }
}

/// Every message there is, with what its subject and its text must hold.
fn all() -> Vec<(Message, &'static str, &'static [&'static str])> {
    let alert = |alert| Message::SecurityAlert { alert, occasion: occasion("Firefox on Linux"), link: link() };
    let happened: &[&str] = &["72 hours", "1 March 2026, 12:00 UTC", "203.0.113.7", "Firefox on Linux", "signs out"];
    vec![
        (
            Message::VerifyEmail { link: link() },
            "Verify your email address for Thebes",
            &["24 hours", "ignore this mail"],
        ),
        (
            Message::ResetPassword { link: link(), because_disabled: false },
            "Reset your password for Thebes",
            &["30 minutes", "ignore this mail"],
        ),
        (
            Message::ResetPassword { link: link(), because_disabled: true },
            "Reset your password for Thebes: it was switched off",
            &["30 minutes", "100 times in a row", "switched off"],
        ),
        (
            Message::ChangeEmail { link: link() },
            "Confirm your new email address for Thebes",
            &["1 hour,", "ignore this mail"],
        ),
        (
            Message::EmailChanged { new_email: "eve@new.example".to_owned(), link: link() },
            "Your email address for Thebes was changed",
            &["7 days", "eve@new[.]example", "brings this address back"],
        ),
        (
            Message::AccountExists,
            "You have an account at Thebes already",
            &["ignore this mail", "sign in as you did before", "an account of another service", "or never had one"],
        ),
        (alert(Alert::TokenReused), "You were signed out of Thebes for your safety", happened),
        (alert(Alert::NewDevice), "New sign-in to Thebes", happened),
        (alert(Alert::MfaEnabled), "Two-step sign-in for Thebes was switched on", happened),
        (alert(Alert::MfaDisabled), "Two-step sign-in for Thebes was switched off", happened),
        (alert(Alert::MfaLocked), "The codes for Thebes were switched off", happened),
        (alert(Alert::PasswordChanged), "Your password for Thebes was changed", happened),
        (alert(Alert::AccountLinked), "Another way to sign in to Thebes was added", happened),
        (
            Message::AccountLinked {
                provider: "Work & Co".to_owned(),
                occasion: occasion("Firefox on Linux"),
                link: link(),
            },
            "Another way to sign in to Thebes was added",
            happened,
        ),
        (
            Message::PasswordChanged { occasion: occasion("Firefox on Linux"), link: link() },
            "Your password for Thebes was changed",
            happened,
        ),
        (Message::Activate { link: link() }, "Your account at Thebes is ready", &["72 hours", "Choose a password"]),
    ]
}

/// Sends the message, and returns it as it came.
async fn arrived(sink: &SmtpSink, mailer: &Mailer, message: &Message) -> ReceivedMail {
    sink.forget_mails();
    mailer.send(ID, &ada(), message).await.unwrap();
    let [mail] = sink.mails().try_into().unwrap();
    mail
}

/// Nothing in it hides, or turns the direction of the text.
fn is_clean(text: &str) -> bool {
    let is_hidden = |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    text.chars().all(|c| c == '\n' || c == '\r' || !(c.is_control() || is_hidden(c)))
}

#[tokio::test]
async fn every_message_says_what_it_is_for_in_both_parts_with_one_link() {
    let sink = sink(Mode::Accept);
    let mailer = Mailer::smtp(config(&sink), branding()).unwrap();
    for (message, subject, parts) in all() {
        let mail = arrived(&sink, &mailer, &message).await;
        let (text, html) = (mail.text(), mail.html());
        assert_eq!(mail.subject(), subject);
        for part in parts {
            assert!(text.contains(part) && html.contains(part), "{subject}: {part} in {text}\n{html}");
        }
        assert!(is_clean(&text) && is_clean(&html) && is_clean(&mail.subject()), "{subject}");
        assert!(!text.contains('\u{fffd}') && !html.contains('\u{fffd}'), "{subject}");
        match message.link() {
            Some(link) => {
                assert_eq!(mail.links(), [link.to_string()], "{subject}");
                assert_eq!(mail.link_token().as_deref(), Some(TOKEN));
                assert!(text.lines().any(|line| line == link.as_str()), "{text}");
                assert_eq!(html.matches("href=").count(), 1);
                // Once for the button, once to be copied.
                assert_eq!(html.matches(&link.as_str().replace('&', "&amp;")).count(), 2);
            }
            None => assert!(mail.links().is_empty() && !html.contains("href="), "{subject}"),
        }
    }
}

/// P-11: nobody learns that the mail was opened, and nothing in it runs.
#[tokio::test]
async fn no_message_loads_or_runs_anything() {
    let sink = sink(Mode::Accept);
    let mailer = Mailer::smtp(config(&sink), branding()).unwrap();
    for (message, subject, _) in all() {
        let html = arrived(&sink, &mailer, &message).await.html();
        for forbidden in ["<script", "<img", "<link", "<iframe", "src=", "url(", "@import", "onclick", "<form"] {
            assert!(!html.contains(forbidden), "{subject}: {forbidden}");
        }
        assert!(html.contains("max-width") && html.contains("width=device-width") && html.contains("lang=\"en\""));
    }
}

/// P-23.
#[tokio::test]
async fn what_strangers_wrote_is_neither_markup_nor_a_link_nor_a_header() {
    let sink = sink(Mode::Accept);
    let mailer = Mailer::smtp(config(&sink), branding()).unwrap();
    let evil = EVIL.repeat(100);
    let there = Occasion { ip: Some("http://evil.example".to_owned()), ..occasion(&evil) };
    for message in [
        Message::PasswordChanged { occasion: there.clone(), link: link() },
        Message::SecurityAlert { alert: Alert::NewDevice, occasion: there.clone(), link: link() },
        Message::AccountLinked { provider: evil.clone(), occasion: there, link: link() },
        Message::EmailChanged { new_email: evil, link: link() },
    ] {
        let mail = arrived(&sink, &mailer, &message).await;
        let (text, html) = (mail.text(), mail.html());
        assert!(mail.headers("Bcc").is_empty() && mail.to == ["Ada@example.org"]);
        assert_eq!(mail.headers("Subject").len(), 1);
        assert!(!mail.subject().contains("evil") && mail.links() == [link().to_string()], "{text}");
        assert!(is_clean(&text) && is_clean(&html), "{text:?}");
        assert_eq!((html.matches("<a ").count(), html.matches("href=\"").count()), (1, 1), "{html}");
        assert!(html.contains("&lt;a href=&quot;http[:]//evil[.]example/&quot;&gt;x&lt;/a&gt;"), "{html}");
        assert!(!text.contains("evil.example") && !text.contains("http://") && !html.contains("evil.example"));
        assert!(text.lines().all(|line| line.chars().count() < 300));
    }
}

#[tokio::test]
async fn a_products_name_is_text_wherever_it_stands() {
    let sink = sink(Mode::Accept);
    let branding = Branding { product_name: "<b>&\"'".to_owned(), ..branding() };
    let mailer = Mailer::smtp(config(&sink), branding).unwrap();
    for (message, _, _) in all() {
        let mail = arrived(&sink, &mailer, &message).await;
        assert!(mail.subject().contains("<b>&\"'") && mail.text().contains("<b>&\"'"));
        assert!(mail.html().contains("&lt;b&gt;&amp;&quot;&#39;") && !mail.html().contains("<b>"));
    }
}

/// A link page of somebody's own, whose query needs care in HTML.
#[tokio::test]
async fn a_link_arrives_as_it_was_given() {
    let sink = sink(Mode::Accept);
    let mailer = Mailer::smtp(config(&sink), branding()).unwrap();
    let link = Url::parse("https://app.example/r?a=1&b=%22%3E%3Cb%3E&amp=&token=ot_x-_%3D").unwrap();
    let mail = arrived(&sink, &mailer, &Message::ResetPassword { link: link.clone(), because_disabled: false }).await;
    assert!(mail.text().lines().any(|line| line == link.as_str()));
    assert!(
        mail.html().contains("href=\"https://app.example/r?a=1&amp;b=%22%3E%3Cb%3E&amp;amp=&amp;token=ot_x-_%3D\"")
    );
}

#[tokio::test]
async fn the_text_of_a_reset_reads_well() {
    let sink = sink(Mode::Accept);
    let mailer = Mailer::smtp(config(&sink), branding()).unwrap();
    let message = Message::ResetPassword { link: link(), because_disabled: false };
    let text = arrived(&sink, &mailer, &message).await.text().replace("\r\n", "\n");
    assert_eq!(
        text.trim_end(),
        format!(
            "Reset your password\n\n\
             Somebody, most likely you, asked for a new password for your account at Thebes.\n\n\
             Set a new password:\n\
             https://auth.example.com/sso/link/verify-email?lang=en&token={TOKEN}\n\n\
             The link is good for 30 minutes, and works once.\n\n\
             If you have not asked for it, you can ignore this mail: nothing changes without the link.\n\n\
             Thebes sent this mail automatically. Please don't reply to it."
        )
    );
}

/// REQ-34: the owner learns where the account is that can sign in now.
#[tokio::test]
async fn the_text_of_a_link_names_the_provider() {
    let sink = sink(Mode::Accept);
    let mailer = Mailer::smtp(config(&sink), branding()).unwrap();
    let message = |provider: &str| Message::AccountLinked {
        provider: provider.to_owned(),
        occasion: occasion("Firefox on Linux"),
        link: link(),
    };
    let mail = arrived(&sink, &mailer, &message("Work & Co")).await;
    assert_eq!(
        mail.text().replace("\r\n", "\n").trim_end(),
        format!(
            "Another way to sign in was added\n\n\
             An account at Work & Co was linked to your account at Thebes: whoever has it can sign in to yours now.\n\n\
             When: 1 March 2026, 12:00 UTC\n\
             IP address: 203.0.113.7\n\
             Device: Firefox on Linux\n\n\
             Secure my account:\n\
             https://auth.example.com/sso/link/verify-email?lang=en&token={TOKEN}\n\n\
             The link is good for 72 hours, and works once.\n\n\
             If it was you, there is nothing to do.\n\n\
             If not, use the link: it signs out every device and switches the password off until you set a new one. \
             It unlinks the accounts of other services, too; link your own again afterwards.\n\n\
             Thebes sent this mail automatically. Please don't reply to it."
        )
    );
    assert!(mail.html().contains("An account at Work &amp; Co was linked"), "{}", mail.html());
    // Without a name, or with one of nothing but hidden characters, as with the alert alone.
    let alert =
        Message::SecurityAlert { alert: Alert::AccountLinked, occasion: occasion("Firefox on Linux"), link: link() };
    let text = arrived(&sink, &mailer, &alert).await.text();
    assert!(text.contains("An account of another service was linked to your account at Thebes"), "{text}");
    for provider in ["", "\u{200b}\u{202e}"] {
        assert_eq!(arrived(&sink, &mailer, &message(provider)).await.text(), text);
    }
}

#[test]
fn templates_and_alerts_have_the_names_of_the_contract() {
    let mut templates: Vec<_> = all().iter().map(|(message, ..)| message.template()).collect();
    templates.dedup();
    assert_eq!(
        templates,
        [
            "verify_email",
            "reset_password",
            "change_email",
            "email_changed",
            "account_exists",
            "security_alert",
            "password_changed",
            "activate"
        ]
    );
    for alert in Alert::ALL {
        assert_eq!(alert.as_str().parse(), Ok(alert));
    }
    assert!("".parse::<Alert>().is_err());
}
