//! Every kind of answer (security case E-02), and answers that don't come (E-03, X-12).

use std::time::Instant;

use serde_json::Value;

use super::*;
use crate::vectors;

/// The list's line for "password", and one of another.
const FOUND: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824";
const OTHER: &str = "0018A45C4D1DEF81644B54AB7F969B88D65:3";

fn unknown(reason: UnknownReason) -> BreachVerdict {
    BreachVerdict::Unknown(reason)
}

#[test]
fn the_bodies_of_the_fixture_get_their_verdict() {
    let bodies: Value = vectors::read("rfc/hibp_range_own.json")["bodies"].clone();
    for (name, expected) in [
        ("found", BreachVerdict::Breached),
        ("lowercase_suffix", BreachVerdict::Breached),
        ("no_crlf", BreachVerdict::Breached),
        ("padding_only", BreachVerdict::NotFound),
        ("garbage", unknown(UnknownReason::Malformed)),
        ("empty", unknown(UnknownReason::Malformed)),
        ("huge_line", unknown(UnknownReason::Malformed)),
    ] {
        assert_eq!(verdict(Reply::ok(bodies[name].as_str().unwrap())), expected, "{name}");
    }
}

#[test]
fn a_padded_answer_is_found_out() {
    let padding = (0..1000).map(|entry| format!("{entry:035X}:0\r\n")).collect::<Vec<_>>().concat();
    assert_eq!(verdict(Reply::ok(&format!("{OTHER}\r\n{padding}{FOUND}"))), BreachVerdict::Breached);
    assert_eq!(verdict(Reply::ok(&format!("{OTHER}\r\n{padding}"))), BreachVerdict::NotFound);
}

/// A redirect, above all, isn't followed: where it leads answers that nothing was found.
#[test]
fn only_200_counts() {
    let elsewhere = RangeServer::start(Reply::ok(OTHER));
    for status in [201, 203, 204, 206, 301, 302, 303, 307, 308, 400, 403, 404, 429, 500, 502, 503, 504] {
        let location = format!("Location: {}\r\nRetry-After: 2\r\n", elsewhere.url());
        let body = if status == 204 { "" } else { FOUND };
        let answer = Reply::Answer(status, location.leak(), body.to_owned());
        assert_eq!(verdict(answer), unknown(UnknownReason::Status(status)), "{status}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn an_answer_that_is_no_http_or_breaks_off_is_none() {
    for text in [
        "",
        "SSH-2.0-OpenSSH_9.9\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n1E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2D\r\n1E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824\r\n\r\n",
    ] {
        assert_eq!(verdict(Reply::Raw(text)), unknown(UnknownReason::Unreachable), "{text:?}");
    }
}

#[test]
fn an_answer_of_1_mib_is_read_and_a_longer_one_is_not() {
    let line = format!("{OTHER}\n");
    let lines = line.repeat(1024 * 1024 / line.len());
    let room = 1024 * 1024 - lines.len();
    assert_eq!(verdict(Reply::ok(&format!("{lines}{}", "\n".repeat(room)))), BreachVerdict::NotFound);
    assert_eq!(verdict(Reply::ok(&format!("{lines}{}", "\n".repeat(room + 1)))), unknown(UnknownReason::TooLong));
    assert_eq!(verdict(Reply::Endless), unknown(UnknownReason::TooLong));
}

/// E-03: a check ends with its time, whether nothing comes or something that never ends.
#[test]
fn a_check_takes_no_longer_than_its_time() {
    for reply in [Reply::Hang, Reply::Drip] {
        let server = RangeServer::start(reply);
        let began = Instant::now();
        let verdict = run(async { client(server.url(), SHORT, &breaker(1).0).check(&password()).await });
        assert_eq!(verdict, unknown(UnknownReason::TimedOut));
        assert!((SHORT..Duration::from_secs(20)).contains(&began.elapsed()), "{:?}", began.elapsed());
    }
}

#[test]
fn a_check_takes_a_second_unless_told_otherwise() {
    assert_eq!(BreachConfig::DEFAULT_TIMEOUT, Duration::from_secs(1));
}

#[test]
fn nobody_at_the_address_is_unreachable() {
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let url = Url::parse(&format!("http://127.0.0.1:{port}/range/")).unwrap();
    let verdict = run(async { client(url, PATIENT, &breaker(1).0).check(&password()).await });
    assert_eq!(verdict, unknown(UnknownReason::Unreachable));
}

#[test]
fn reasons_have_the_names_of_the_metric() {
    use UnknownReason::*;
    let names = [BreakerOpen, TimedOut, Unreachable, Status(500), TooLong, Malformed].map(UnknownReason::as_str);
    assert_eq!(names, ["breaker_open", "timed_out", "unreachable", "status", "too_long", "malformed"]);
}
