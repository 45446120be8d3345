//! One connection's dialogue (RFC 5321, section 4.1).

use std::io;
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::certificate::Certificates;
use crate::mail::ReceivedMail;
use crate::mode::Mode;
use crate::options::{Options, Tls};
use crate::state::State;
use crate::stream::Stream;

/// The largest mail, in bytes (RFC 1870).
const MAX_SIZE: usize = 1024 * 1024;

/// What a server was started with.
pub(crate) struct Setup {
    pub(crate) options: Options,
    pub(crate) certificates: Option<Certificates>,
}

/// What a connection has said so far.
#[derive(Default)]
struct Session {
    greeted: bool,
    authenticated: bool,
    mail: Option<Envelope>,
}

struct Envelope {
    from: String,
    to: Vec<String>,
    utf8: bool,
    eight_bit: bool,
}

/// What becomes of the connection after a command.
enum Next {
    Reply(String),
    ReplyAndClose(String),
    StartTls,
    Login(String),
    TakeMail,
}

impl From<&str> for Next {
    fn from(reply: &str) -> Self {
        Self::Reply(reply.to_owned())
    }
}

/// Talks with one client until either goes.
pub(crate) fn serve(stream: TcpStream, setup: &Setup, state: &State) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = Stream::clear(stream);
    if state.mode() == Mode::CloseOnConnect {
        return Ok(());
    }
    if setup.options.tls == Tls::Implicit {
        stream = encrypt(stream, setup, state)?;
    }
    if state.mode() == Mode::NoGreeting {
        return stream.ignore();
    }
    stream.write("220 sink.example ESMTP\r\n")?;
    let mut session = Session::default();
    while let Some(line) = stream.line()? {
        let line = String::from_utf8_lossy(&line).into_owned();
        let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let verb = verb.to_ascii_uppercase();
        state.count_command(&verb);
        match session.answer(&verb, argument, stream.is_encrypted(), setup, &state.mode()) {
            Next::Reply(reply) => stream.write(&format!("{reply}\r\n"))?,
            Next::ReplyAndClose(reply) => return stream.write(&format!("{reply}\r\n")),
            Next::StartTls => {
                let injected =
                    if state.mode() == Mode::InjectAtStartTls { "250 injected\r\n".repeat(8) } else { String::new() };
                stream.write(&format!("220 go ahead\r\n{injected}"))?;
                stream = encrypt(stream, setup, state)?;
                session = Session::default();
            }
            Next::Login(initial) => {
                let reply = session.log_in(&initial, &mut stream, setup, state)?;
                stream.write(&format!("{reply}\r\n"))?;
            }
            Next::TakeMail => {
                stream.write("354 go ahead, end with a dot\r\n")?;
                let Some(reply) = session.take_mail(&mut stream, state)? else { return Ok(()) };
                stream.write(&format!("{reply}\r\n"))?;
            }
        }
    }
    Ok(())
}

fn encrypt(stream: Stream, setup: &Setup, state: &State) -> io::Result<Stream> {
    let certificates = setup.certificates.as_ref().ok_or_else(|| io::Error::other("no certificate"))?;
    stream.encrypt(match state.mode() {
        Mode::BadCertificate => &certificates.unknown_authority,
        Mode::ForeignCertificate => &certificates.other_host,
        _ => &certificates.good,
    })
}

impl Session {
    fn answer(&mut self, verb: &str, argument: &str, encrypted: bool, setup: &Setup, mode: &Mode) -> Next {
        let options = &setup.options;
        let can_encrypt = options.tls == Tls::StartTls && !encrypted && *mode != Mode::NoStartTls;
        let must_encrypt = options.tls == Tls::StartTls && !encrypted;
        match verb {
            "EHLO" | "HELO" if argument.is_empty() => "501 5.5.4 who are you?".into(),
            "HELO" => {
                self.greeted = true;
                "250 sink.example".into()
            }
            "EHLO" => {
                *self = Self { greeted: true, authenticated: self.authenticated, mail: None };
                Next::Reply(extensions(options, can_encrypt, must_encrypt))
            }
            "NOOP" => "250 2.0.0 OK".into(),
            "QUIT" => Next::ReplyAndClose("221 2.0.0 bye".to_owned()),
            "RSET" => {
                self.mail = None;
                "250 2.0.0 OK".into()
            }
            "STARTTLS" if !can_encrypt => "502 5.5.1 not here".into(),
            "STARTTLS" => Next::StartTls,
            "AUTH" | "MAIL" | "RCPT" | "DATA" if !self.greeted => "503 5.5.1 say EHLO first".into(),
            "AUTH" | "MAIL" | "RCPT" | "DATA" if must_encrypt => "530 5.7.0 say STARTTLS first".into(),
            "AUTH" if options.credentials.is_none() || self.authenticated => "503 5.5.1 no need".into(),
            "AUTH" => Next::Login(argument.to_owned()),
            "MAIL" if options.credentials.is_some() && !self.authenticated => "530 5.7.0 log in first".into(),
            "MAIL" => self.mail(argument, options, mode),
            "RCPT" => self.rcpt(argument, mode),
            "DATA" if self.mail.as_ref().is_none_or(|mail| mail.to.is_empty()) => "503 5.5.1 to whom?".into(),
            "DATA" => Next::TakeMail,
            _ => "500 5.5.2 what?".into(),
        }
    }

    fn mail(&mut self, argument: &str, options: &Options, mode: &Mode) -> Next {
        let Some((from, parameters)) = path(argument, "FROM:") else { return "501 5.5.4 MAIL FROM:<…>".into() };
        if self.mail.is_some() {
            return "503 5.5.1 one mail at a time".into();
        }
        let mut mail = Envelope { from: from.to_owned(), to: Vec::new(), utf8: false, eight_bit: false };
        for parameter in parameters.split_whitespace() {
            match parameter.to_ascii_uppercase().as_str() {
                "SMTPUTF8" if options.smtputf8 => mail.utf8 = true,
                "BODY=8BITMIME" => mail.eight_bit = true,
                "BODY=7BIT" => {}
                other => match other.strip_prefix("SIZE=").map(str::parse::<usize>) {
                    Some(Ok(size)) if size <= MAX_SIZE => {}
                    Some(Ok(_)) => return "552 5.3.4 too large".into(),
                    _ => return "555 5.5.4 unknown parameter".into(),
                },
            }
        }
        if *mode == Mode::RefuseSender {
            return "550 5.7.1 not you".into();
        }
        if !from.is_ascii() && !mail.utf8 {
            return "553 5.6.7 ask for SMTPUTF8".into();
        }
        self.mail = Some(mail);
        "250 2.1.0 OK".into()
    }

    fn rcpt(&mut self, argument: &str, mode: &Mode) -> Next {
        let Some(mail) = &mut self.mail else { return "503 5.5.1 from whom?".into() };
        let Some((to, "")) = path(argument, "TO:") else { return "501 5.5.4 RCPT TO:<…>".into() };
        if !to.is_ascii() && !mail.utf8 {
            return "553 5.6.7 ask for SMTPUTF8".into();
        }
        match mode {
            Mode::Defer(421) => Next::ReplyAndClose("421 4.3.2 closing".to_owned()),
            Mode::Defer(code) => Next::Reply(format!("{code} 4.3.0 <{to}> later, please")),
            Mode::RefuseAll => Next::Reply(format!("550 5.1.1 <{to}> is unknown")),
            Mode::RefuseRecipient(refused) if refused.eq_ignore_ascii_case(to) => {
                Next::Reply(format!("550 5.1.1 <{to}> is unknown"))
            }
            _ => {
                mail.to.push(to.to_owned());
                "250 2.1.5 OK".into()
            }
        }
    }

    /// AUTH PLAIN (RFC 4616) and LOGIN.
    fn log_in(&mut self, argument: &str, stream: &mut Stream, setup: &Setup, state: &State) -> io::Result<String> {
        let (mechanism, initial) = argument.split_once(' ').unwrap_or((argument, ""));
        let presented = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let answer = if initial.is_empty() { ask(stream, "")? } else { decoded(initial) };
                let parts: Vec<&str> = answer.split('\0').collect();
                match parts.as_slice() {
                    [_, name, password] => Some(((*name).to_owned(), (*password).to_owned())),
                    _ => None,
                }
            }
            "LOGIN" => Some((ask(stream, "Username:")?, ask(stream, "Password:")?)),
            _ => return Ok("504 5.5.4 unknown mechanism".to_owned()),
        };
        if let Mode::BadCredentials(code) = state.mode() {
            let class = code / 100;
            return Ok(format!("{code} {class}.7.8 no, {}", presented.unwrap_or_default().1));
        }
        if presented.is_none() || presented != setup.options.credentials {
            return Ok("535 5.7.8 wrong".to_owned());
        }
        self.authenticated = true;
        Ok("235 2.7.0 welcome".to_owned())
    }

    /// Reads a mail to its final dot; `None` when the connection is to be closed without an answer.
    fn take_mail(&mut self, stream: &mut Stream, state: &State) -> io::Result<Option<String>> {
        let Some(mail) = self.mail.take() else { return Ok(None) };
        let mut raw = Vec::new();
        loop {
            let Some(line) = stream.line()? else { return Ok(None) };
            if line == b"." {
                break;
            }
            raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            raw.extend_from_slice(b"\r\n");
        }
        state.count_command(".");
        if raw.len() > MAX_SIZE {
            return Ok(Some("552 5.3.4 too large".to_owned()));
        }
        if !raw.is_ascii() && !mail.eight_bit {
            return Ok(Some("554 5.6.3 ask for 8BITMIME".to_owned()));
        }
        let received = ReceivedMail { from: mail.from, to: mail.to, raw };
        match state.mode() {
            Mode::HangAfterData => {
                stream.ignore()?;
                Ok(None)
            }
            Mode::RefuseContent => {
                Ok(Some(format!("554 5.7.1 {} may not read {}", received.to.join(","), received.links().join(" "))))
            }
            Mode::DropBeforeReply => {
                state.keep(received);
                Ok(None)
            }
            _ => {
                state.keep(received);
                Ok(Some("250 2.0.0 kept".to_owned()))
            }
        }
    }
}

fn extensions(options: &Options, can_encrypt: bool, must_encrypt: bool) -> String {
    let mut lines = vec!["sink.example".to_owned(), "PIPELINING".to_owned(), format!("SIZE {MAX_SIZE}")];
    lines.extend(["8BITMIME".to_owned(), "ENHANCEDSTATUSCODES".to_owned()]);
    if options.smtputf8 {
        lines.push("SMTPUTF8".to_owned());
    }
    if can_encrypt {
        lines.push("STARTTLS".to_owned());
    }
    if options.credentials.is_some() && !must_encrypt {
        lines.push("AUTH PLAIN LOGIN".to_owned());
    }
    let last = lines.len() - 1;
    let line = |(index, text): (usize, &String)| format!("250{}{text}", if index == last { ' ' } else { '-' });
    lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\r\n")
}

/// The address in `FROM:<…>` or `TO:<…>`, and what follows it.
fn path<'a>(argument: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (head, rest) = argument.split_at_checked(keyword.len())?;
    let rest = rest.strip_prefix('<').filter(|_| head.eq_ignore_ascii_case(keyword))?;
    let (address, rest) = rest.split_once('>')?;
    let is_plain = !address.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;".contains(c));
    is_plain.then_some((address, rest.trim()))
}

fn ask(stream: &mut Stream, question: &str) -> io::Result<String> {
    stream.write(&format!("334 {}\r\n", BASE64.encode(question)))?;
    let answer = stream.line()?.unwrap_or_default();
    Ok(decoded(&String::from_utf8_lossy(&answer)))
}

fn decoded(text: &str) -> String {
    String::from_utf8(BASE64.decode(text).unwrap_or_default()).unwrap_or_default()
}
