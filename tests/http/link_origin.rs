//! P-04: links in mails lead to the configured address, whatever a request calls us by.

use serde_json::json;

use crate::contract::assert_accepted;
use crate::mails::{mails_to, settle};
use crate::support::{Server, ServerOptions, on_every_database};

const BASE: &str = "https://login.example.org";

fn elsewhere() -> ServerOptions {
    ServerOptions::default().set("AUTH_BASE_URL", BASE).set("AUTH_ENV", "development")
}

/// Asks for a link with this request line and these heads; whether that was a request at all.
fn ask(server: &Server, email: &str, target: &str, heads: &str) -> bool {
    let body = json!({ "email": email }).to_string();
    let length = body.len();
    let kind = "Content-Type: application/json\r\nConnection: close";
    let request = format!("POST {target} HTTP/1.1\r\n{heads}{kind}\r\nContent-Length: {length}\r\n\r\n{body}");
    let Some(answer) = server.client.raw(request.as_bytes()) else { return false };
    assert!(!format!("{:?} {}", answer.headers, answer.text()).contains("evil"), "{answer:?}");
    if answer.status == 202 {
        assert_accepted(&answer, "accepted");
    } else {
        assert!([400, 404].contains(&answer.status), "{answer:?}");
    }
    answer.status == 202
}

on_every_database! {
    fn no_name_in_a_request_reaches_a_link(server: &Server, elsewhere()) {
        let path = "/auth/password/forgot";
        let (absolute, in_clear) = (format!("http://evil.example{path}"), format!("https://evil.example:8443{path}"));
        let mut taken = 0;
        for (index, (target, heads)) in [
            (path, "Host: evil.example\r\n"),
            (path, "Host: login.example.org@evil.example\r\n"),
            (path, "Host: evil.example:443\r\n"),
            (path, "Host: login.example.org\r\nHost: evil.example\r\n"),
            (path, "Host: x\r\nX-Forwarded-Host: evil.example\r\n"),
            (path, "Host: x\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 81\r\nX-Forwarded-Prefix: /evil\r\n"),
            (path, "Host: x\r\nForwarded: host=evil.example;proto=http\r\n"),
            (path, "Host: x\r\nX-Original-URL: /evil\r\nX-Rewrite-URL: http://evil.example/\r\n"),
            (path, "Host: x\r\nX-Host: evil.example\r\nX-Forwarded-Server: evil.example\r\n"),
            (path, "Host: x\r\nOrigin: http://evil.example\r\nReferer: http://evil.example/x\r\n"),
            (&absolute, "Host: login.example.org\r\n"),
            (&in_clear, "Host: evil.example\r\n"),
        ]
        .into_iter()
        .enumerate()
        {
            let email = format!("{index}@example.org");
            server.register(&email);
            taken += usize::from(ask(server, &email, target, heads));
        }
        assert!(taken >= 9, "only {taken} were requests");
        settle(server);
        let mails = server.sink().mails();
        assert_eq!(mails.iter().filter(|mail| mail.subject().contains("Reset")).count(), taken);
        for mail in mails {
            let links = mail.links();
            assert!(links.iter().all(|link| link.starts_with(&format!("{BASE}/link/"))), "{links:?}");
            assert_eq!(links.len(), 1);
            assert!(!String::from_utf8_lossy(&mail.raw).contains("evil"));
        }
    }

    /// The pages can be those of an app, whose origin is listed.
    fn links_lead_to_the_pages_of_an_app_where_they_are_set(server: &Server, elsewhere()
        .set("AUTH_REDIRECT_ORIGINS", "https://app.example.org")
        .set("AUTH_LINK_RESET_PASSWORD", "https://app.example.org/en/reset")
        .set("AUTH_LINK_VERIFY_EMAIL", "https://app.example.org/hello/verify"))
    {
        server.register("ada@example.org");
        assert!(ask(server, "ada@example.org", "/auth/password/forgot", "Host: x\r\n"));
        let links: Vec<String> = mails_to(server, "ada@example.org").iter().flat_map(smtp_sink::ReceivedMail::links).collect();
        assert!(links[0].starts_with("https://app.example.org/hello/verify?token=ot_"), "{links:?}");
        assert!(links[1].starts_with("https://app.example.org/en/reset?token=ot_"), "{links:?}");
    }
}

/// A page of somebody else's gets no token: its origin has to be listed.
#[test]
fn a_page_of_an_origin_that_is_not_listed_is_a_fault() {
    let options = elsewhere().set("AUTH_LINK_RESET_PASSWORD", "https://app.example.org/reset");
    let (code, said) = Server::refused(options);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("AUTH_LINK_RESET_PASSWORD") && said.contains("AUTH_REDIRECT_ORIGINS"), "{said}");
}
