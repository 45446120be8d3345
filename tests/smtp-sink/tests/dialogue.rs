//! The server as a client meets it, line by line.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use smtp_sink::{Mode, Options, SmtpSink, Tls};

const SOON: Duration = Duration::from_secs(30);

struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(sink: &SmtpSink) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", sink.port())).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        Self(BufReader::new(stream))
    }

    /// Connects, and says EHLO.
    fn greeted(sink: &SmtpSink) -> Self {
        let mut client = Self::connect(sink);
        assert!(client.reply().starts_with("220 "));
        assert!(client.say("EHLO client.example").starts_with("250"));
        client
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The whole of the next reply, all its lines; empty when the server has gone.
    fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            reply += &line;
            if line.is_empty() || line.as_bytes().get(3) == Some(&b' ') {
                return reply;
            }
        }
    }

    fn say(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n"));
        self.reply()
    }

    fn expect(&mut self, line: &str, code: &str) {
        let reply = self.say(line);
        assert!(reply.starts_with(code), "{line}: {reply}");
    }
}

#[test]
fn a_mail_is_kept_as_it_was_before_transparency() {
    let sink = SmtpSink::start();
    let mut client = Client::greeted(&sink);
    client.expect("mail from:<a@b.example>", "250");
    client.expect("RCPT TO:<c@d.example>", "250");
    client.expect("RCPT TO:<e@f.example>", "250");
    client.expect("DATA", "354");
    client.send("Subject: =?utf-8?b?w4Q=?=\r\n x\r\nMessage-ID: <1@a>\r\n\r\n..dot\r\n...\r\n.\r\n");
    assert!(client.reply().starts_with("250"));

    let mails = sink.wait_for(1, SOON);
    assert_eq!(
        (mails[0].from.as_str(), mails[0].to.as_slice()),
        ("a@b.example", &["c@d.example", "e@f.example"].map(str::to_owned)[..])
    );
    assert!(mails[0].raw.ends_with(b"\r\n\r\n.dot\r\n..\r\n"));
    assert_eq!((mails[0].message_id().as_str(), mails[0].subject().as_str()), ("1@a", "Ä x"));
    assert_eq!((sink.connections(), sink.commands("RCPT"), sink.commands(".")), (1, 2, 1));
}

#[test]
fn commands_that_come_at_once_are_answered_one_by_one() {
    let sink = SmtpSink::start();
    let mut client = Client::greeted(&sink);
    client.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n");
    let codes = [client.reply(), client.reply(), client.reply()].map(|reply| reply[..3].to_owned());
    assert_eq!(codes, ["250", "250", "354"]);
    client.send("Message-ID: <1@a>\r\n\r\nx\r\n.\r\nMAIL FROM:<a@b.example>\r\nRSET\r\nQUIT\r\n");
    let codes = [client.reply(), client.reply(), client.reply(), client.reply()].map(|reply| reply[..3].to_owned());
    assert_eq!(codes, ["250", "250", "250", "221"]);
    assert_eq!(client.reply(), "");
}

#[test]
fn commands_out_of_order_are_refused() {
    let sink = SmtpSink::start();
    let mut client = Client::connect(&sink);
    client.reply();
    client.expect("MAIL FROM:<a@b.example>", "503");
    client.expect("EHLO", "501");
    client.expect("HELO x", "250");
    client.expect("RCPT TO:<a@b.example>", "503");
    client.expect("DATA", "503");
    client.expect("MAIL FROM:a@b.example", "501");
    client.expect("MAIL FROM:<a@b.example> X=1", "555");
    client.expect("MAIL FROM:<a@b.example> SIZE=99999999", "552");
    client.expect("MAIL FROM:<ä@b.example>", "553");
    client.expect("MAIL FROM:<a@b.example> BODY=8BITMIME SMTPUTF8 SIZE=10", "250");
    client.expect("MAIL FROM:<a@b.example>", "503");
    client.expect("RCPT TO:<a@b.example,c@d.example>", "501");
    client.expect("RCPT TO:<a@b.example> NOTIFY=NEVER", "501");
    client.expect("DATA", "503");
    client.expect("AUTH PLAIN AAAA", "503");
    client.expect("STARTTLS", "502");
    client.expect("VRFY a", "500");
    client.expect("NOOP", "250");
}

#[test]
fn eight_bit_text_has_to_be_announced() {
    let sink = SmtpSink::start();
    let mut client = Client::greeted(&sink);
    for (parameter, code) in [("", "554"), (" BODY=8BITMIME", "250")] {
        client.expect(&format!("MAIL FROM:<a@b.example>{parameter}"), "250");
        client.expect("RCPT TO:<a@b.example>", "250");
        client.expect("DATA", "354");
        client.expect("\r\nä\r\n.", code);
    }
    assert_eq!(sink.mails().len(), 1);
}

#[test]
fn modes_change_while_the_server_runs() {
    let sink = SmtpSink::start();
    let mut client = Client::greeted(&sink);
    client.expect("MAIL FROM:<a@b.example>", "250");
    sink.set_mode(Mode::Defer(451));
    client.expect("RCPT TO:<c@d.example>", "451");
    sink.set_mode(Mode::RefuseRecipient("C@d.example".to_owned()));
    client.expect("RCPT TO:<c@D.example>", "550");
    client.expect("RCPT TO:<other@d.example>", "250");
    sink.set_mode(Mode::RefuseAll);
    client.expect("RCPT TO:<other@d.example>", "550");
    sink.set_mode(Mode::Defer(421));
    client.expect("RCPT TO:<other@d.example>", "421");
    assert_eq!(client.reply(), "");

    sink.set_mode(Mode::CloseOnConnect);
    assert_eq!(Client::connect(&sink).reply(), "");
}

#[test]
fn a_mail_may_be_kept_without_an_answer_and_counted_when_it_comes_again() {
    let sink = SmtpSink::start_with(Options { mode: Mode::DropBeforeReply, ..Options::default() });
    for _ in 0..2 {
        let mut client = Client::greeted(&sink);
        client.expect("MAIL FROM:<a@b.example>", "250");
        client.expect("RCPT TO:<c@d.example>", "250");
        client.expect("DATA", "354");
        client.send("Message-ID: <1@a>\r\n\r\nx\r\n.\r\n");
        assert_eq!(client.reply(), "");
    }
    assert_eq!(sink.duplicates().into_iter().collect::<Vec<_>>(), [("1@a".to_owned(), 2)]);
    sink.forget_mails();
    assert!(sink.mails().is_empty() && sink.duplicates().is_empty());
}

#[test]
fn whoever_has_to_log_in_sends_nothing_before() {
    let credentials = Some(("ada".to_owned(), "p@ss".to_owned()));
    let sink = SmtpSink::start_with(Options { credentials, ..Options::default() });
    assert!(sink.url().starts_with("smtp://ada:p%40ss@127.0.0.1:"), "{}", sink.url());
    let mut client = Client::greeted(&sink);
    client.expect("MAIL FROM:<a@b.example>", "530");
    client.expect("AUTH CRAM-MD5", "504");
    client.expect("AUTH PLAIN AGFkYQB3cm9uZw==", "535");
    client.expect("AUTH LOGIN", "334 VXNlcm5hbWU6");
    client.expect("YWRh", "334 UGFzc3dvcmQ6");
    client.expect("cEBzcw==", "235");
    client.expect("MAIL FROM:<a@b.example>", "250");

    sink.set_mode(Mode::BadCredentials(454));
    Client::greeted(&sink).expect("AUTH PLAIN AGFkYQBwQHNz", "454");
    sink.set_mode(Mode::Accept);
    Client::greeted(&sink).expect("AUTH PLAIN AGFkYQBwQHNz", "235");
}

#[test]
fn where_encryption_is_asked_for_nothing_is_taken_before_it() {
    let sink = SmtpSink::start_with(Options { tls: Tls::StartTls, ..Options::default() });
    assert!(sink.url().ends_with("?tls=required") && sink.root_certificate().starts_with("-----BEGIN"));
    let mut client = Client::connect(&sink);
    client.reply();
    assert!(client.say("EHLO x").contains("STARTTLS"));
    client.expect("MAIL FROM:<a@b.example>", "530");
    sink.set_mode(Mode::NoStartTls);
    assert!(!client.say("EHLO x").contains("STARTTLS"));
    client.expect("STARTTLS", "502");
    client.expect("MAIL FROM:<a@b.example>", "530");
}

#[test]
fn a_dropped_server_ends_its_connections_and_gives_its_port_back() {
    let sink = SmtpSink::start();
    let (port, mut talking) = (sink.port(), Client::greeted(&sink));
    sink.set_mode(Mode::NoGreeting);
    let mut silent = Client::connect(&sink);
    assert!(sink.open_connections() >= 1);
    drop(sink);
    let mut rest = Vec::new();
    _ = silent.0.read_to_end(&mut rest);
    _ = talking.0.read_to_end(&mut rest);
    assert!(rest.is_empty());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());

    let again = SmtpSink::start_on(port);
    assert_eq!(again.port(), port);
    Client::greeted(&again).expect("NOOP", "250");
    assert!(TcpListener::bind(("127.0.0.1", port)).is_err());
}

#[test]
#[should_panic(expected = "there are 0 mails")]
fn waiting_for_a_mail_that_does_not_come_fails_the_test() {
    SmtpSink::start().wait_for(1, Duration::ZERO);
}
