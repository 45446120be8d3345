//! One connection, from its request to its answer.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::behaviour::{Answer, Endpoint};
use crate::http::{Reply, Request};
use crate::recorded::Recorded;
use crate::state::State;
use crate::{authorize, discovery, token, userinfo};

pub(crate) fn serve(mut stream: TcpStream, state: &State) -> io::Result<()> {
    let Some(request) = Request::read(&mut stream) else { return Ok(()) };
    let Some(endpoint) = endpoint(request.path()) else {
        return Reply::text(404, "there is nothing here").write(&mut stream);
    };
    record(state, endpoint, &request);
    let answer = state.settings().answer(endpoint);
    deliver(&mut stream, state, &answer, || reply(state, endpoint, &request))?;
    stream.shutdown(Shutdown::Write)
}

fn endpoint(path: &str) -> Option<Endpoint> {
    match path {
        "/authorize" => Some(Endpoint::Authorize),
        "/token" => Some(Endpoint::Token),
        "/userinfo" => Some(Endpoint::Userinfo),
        "/userinfo/emails" => Some(Endpoint::Emails),
        "/jwks" => Some(Endpoint::Jwks),
        // An issuer may have a path.
        _ => path.ends_with("/.well-known/openid-configuration").then_some(Endpoint::Discovery),
    }
}

fn record(state: &State, endpoint: Endpoint, request: &Request) {
    state.requests().push(Recorded {
        endpoint,
        method: request.method.clone(),
        target: request.target.clone(),
        headers: request.headers.clone(),
        form: request.form().into_iter().collect(),
    });
}

fn reply(state: &State, endpoint: Endpoint, request: &Request) -> Reply {
    let settings = state.settings();
    match endpoint {
        Endpoint::Authorize => {
            let url = format!("{}{}", settings.url, request.target);
            match authorize::approve(&settings, &mut state.grants(), &url) {
                Ok(back) => Reply::redirect(back.as_str()),
                Err(fault) => Reply::text(400, fault),
            }
        }
        Endpoint::Discovery => discovery::metadata(&settings),
        Endpoint::Jwks => discovery::jwks(&settings),
        Endpoint::Token => token::exchange(&settings, &mut state.grants(), request),
        Endpoint::Userinfo => userinfo::user(&settings, &state.grants(), request),
        Endpoint::Emails => userinfo::emails(&state.grants(), request),
    }
}

/// Answers in the way that is set. What the right answer would change happens only if it is sent.
fn deliver(stream: &mut TcpStream, state: &State, answer: &Answer, reply: impl FnOnce() -> Reply) -> io::Result<()> {
    match answer {
        Answer::Normal => reply().write(stream),
        Answer::Status(status) => Reply::new(*status, "text/html", "<html>no</html>").write(stream),
        Answer::Body { status, content_type, body } => Reply::new(*status, content_type, body.as_bytes()).write(stream),
        Answer::Redirect(to) => Reply::redirect(to).write(stream),
        Answer::Close => Ok(()),
        Answer::Hang => hang(stream),
        Answer::Large(length) => {
            let mut reply = reply();
            reply.body.resize((*length).max(reply.body.len()), b' ');
            reply.write(stream)
        }
        Answer::Drip => drip(stream, state, &reply()),
        Answer::Endless => endless(stream, &reply()),
    }
}

/// Waits for the other side to go.
fn hang(stream: &mut TcpStream) -> io::Result<()> {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored)? > 0 {}
    Ok(())
}

fn drip(stream: &mut TcpStream, state: &State, reply: &Reply) -> io::Result<()> {
    stream.write_all(&reply.head(Some(reply.body.len())))?;
    for byte in &reply.body {
        if state.stops_within(Duration::from_secs(1)) {
            break;
        }
        stream.write_all(&[*byte])?;
    }
    Ok(())
}

/// Without a length, a body ends with the connection, and this one doesn't end.
fn endless(stream: &mut TcpStream, reply: &Reply) -> io::Result<()> {
    stream.write_all(&reply.head(None))?;
    stream.write_all(&reply.body)?;
    loop {
        stream.write_all(&[b' '; 16 * 1024])?;
    }
}
