//! The client against a real server, with what can't be set from outside: look-ups, deadlines and places.

mod breaker;

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::sync::Mutex;

use auth_core::ManualClock;
use identity_provider::{Answer as Behaviour, Endpoint, IdentityProvider};
use reqwest::dns::Resolve as _;
use serde_json::Value;
use url::Url;

use super::*;

/// Long enough for a busy machine: no test waits for it.
const PATIENT: Duration = Duration::from_mins(1);
/// For the tests that wait until it is over.
const SHORT: Duration = Duration::from_secs(3);
const NEVER: NonZeroU32 = NonZeroU32::MAX;
const LOOPBACK: &str = "127.0.0.1";

fn config(network: NetworkPolicy, call: Duration, failures: NonZeroU32) -> HttpConfig {
    let breaker = BreakerConfig { failures, recovery: Duration::from_secs(30) };
    HttpConfig { network, needs_tls: false, timeouts: Timeouts { connect: PATIENT, call, exchange: PATIENT }, breaker }
}

fn http(call: Duration, failures: NonZeroU32) -> Arc<ProviderHttp> {
    let config = config(NetworkPolicy::Any, call, failures);
    Arc::new(ProviderHttp::new(config, Arc::new(ManualClock::default())).unwrap())
}

fn within(span: Duration) -> Deadline {
    Deadline(Instant::now() + span)
}

/// A look-up that knows these addresses for every name, and the names that were asked for.
fn look_up(addresses: &'static [&'static str]) -> (LookUp, Arc<Mutex<Vec<String>>>) {
    let names = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&names);
    let look_up: LookUp = Arc::new(move |name| {
        asked.lock().unwrap().push(name);
        let found = addresses.iter().map(|address| SocketAddr::new(address.parse::<IpAddr>().unwrap(), 0)).collect();
        Box::pin(async move { Ok(found) })
    });
    (look_up, names)
}

fn http_by(network: NetworkPolicy, look_up: LookUp) -> ProviderHttp {
    let config = config(network, PATIENT, NEVER);
    ProviderHttp::with_look_up(config, Arc::new(ManualClock::default()), look_up).unwrap()
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn jwks(provider: &IdentityProvider) -> Url {
    url(&format!("{}/jwks", provider.url()))
}

async fn get(http: &ProviderHttp, url: &Url) -> Result<Value, CallError> {
    get_within(http, url, PATIENT).await
}

/// An exchange of one call.
async fn get_within(http: &ProviderHttp, url: &Url, span: Duration) -> Result<Value, CallError> {
    let calls = http.calls_until(within(span));
    let result = calls.get_json(url).await;
    calls.settle(if result.is_ok() { End::SignedIn } else { End::Error });
    result
}

/// O-09: what a name leads to is decided where the connection is opened, each time anew.
#[tokio::test]
async fn a_name_that_leads_inwards_is_not_connected_to() {
    let listener = TcpListener::bind((LOOPBACK, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (look_up, names) = look_up(&[LOOPBACK, "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254"]);
    let http = http_by(NetworkPolicy::Public, look_up);
    for _ in 0..2 {
        let url = url(&format!("https://provider.example:{port}/"));
        assert_eq!(get(&http, &url).await, Err(CallError::Inwards));
    }
    assert_eq!(*names.lock().unwrap(), ["provider.example", "provider.example"]);
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
async fn of_a_name_s_addresses_the_public_ones_are_left() {
    let (look_up, _) = look_up(&[LOOPBACK, "1.1.1.1", "fd00::1", "2606:4700::1111", "100.64.0.1"]);
    let resolver = Resolver { network: NetworkPolicy::Public, look_up };
    let found = resolver.resolve("provider.example".parse().unwrap()).await.map_err(|_| "no address").unwrap();
    let found: Vec<_> = found.map(|address| address.ip().to_string()).collect();
    assert_eq!(found, ["1.1.1.1", "2606:4700::1111"]);
}

#[tokio::test]
async fn a_developer_s_name_may_lead_to_loopback() {
    let provider = IdentityProvider::start();
    let (look_up, names) = look_up(&[LOOPBACK]);
    let http = http_by(NetworkPolicy::Any, look_up);
    let url = url(&format!("http://provider.test:{}/jwks", provider.port()));
    assert!(get(&http, &url).await.unwrap()["keys"].is_array());
    assert_eq!(*names.lock().unwrap(), ["provider.test"]);
}

/// O-09: an address in the URL needs no look-up, and gets none.
#[tokio::test]
async fn a_url_that_leads_inwards_is_not_called() {
    let (look_up, names) = look_up(&["1.1.1.1"]);
    let http = http_by(NetworkPolicy::Public, look_up);
    for text in [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://0x7f000001/",
        "http://provider.example/",
    ] {
        assert_eq!(get(&http, &url(text)).await, Err(CallError::Address), "{text}");
    }
    assert!(names.lock().unwrap().is_empty());
    assert_eq!(http.breaker_state(), BreakerState::Closed);
}

/// O-09, O-22.
#[tokio::test]
async fn an_answer_of_1_mib_is_read_and_a_longer_one_is_not() {
    let provider = IdentityProvider::start();
    let http = http(PATIENT, NEVER);
    provider.misbehave(Endpoint::Jwks, Behaviour::Large(1024 * 1024));
    assert!(get(&http, &jwks(&provider)).await.is_ok());
    for behaviour in [Behaviour::Large(1024 * 1024 + 1), Behaviour::Large(20_000_000), Behaviour::Endless] {
        provider.misbehave(Endpoint::Jwks, behaviour);
        assert_eq!(get(&http, &jwks(&provider)).await, Err(CallError::TooLong));
    }
}

/// Which ends are the provider's fault, and that each is told once: nothing is tried again.
#[tokio::test]
async fn which_answers_open_the_breaker() {
    let text = |body: &str| Behaviour::Body { status: 200, content_type: "application/json", body: body.to_owned() };
    let elsewhere = IdentityProvider::start();
    for (behaviour, expected, opens) in [
        (Behaviour::Hang, CallError::TimedOut, true),
        (Behaviour::Drip, CallError::TimedOut, true),
        (Behaviour::Close, CallError::Unreachable, true),
        (Behaviour::Endless, CallError::TooLong, true),
        (text(""), CallError::Malformed, true),
        (text("<html>"), CallError::Malformed, true),
        (text(r#"{"keys":[],"keys":[]}"#), CallError::Malformed, true),
        (Behaviour::Redirect(jwks(&elsewhere).into()), CallError::Status(302), true),
        (Behaviour::Status(201), CallError::Status(201), true),
        (Behaviour::Status(304), CallError::Status(304), true),
        (Behaviour::Status(500), CallError::Status(500), true),
        (Behaviour::Status(503), CallError::Status(503), true),
        (Behaviour::Status(400), CallError::Status(400), false),
        (Behaviour::Status(401), CallError::Status(401), false),
        (Behaviour::Status(404), CallError::Status(404), false),
        (Behaviour::Status(429), CallError::Status(429), false),
    ] {
        let provider = IdentityProvider::start();
        let waits = matches!(behaviour, Behaviour::Hang | Behaviour::Drip);
        let http = http(if waits { SHORT } else { PATIENT }, NonZeroU32::MIN);
        provider.misbehave(Endpoint::Jwks, behaviour);
        assert_eq!(get(&http, &jwks(&provider)).await, Err(expected));
        assert_eq!(http.breaker_state() == BreakerState::Open, opens, "{expected:?}");
        assert_eq!(provider.count(Endpoint::Jwks), 1, "{expected:?}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn nobody_at_the_address_is_unreachable() {
    let port = TcpListener::bind((LOOPBACK, 0)).unwrap().local_addr().unwrap().port();
    let http = http(PATIENT, NonZeroU32::MIN);
    assert_eq!(get(&http, &url(&format!("http://{LOOPBACK}:{port}/"))).await, Err(CallError::Unreachable));
    assert_eq!(get(&http, &url(&format!("http://{LOOPBACK}:{port}/"))).await, Err(CallError::Unavailable));
}

/// X-13: a provider that hangs has so many calls and no more; those after them wait, but not for longer than they can.
#[tokio::test]
async fn calls_beyond_the_bound_wait_for_a_place() {
    let provider = IdentityProvider::start();
    provider.misbehave(Endpoint::Jwks, Behaviour::Hang);
    let http = http(PATIENT, NEVER);
    let calls: Vec<_> = (0..ProviderHttp::IN_FLIGHT)
        .map(|_| {
            let (http, url) = (Arc::clone(&http), jwks(&provider));
            tokio::spawn(async move { get(&http, &url).await })
        })
        .collect();
    let all_hang = async {
        while provider.count(Endpoint::Jwks) < ProviderHttp::IN_FLIGHT {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENT, all_hang).await.unwrap();
    let late = get_within(&http, &jwks(&provider), SHORT).await;
    assert_eq!(late, Err(CallError::Unavailable));
    assert_eq!(provider.count(Endpoint::Jwks), ProviderHttp::IN_FLIGHT);
    assert_eq!(http.breaker_state(), BreakerState::Closed);

    provider.misbehave(Endpoint::Jwks, Behaviour::Normal);
    calls[0].abort();
    assert!(get(&http, &jwks(&provider)).await.is_ok());
    calls.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Who got a place too late had no time for the provider: that it timed out says nothing of the provider.
#[tokio::test]
async fn a_call_that_had_hardly_any_time_is_not_held_against_the_provider() {
    let provider = IdentityProvider::start();
    provider.misbehave(Endpoint::Jwks, Behaviour::Hang);
    let http = http(PATIENT, NonZeroU32::MIN);
    assert_eq!(get_within(&http, &jwks(&provider), SHORT).await, Err(CallError::TimedOut));
    assert_eq!(http.breaker_state(), BreakerState::Closed);
}

/// X-13: 3 s, 5 s and 9 s, so that a callback is answered within 10 s.
#[test]
fn a_callback_has_its_answer_within_10_s() {
    let seconds = Duration::from_secs;
    let expected = Timeouts { connect: seconds(3), call: seconds(5), exchange: seconds(9) };
    assert_eq!(Timeouts::default(), expected);
}

#[test]
fn a_time_without_bound_is_bounded() {
    let (connect, call, exchange) = (Duration::MAX, Duration::MAX, Duration::MAX);
    let config =
        HttpConfig { timeouts: Timeouts { connect, call, exchange }, ..config(NetworkPolicy::Any, PATIENT, NEVER) };
    let http = ProviderHttp::new(config, Arc::new(ManualClock::default())).unwrap();
    assert!(http.calls().deadline().0 > Instant::now());
}

#[test]
fn a_secret_that_is_no_header_is_refused_unprinted() {
    assert_eq!(secret_header("Bearer ", "a\r\nb").unwrap_err(), CallError::Malformed);
    assert!(!format!("{:?}", secret_header("Bearer ", "token").unwrap()).contains("token"));
}
