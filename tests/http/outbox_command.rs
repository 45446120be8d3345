//! `auth-server outbox list` and `auth-server outbox retry`, beside a running server.

use smtp_sink::Mode;

use crate::mails::settle;
use crate::support::{Ended, Server, ServerOptions, eventually, on_every_database};

fn outbox(server: &Server, arguments: &[&str]) -> Ended {
    Server::command(&server.database, ServerOptions::default(), &[&["outbox"], arguments].concat())
}

/// The cells of the lines of `outbox list`, headings first.
fn table(server: &Server) -> Vec<Vec<String>> {
    let ended = outbox(server, &["list"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let cells =
        |line: &str| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect();
    ended.out.lines().map(cells).collect()
}

on_every_database! {
    fn what_waits_and_what_has_failed_is_listed_and_tried_again(server: &Server) {
        assert!(outbox(server, &["list"]).out.contains("no mail waits, and none has failed"));
        server.sink().set_mode(Mode::RefuseRecipient("gone@example.org".to_owned()));
        server.register("gone@example.org");
        settle(server);
        server.sink().set_mode(Mode::Defer(451));
        server.register("late@example.org");
        eventually("the mail was put off", || table(server).last().unwrap().last().unwrap().contains("451"));

        let rows = table(server);
        assert_eq!(rows[0], ["ID", "MAIL", "RECIPIENT", "QUEUED", "ATTEMPTS", "NEXT TRY", "LAST ERROR"]);
        assert_eq!(rows.len(), 3);
        let (gone, late) = (&rows[1], &rows[2]);
        assert_eq!((&gone[1][..], &gone[2][..], &gone[5][..]), ("verify_email", "gone@example.org", "failed"));
        assert!(gone[6].contains("550") && !gone[6].contains("gone@example.org"), "{gone:?}");
        assert_eq!((&late[1][..], &late[2][..]), ("verify_email", "late@example.org"));
        assert!(late[5].ends_with('Z') && late[6].contains("451"), "{late:?}");
        crate::contract::assert_id(&gone[0].clone().into());
        crate::contract::assert_time(&late[3].clone().into());

        let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
        for (arguments, code) in [
            (&["retry"][..], 2), (&["retry", "7"], 2), (&["retry", "--all", &gone[0]], 2), (&["retry", unknown], 1),
        ] {
            let ended = outbox(server, arguments);
            assert_eq!((ended.code, ended.err.is_empty()), (Some(code), false), "{ended:?}");
        }

        server.sink().set_mode(Mode::Accept);
        let one = outbox(server, &["retry", &gone[0]]);
        assert_eq!((one.code, one.out.trim()), (Some(0), "mails that are tried again now: 1"), "{one:?}");
        eventually("the one is sent", || server.sink().mails().iter().any(|mail| mail.to == ["gone@example.org"]));
        let all = outbox(server, &["retry", "--all"]);
        assert_eq!(all.code, Some(0), "{all:?}");
        settle(server);
        assert_eq!(server.sink().mails().len(), 2);
        assert!(outbox(server, &["list"]).out.contains("no mail waits, and none has failed"));
        assert_eq!(outbox(server, &["retry", "--all"]).out.trim(), "mails that are tried again now: 0");
    }

    /// A mail that is tried again once its link is no use any more isn't sent.
    fn a_failed_mail_whose_time_is_over_is_not_tried_again(server: &Server) {
        server.sink().set_mode(Mode::RefuseAll);
        server.register("gone@example.org");
        settle(server);
        let id = table(server)[1][0].clone();
        let past = server.database.earlier(server.database.now(), 1);
        server.database.execute(&format!("UPDATE email_outbox SET expires_at = {past}"));
        server.sink().set_mode(Mode::Accept);
        assert_eq!(outbox(server, &["retry", "--all"]).out.trim(), "mails that are tried again now: 0");
        assert_eq!(outbox(server, &["retry", &id]).code, Some(1));
        assert!(server.sink().mails().is_empty());
    }
}
