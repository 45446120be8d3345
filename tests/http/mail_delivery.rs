//! Mails on their way: over real SMTP, to a server that encrypts, misbehaves, or comes back (REQ-58, X-05, X-06).

use std::time::{Duration, Instant};

use serde_json::json;
use smtp_sink::{Mode, Options, ReceivedMail, SmtpSink, Tls};

use crate::calls::{forgot, reset};
use crate::contract::{assert_done, assert_tokens};
use crate::mails::{leads_to, settle};
use crate::metrics::metric;
use crate::support::{Backend, PASSWORD, Server, ServerOptions, TestDatabase, eventually, on_every_database};

/// How long a mail may take on a machine that builds and tests at the same time.
const PATIENCE: Duration = Duration::from_mins(1);

fn quick() -> ServerOptions {
    ServerOptions::default().set("AUTH_BREAKER_RECOVERY", "100ms")
}

/// A server that trusts the mail server `sink`, whose connections are encrypted.
fn trusting(sink: &SmtpSink) -> Server {
    let database = TestDatabase::new(&Backend::Sqlite);
    let root = database.folder.path().join("root.pem");
    std::fs::write(&root, sink.root_certificate()).unwrap();
    let options = quick().set("AUTH_SMTP_URL", &sink.url()).set("SSL_CERT_FILE", root.to_str().unwrap());
    Server::start_on(std::sync::Arc::new(database), options)
}

fn retry_all(server: &Server) {
    let ended = Server::command(&server.database, ServerOptions::default(), &["outbox", "retry", "--all"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// Why the mails wait, as the operator is told.
fn outbox(server: &Server) -> String {
    let ended = Server::command(&server.database, ServerOptions::default(), &["outbox", "list"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.out
}

/// Has mails tried again and again until the sink has `count`.
fn deliver(server: &Server, sink: &SmtpSink, count: usize) -> Vec<ReceivedMail> {
    eventually("the mails arrive", || {
        retry_all(server);
        sink.mails().len() >= count
    });
    settle(server);
    sink.mails()
}

/// nothing is sent in clear text where encryption is required; what waits goes out once it is there.
#[test]
fn mails_wait_for_a_server_that_encrypts() {
    let sink = SmtpSink::start_with(Options { tls: Tls::StartTls, mode: Mode::NoStartTls, ..Options::default() });
    let server = trusting(&sink);
    server.register("ada@example.org");
    assert!(server.wait_for_log(|line| line.contains("\"ERROR\"") && line.contains("STARTTLS")).is_some());
    eventually("the operator sees why", || outbox(&server).contains("STARTTLS"));
    eventually("the mail is counted", || metric(&server, "auth_outbox_waiting") > 0.5);
    assert_eq!((sink.commands("MAIL"), sink.mails().len()), (0, 0));
    sink.set_mode(Mode::BadCertificate);
    retry_all(&server);
    assert!(server.wait_for_log(|line| line.contains("\"ERROR\"") && line.contains("TLS:")).is_some());
    sink.set_mode(Mode::ForeignCertificate);
    retry_all(&server);
    eventually("it was tried", || sink.connections() >= 3);
    assert_eq!((sink.commands("MAIL"), sink.mails().len()), (0, 0));
    sink.set_mode(Mode::Accept);
    let mails = deliver(&server, &sink, 1);
    assert_eq!((mails.len(), mails[0].to.clone()), (1, vec!["ada@example.org".to_owned()]));
    let body = json!({ "token": mails[0].link_token().unwrap(), "password": PASSWORD });
    assert_done(&server.client.post("/auth/email/verify", &body));
    eventually("nothing waits", || metric(&server, "auth_outbox_waiting") < 0.5);
}

/// encrypted from the first byte, with a name and a password that are told to nobody else.
#[test]
fn mails_wait_for_credentials_that_are_taken() {
    let credentials = Some(("auth@example.org".to_owned(), "canary/p@ss word:%".to_owned()));
    let mode = Mode::BadCredentials(535);
    let sink = SmtpSink::start_with(Options { tls: Tls::Implicit, credentials, mode, ..Options::default() });
    let server = trusting(&sink);
    server.register("ada@example.org");
    assert!(server.wait_for_log(|line| line.contains("\"ERROR\"") && line.contains("535")).is_some());
    eventually("the operator sees why", || outbox(&server).contains("535"));
    assert!(!outbox(&server).contains("canary") && server.log().iter().all(|line| !line.contains("canary")));
    assert_eq!(sink.commands("MAIL"), 0);
    sink.set_mode(Mode::Accept);
    assert_eq!(deliver(&server, &sink, 1).len(), 1);
}

on_every_database! {
    /// a mail that is put off comes later, under the id that it had all the time.
    fn a_mail_that_is_put_off_comes_later(server: &Server, quick()) {
        server.sink().set_mode(Mode::Defer(451));
        server.register("ada@example.org");
        eventually("the mail was put off", || outbox(server).contains("451"));
        let listed = outbox(server);
        server.sink().set_mode(Mode::Accept);
        let mails = deliver(server, server.sink(), 1);
        assert_eq!(mails.len(), 1);
        let id = mails[0].message_id();
        assert!(listed.contains(id.split('@').next().unwrap()), "{id}: {listed}");
        assert_eq!(server.database.count("one_time_tokens"), 1, "one link, however many attempts");
    }

    /// where the answer was lost, the second copy has the same id and the same link, and nothing differs.
    fn a_copy_has_the_same_id_and_the_same_link(server: &Server, quick()) {
        server.sink().set_mode(Mode::DropBeforeReply);
        server.register("ada@example.org");
        server.sink().wait_for(1, PATIENCE);
        server.sink().set_mode(Mode::Accept);
        let mails = deliver(server, server.sink(), 2);
        assert_eq!(mails.len(), 2);
        assert_eq!((mails[0].message_id(), mails[0].link_token()), (mails[1].message_id(), mails[1].link_token()));
        assert_eq!((mails[0].text(), mails[0].html(), mails[0].subject()), (mails[1].text(), mails[1].html(), mails[1].subject()));
        let body = json!({ "token": mails[0].link_token().unwrap(), "password": PASSWORD });
        assert_done(&server.client.post("/auth/email/verify", &body));
    }

    /// one address that is refused holds nobody else's mail.
    fn a_refused_recipient_holds_nobody_else_up(server: &Server, quick()) {
        server.sink().set_mode(Mode::RefuseRecipient("gone@example.org".to_owned()));
        for email in ["gone@example.org", "ada@example.org", "eve@example.org"] {
            server.register(email);
        }
        settle(server);
        let mut reached: Vec<String> = server.sink().mails().into_iter().flat_map(|mail| mail.to).collect();
        reached.sort_unstable();
        assert_eq!(reached, ["ada@example.org", "eve@example.org"]);
        assert_eq!(server.database.count("email_outbox WHERE failed_at IS NOT NULL"), 1);
        assert_eq!(server.database.count("email_outbox WHERE failed_at IS NOT NULL AND secret_sealed IS NOT NULL"), 0);
        assert_tokens(&crate::calls::log_in(server, "gone@example.org", PASSWORD), 200);
    }

    /// no request waits for the mail server, whatever is the matter with it, and no mail is lost by it.
    fn no_request_waits_for_a_mail_server_that_is_away(server: &Server, quick()) {
        let tokens = server.register("ada@example.org");
        settle(server);
        server.sink().forget_mails();
        let mut asked = 0;
        for mode in [Mode::NoGreeting, Mode::CloseOnConnect, Mode::HangAfterData, Mode::Defer(421)] {
            server.sink().set_mode(mode);
            for _ in 0..3 {
                let email = format!("{asked}@example.org");
                let began = Instant::now();
                server.register(&email);
                assert_eq!(forgot(server, &email).status, 202);
                assert!(began.elapsed() < PATIENCE / 3, "{:?}", began.elapsed());
                asked += 1;
            }
        }
        assert_eq!(server.as_user(&tokens).get("/users/me").status, 200);
        server.sink().set_mode(Mode::Accept);
        // What hangs is given up after 30 s; all others don't wait for it once the server is back.
        let mails = deliver(server, server.sink(), 2 * asked);
        for index in 0..asked {
            let to = vec![format!("{index}@example.org")];
            for purpose in ["verify-email", "reset-password"] {
                assert!(mails.iter().any(|mail| mail.to == to && leads_to(mail, purpose)), "{purpose} for {index}");
            }
        }
    }

    /// No link lies in the database, neither while its mail waits nor after.
    fn the_database_holds_no_link(server: &Server, quick()) {
        server.sink().set_mode(Mode::Defer(451));
        server.register("ada@example.org");
        assert_eq!(forgot(server, "ada@example.org").status, 202);
        eventually("both mails are made", || server.database.count("email_outbox WHERE secret_sealed IS NOT NULL") == 2);
        let waiting = server.database.dump();
        server.sink().set_mode(Mode::Accept);
        let mails = deliver(server, server.sink(), 2);
        let sent = server.database.dump();
        for token in mails.iter().map(|mail| mail.link_token().unwrap()) {
            for dump in [&waiting, &sent] {
                assert!(!dump.windows(20).any(|window| window == &token.as_bytes()[3..23]), "a link");
            }
        }
        assert_eq!(server.database.count("email_outbox WHERE secret_sealed IS NOT NULL"), 0);
    }

    /// two instances on one database send each mail once.
    fn two_instances_send_each_mail_once(server: &Server) {
        let options = ServerOptions::default().set("AUTH_SMTP_URL", &server.sink().url());
        let other = Server::start_on(server.database.clone(), options);
        for index in 0..15 {
            server.register(&format!("{index}@example.org"));
            other.register(&format!("other-{index}@example.org"));
        }
        settle(server);
        assert_eq!(server.sink().mails().len(), 30);
        assert!(server.sink().duplicates().is_empty());
    }

    /// A link past its time isn't sent any more: it is given up, and counted.
    fn a_mail_whose_time_is_over_is_not_sent(server: &Server, quick()) {
        server.sink().set_mode(Mode::Defer(451));
        server.register("ada@example.org");
        eventually("the mail was put off", || outbox(server).contains("451"));
        let past = server.database.earlier(server.database.now(), 1);
        server.database.execute(&format!("UPDATE email_outbox SET expires_at = {past}, next_attempt_at = {past}"));
        server.sink().set_mode(Mode::Accept);
        settle(server);
        assert!(server.sink().mails().is_empty());
        assert_eq!(server.database.count("email_outbox WHERE failed_at IS NOT NULL"), 1);
        assert!(outbox(server).contains("expired"), "{}", outbox(server));
        assert!(metric(server, "auth_mails_expired_total{template=\"verify_email\"}") > 0.5);
        retry_all(server);
        settle(server);
        assert!(server.sink().mails().is_empty());
    }
}

/// In development, without a mail server, mails are printed to the log, links and all.
#[test]
fn without_a_mail_server_mails_are_printed() {
    let server = Server::on_sqlite(ServerOptions::default().set("AUTH_SMTP_URL", ""));
    let tokens = server.register("ada@example.org");
    assert_eq!(forgot(&server, "ada@example.org").status, 202);
    let line = server.wait_for_log(|line| line.contains("reset-password?token=")).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["target"], &line["recipient"]), (&json!("mail"), &json!("ada@example.org")));
    assert!(line["subject"].as_str().unwrap().contains("Reset"));
    let mut words = line["message"].as_str().unwrap().split_whitespace();
    let (page, token) = words.find_map(|word| word.split_once("?token=")).unwrap();
    assert_eq!(page, "http://localhost:8080/link/reset-password");
    assert_done(&reset(&server, token, "nine bronze gates of Troy"));
    assert_eq!(server.as_user(&tokens).get("/users/me").status, 401);
}

/// REQ-55: a mail server that is away is seen, and takes nobody out of service.
#[test]
fn readiness_tells_of_a_mail_server_that_is_away() {
    let server = Server::on_sqlite(
        ServerOptions::default().set("AUTH_BREAKER_FAILURES", "1").set("AUTH_BREAKER_RECOVERY", "1h"),
    );
    assert_eq!(server.client.get("/health/ready").json()["checks"]["mail"], "up");
    server.sink().set_mode(Mode::CloseOnConnect);
    server.register("ada@example.org");
    eventually("it is seen", || server.client.get("/health/ready").json()["checks"]["mail"] == "down");
    assert_eq!(server.client.get("/health/ready").status, 200);
    let state = || metric(&server, "auth_breaker_state{dependency=\"smtp\"}");
    eventually("it is counted", || (state() - 2.0).abs() < 0.1);
}
