//! Who gets a mail: one address, the one that is stored, whatever was sent in its place (P-08, P-10).

use serde_json::{Value, json};

use crate::contract::{assert_accepted, assert_problem, assert_refused_fields};
use crate::mails::{a_minute_later, settle};
use crate::support::{PASSWORD, Response, Server, on_every_database};

/// Each call that anybody can make a mail by, with `address` as it is in its body.
fn ask_each(server: &Server, address: &Value) -> [Response; 3] {
    [
        server.client.post("/auth/password/forgot", &json!({ "email": address })),
        server.client.post("/auth/email/resend", &json!({ "email": address })),
        server.client.post("/auth/register", &json!({ "email": address, "password": PASSWORD })),
    ]
}

on_every_database! {
    /// P-08: what isn't one address is refused, and the mail server is told of nobody but the account's address.
    fn tricks_with_recipients_reach_nobody(server: &Server) {
        server.register("ada@example.org");
        a_minute_later(server);
        server.sink().forget_mails();
        let (mails, recipients) = (server.sink().commands("MAIL"), server.sink().commands("RCPT"));
        let long = format!("{}@example.org", "a".repeat(308));
        assert_eq!(long.len(), 320);
        for trick in [
            "ada@example.org,eve@example.org",
            "ada@example.org, eve@example.org",
            "ada@example.org;eve@example.org",
            "ada@example.org eve@example.org",
            "ada@example.org\r\nBcc: eve@example.org",
            "ada@example.org\nBcc: eve@example.org",
            "ada@example.org%0d%0aBcc:eve@example.org",
            "ada@example.org\u{2028}eve@example.org",
            "\"ada@example.org eve@example.org\"@example.org",
            "<ada@example.org>",
            "Ada <ada@example.org>",
            "ada@example.org>",
            "ada@example.org\0",
            "ada@example.org\0eve@example.org",
            "ada@example.org(eve@example.org)",
            "ada@[127.0.0.1]",
            "-oQ/tmp@example.org",
            "ada@@example.org",
            "ada@example.org@eve.example",
            "ada\u{ff20}example.org",
            "ada\u{200b}@example.org",
            "@example.org:ada@example.org",
            &long,
        ] {
            for answer in ask_each(server, &json!(trick)) {
                assert_refused_fields(&answer, &[("email", "invalid_email")]);
            }
        }
        let two = json!(["ada@example.org", "eve@example.org"]);
        for trick in [two, json!([["ada@example.org"]]), json!({ "0": "ada@example.org" }), json!(1), json!(true)] {
            for answer in ask_each(server, &trick) {
                assert_problem(&answer, 400, "malformed_request");
            }
        }
        for path in ["/auth/password/forgot", "/auth/email/resend"] {
            for twice in [
                r#"{"email":"ada@example.org","email":"eve@example.org"}"#,
                r#"{"email":"ada@example.org","\u0065mail":"eve@example.org"}"#,
            ] {
                let answer = server.client.send("POST", path, Some(("application/json", twice.as_bytes())));
                assert_problem(&answer, 400, "malformed_request");
            }
        }
        settle(server);
        assert!(server.sink().mails().is_empty());
        assert_eq!((server.sink().commands("MAIL"), server.sink().commands("RCPT")), (mails, recipients));
        assert_eq!(server.database.count("users"), 1);
    }

    /// P-10: an address that merely looks like another, or folds to it in some other program, is another one.
    fn look_alikes_are_others_and_spellings_are_the_same(server: &Server) {
        for email in ["mike@example.org", "kate@example.org", "fine@example.org", "Ada@bücher.example", "André@example.org"] {
            server.register(email);
        }
        for (asked, stored) in [
            ("m\u{131}ke@example.org", None),
            ("\u{fb01}ne@example.org", None),
            ("ｍike@example.org", None),
            ("mіke@example.org", None),
            ("mike@example.org.", None),
            ("mike@еxample.org", None),
            ("mike+x@example.org", None),
            ("MIKE@EXAMPLE.ORG", Some("mike@example.org")),
            ("mike@ｅxample.org", Some("mike@example.org")),
            ("mike@example\u{3002}org", Some("mike@example.org")),
            // UTS 46 takes no notice of a zero-width space.
            ("mike@example.org\u{200b}", Some("mike@example.org")),
            // The Kelvin sign is the letter K by Unicode's own normal form.
            ("\u{212a}ATE@example.org", Some("kate@example.org")),
            ("ada@XN--BCHER-KVA.example", Some("Ada@xn--bcher-kva.example")),
            ("ADA@BÜCHER.example", Some("Ada@xn--bcher-kva.example")),
            ("andre\u{301}@example.org", Some("André@example.org")),
        ] {
            a_minute_later(server);
            server.sink().forget_mails();
            let answer = server.client.post("/auth/password/forgot", &json!({ "email": asked }));
            if answer.status == 422 {
                assert_eq!(stored, None, "{asked}");
            } else {
                assert_accepted(&answer, "accepted");
            }
            settle(server);
            let recipients: Vec<String> = server.sink().mails().into_iter().flat_map(|mail| mail.to).collect();
            assert_eq!(recipients, Vec::from_iter(stored.map(str::to_owned)), "{asked}");
        }
    }

    /// E-05: an address with a tag is one of its own.
    fn a_tag_makes_another_address(server: &Server) {
        server.register("ada@example.org");
        server.register("ada+news@example.org");
        a_minute_later(server);
        server.sink().forget_mails();
        assert_accepted(&server.client.post("/auth/password/forgot", &json!({ "email": "ada+news@example.org" })), "accepted");
        settle(server);
        let recipients: Vec<String> = server.sink().mails().into_iter().flat_map(|mail| mail.to).collect();
        assert_eq!(recipients, ["ada+news@example.org"]);
    }
}
