//! `GET /link/{purpose}`: what a link of a mail shows where no app has a page for it (P-11).

use crate::calls::reset;
use crate::contract::{assert_done, assert_hardened, assert_problem};
use crate::mails::{mails_to, reset_link};
use crate::support::{Server, ServerOptions, on_every_database};

const PURPOSES: [(&str, &str); 6] = [
    ("verify-email", "/auth/email/verify"),
    ("reset-password", "/auth/password/reset"),
    ("change-email", "/auth/email/change/confirm"),
    ("undo-email", "/auth/email/change/undo"),
    ("secure-account", "/auth/secure-account"),
    ("activate", "/auth/password/reset"),
];

on_every_database! {
    /// P-11: opening a link, however often and by whatever program, spends nothing and tells nobody of its token.
    fn opening_a_link_spends_nothing_and_leaves_no_trace(server: &Server, ServerOptions::default().set("AUTH_LOG", "debug")) {
        server.register("ada@example.org");
        let token = reset_link(server, "ada@example.org");
        let mail = mails_to(server, "ada@example.org").pop().unwrap();
        let path = mail.links()[0].strip_prefix("http://localhost:8080").unwrap().to_owned();
        for agent in ["Mozilla/5.0", "Slackbot-LinkExpanding 1.0", "Microsoft Office Protection"] {
            let page = server.client.header("User-Agent", agent).get(&path);
            assert_eq!(page.status, 200, "{page:?}");
            assert!(!page.text().contains(&token[3..]) && !format!("{:?}", page.headers).contains(&token[3..]), "{page:?}");
        }
        assert_eq!(server.database.count("one_time_tokens WHERE purpose = 'reset_password' AND used_at IS NULL"), 1);
        assert_done(&reset(server, &token, "nine bronze gates of Troy"));
        for line in server.log() {
            assert!(!line.contains(&token[3..]), "{line}");
        }
    }
}

#[test]
fn each_page_is_static_and_says_which_call_to_make() {
    let server = Server::on_sqlite(ServerOptions::default().set("AUTH_APP_NAME", "Tom & <b>Jerry</b>"));
    for (purpose, call) in PURPOSES {
        let page = server.client.get(&format!("/link/{purpose}?token=ot_x"));
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{page:?}");
        assert_hardened(&page);
        for (name, value) in
            [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-frame-options", "DENY")]
        {
            assert_eq!(page.header(name), Some(value), "{page:?}");
        }
        let policy = page.header("content-security-policy").unwrap();
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
        let html = page.text();
        assert!(html.contains(&format!("POST http://localhost:8080{call}")), "{html}");
        for loaded in [
            "<script",
            "src=",
            "href=",
            "<form",
            "<iframe",
            "@import",
            "url(",
            "http-equiv",
            "<b>",
            " onload",
            " onclick",
        ] {
            assert!(!html.contains(loaded), "{loaded}: {html}");
        }
        assert!(html.contains("Tom &amp; &lt;b&gt;Jerry&lt;/b&gt;"), "{html}");
        assert_eq!(page.body, server.client.get(&format!("/link/{purpose}")).body, "the same whatever the token");
    }
}

#[test]
fn other_purposes_are_not_there() {
    let server = Server::on_sqlite(ServerOptions::default());
    for purpose in
        ["", "challenge", "verify_email", "device", "Verify-Email", "%3Cscript%3E", "..%2fdocs", "activate%00"]
    {
        let answer = server.client.get(&format!("/link/{purpose}?token=ot_canary"));
        assert_problem(&answer, 404, "not_found");
        assert!(!answer.text().contains("canary"));
    }
    assert_problem(&server.client.send("POST", "/link/activate", None), 405, "method_not_allowed");
}
