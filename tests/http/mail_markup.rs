//! P-23: nothing that a stranger wrote becomes a header, a link or markup in a mail.

use serde_json::{Value, json};
use smtp_sink::ReceivedMail;

use crate::calls::{ask_for_address, change_password, forgot, move_to};
use crate::contract::{assert_done, assert_tokens};
use crate::mails::{a_minute_later, mails_to, settle};
use crate::support::{PASSWORD, Server, ServerOptions, on_every_database};

/// Every header is one line of what we write, and every link one of ours.
#[track_caller]
fn assert_clean(mail: &ReceivedMail) {
    let raw = String::from_utf8_lossy(&mail.raw);
    let head = raw.split("\r\n\r\n").next().unwrap();
    let names: Vec<&str> = head
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|line| line.split(':').next().unwrap_or_default())
        .collect();
    for name in ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"] {
        assert_eq!(names.iter().filter(|there| there.eq_ignore_ascii_case(name)).count(), 1, "{name}: {head}");
    }
    for name in ["Bcc", "Cc", "X-Injected"] {
        assert!(names.iter().all(|there| !there.eq_ignore_ascii_case(name)), "{head}");
    }
    assert_eq!(mail.to.len(), 1);
    for part in [mail.text(), mail.html(), mail.subject()] {
        for written in ["evil", "<i>", "\u{202e}", "<script"] {
            assert!(!part.contains(written), "{written}: {part}");
        }
    }
    for link in mail.links() {
        assert!(link.starts_with("http://localhost:8080/link/"), "{link}");
    }
    assert!(mail.links().len() <= 1, "{:?}", mail.links());
}

on_every_database! {
    /// Names of users are in no mail at all.
    fn display_names_and_usernames_are_in_no_mail(server: &Server, ServerOptions::default().set("AUTH_REFRESH_GRACE", "0s")) {
        for (index, name) in [
            "<a href=//evil.example>x</a>", "http://evil.example/x", "evil\u{a0}<script>", "evil=?utf-8?q?=0D=0ABcc:?=",
            "www.evil.example",
        ]
        .into_iter()
        .enumerate()
        {
            let email = format!("{index}@example.org");
            let body = json!({ "email": email, "password": PASSWORD, "display_name": name, "username": format!("evil.{index}") });
            let tokens = assert_tokens(&server.client.post("/auth/register", &body), 201);
            settle(server);
            assert_eq!(forgot(server, &email).status, 202);
            settle(server);
            assert_done(&change_password(server, &tokens, PASSWORD, "nine bronze gates of Troy"));
            let next = assert_tokens(&server.refresh(&tokens), 200);
            assert_tokens(&server.refresh(&next), 200);
            assert_eq!(server.refresh(&tokens).status, 401);
            let mails = mails_to(server, &email);
            assert_eq!(mails.len(), 4);
            mails.iter().for_each(assert_clean);
        }
        for name in ["evil\r\nBcc: eve@example.org", "evil\u{202e}", "evil\0", &"evil".repeat(2560)] {
            let body = json!({ "email": "x@example.org", "password": PASSWORD, "display_name": name });
            assert_eq!(server.client.post("/auth/register", &body).status, 422, "{name:?}");
        }
    }

    /// What a program calls itself is looked at, never quoted.
    fn a_user_agent_is_not_quoted(server: &Server) {
        let login = json!({ "identifier": "ada@example.org", "password": PASSWORD });
        server.register("ada@example.org");
        for (index, agent) in [
            "Firefox <a href=//evil.example>x</a>",
            "curl http://evil.example/",
            "<script>evil</script> Chrome",
            "=?utf-8?q?evil?= Safari",
            "OPR/evil.example",
            "evil.example",
            &format!("Edg {}", "evil ".repeat(2000)),
        ]
        .into_iter()
        .enumerate()
        {
            a_minute_later(server);
            assert_tokens(&server.client.header("User-Agent", agent).post("/auth/login", &login), 200);
            let mails = mails_to(server, "ada@example.org");
            mails.iter().for_each(assert_clean);
            assert!(mails.len() <= index + 2);
        }
        let subjects: Vec<String> = mails_to(server, "ada@example.org").iter().map(ReceivedMail::subject).collect();
        assert!(subjects.iter().filter(|subject| *subject == "New sign-in to Gatehouse").count() >= 4, "{subjects:?}");
    }

    /// The one text of a user's that is shown is a new address, to the owner of the old one: as text.
    fn a_new_address_is_shown_as_text(server: &Server) {
        let tokens = server.register("ada@example.org");
        let odd = "a&b'{x}=y@new.example";
        move_to(server, &tokens, odd);
        let notice = mails_to(server, "ada@example.org").pop().unwrap();
        assert_eq!(notice.links().len(), 1, "{:?}", notice.links());
        assert!(notice.text().contains("New address: a&b'{x}=y@new[.]example"), "{}", notice.text());
        let html = notice.html();
        assert!(html.contains("a&amp;b") && !html.contains("a&b'"), "{html}");
        assert_eq!(notice.to, ["ada@example.org"]);
    }

    /// The product's name and the sender are the operator's, in every place as what they are.
    fn the_product_s_name_and_the_sender_are_those_of_the_settings(server: &Server, ServerOptions::default()
        .set("AUTH_APP_NAME", "Zwinger & <b>Söhne</b>")
        .set("AUTH_MAIL_FROM", "\"Zwinger, Inc.\" <auth@zwinger.example>"))
    {
        server.register("ada@example.org");
        let mail = mails_to(server, "ada@example.org").remove(0);
        assert_eq!(mail.subject(), "Verify your email address for Zwinger & <b>Söhne</b>");
        assert!(mail.text().contains("an account at Zwinger & <b>Söhne</b>."), "{}", mail.text());
        let html = mail.html();
        assert!(html.contains("Zwinger &amp; &lt;b&gt;Söhne&lt;/b&gt;") && !html.contains("<b>"), "{html}");
        assert_eq!((mail.from.as_str(), mail.header("From").contains("<auth@zwinger.example>")), ("auth@zwinger.example", true));
    }

    /// REQ-58: what every mail is made of.
    fn a_mail_has_two_parts_one_link_and_an_id(server: &Server) {
        let tokens = server.register("ada@example.org");
        assert_eq!(forgot(server, "ada@example.org").status, 202);
        settle(server);
        assert_eq!(ask_for_address(server, &tokens, "new@example.org").status, 202);
        settle(server);
        let mails = server.sink().mails();
        assert_eq!(mails.len(), 3);
        let mut ids: Vec<String> = mails.iter().map(ReceivedMail::message_id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 3);
        for mail in &mails {
            assert_clean(mail);
            assert!(mail.header("Content-Type").starts_with("multipart/alternative"), "{}", mail.header("Content-Type"));
            let token = mail.link_token().unwrap();
            let link = &mail.links()[0];
            assert!(mail.text().contains(link.as_str()) && mail.html().replace("&amp;", "&").contains(link.as_str()));
            assert!(token.starts_with("ot_") && token.len() == 46);
            let id = mail.message_id();
            let (row, host) = id.split_once('@').unwrap();
            crate::contract::assert_id(&Value::from(row));
            assert_eq!(host, "localhost");
            assert_eq!(mail.header("From"), "Auth <auth@localhost>");
            for text in [mail.text(), mail.html()] {
                for secret in [PASSWORD, crate::jwt::text(&tokens["access_token"]), crate::jwt::text(&tokens["refresh_token"])] {
                    assert!(!text.contains(secret));
                }
                assert!(text.contains("Gatehouse"));
            }
            for loaded in ["<script", "<img", "<link", "src=", "@import", "url(", "<form", "http-equiv=\"refresh"] {
                assert!(!mail.html().contains(loaded), "{loaded}");
            }
        }
        assert!(mails[1].subject().contains("Reset"), "{}", mails[1].subject());
    }
}
