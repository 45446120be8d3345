//! What leaves the process (security case E-01), and to whom.

use std::collections::BTreeMap;
use std::io::Read;

use super::*;
use crate::vectors;

const NOTHING: &str = "0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n";

/// The request line and the headers of a request without a body.
fn read(request: &str) -> (String, BTreeMap<String, String>) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "");
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    (line, headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect())
}

/// E-01.
#[test]
fn five_digits_are_on_the_wire_and_nothing_else_of_the_password() {
    let fixture = vectors::read("rfc/hibp_range_own.json");
    for vector in fixture["vectors"].as_array().unwrap() {
        let [text, prefix, suffix] = ["password", "prefix", "suffix"].map(|field| vector[field].as_str().unwrap());
        let server = RangeServer::start(Reply::ok(&format!("{NOTHING}{suffix}:1\r\n")));
        let client = client(server.url(), PATIENT, &breaker(1).0);
        let verdict = run(async { client.check(&Password::new(text).unwrap()).await });
        assert_eq!(verdict, BreachVerdict::Breached);

        let requests = server.requests();
        assert_eq!(requests.len(), 1);
        let (line, headers) = read(&requests[0]);
        assert_eq!(line, format!("GET /range/{prefix} HTTP/1.1"));
        assert_eq!(headers["add-padding"], "true");
        assert_eq!(headers["user-agent"], format!("gatehouse/{}", env!("CARGO_PKG_VERSION")));
        assert_eq!(headers.into_keys().collect::<Vec<_>>(), ["accept", "add-padding", "host", "user-agent"]);
        assert!(!requests[0].to_uppercase().contains(suffix));
    }
}

#[test]
fn the_digits_are_added_to_the_address_with_or_without_a_slash() {
    for (path, expected) in [
        ("/range/", "/range/5BAA6"),
        ("/range", "/range/5BAA6"),
        ("", "/5BAA6"),
        ("/", "/5BAA6"),
        ("/copy/of/it/", "/copy/of/it/5BAA6"),
        ("/range?list=ours", "/range/5BAA6?list=ours"),
        ("/range/#fragment", "/range/5BAA6"),
    ] {
        let server = RangeServer::start(Reply::ok(NOTHING));
        let url = server.url().join("/").unwrap().as_str().trim_end_matches('/').to_owned() + path;
        let client = client(Url::parse(&url).unwrap(), PATIENT, &breaker(1).0);
        assert_eq!(run(async { client.check(&password()).await }), BreachVerdict::NotFound);
        assert_eq!(read(&server.requests()[0]).0, format!("GET {expected} HTTP/1.1"), "{path:?}");
    }
}

#[test]
fn addresses_that_cannot_be_called_are_refused() {
    for url in ["ftp://127.0.0.1/range/", "file:///range/", "data:text/plain,range", "localhost:80"] {
        let config = BreachConfig { url: Url::parse(url).unwrap(), timeout: PATIENT };
        let error = BreachedPasswords::new(config, breaker(1).0).err();
        assert!(matches!(error, Some(InvalidBreachConfig::Url)), "{url}: {error:?}");
    }
}

/// Security case 12.3.1: the server of a certificate that nobody vouched for learns nothing.
#[test]
fn a_self_signed_certificate_is_refused() {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private.into())
        .unwrap();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let stream = listener.accept().unwrap().0;
        let mut stream = rustls::StreamOwned::new(rustls::ServerConnection::new(Arc::new(config)).unwrap(), stream);
        stream.read(&mut [0; 64])
    });
    let url = Url::parse(&format!("https://localhost:{port}/range/")).unwrap();
    let verdict = run(async { client(url, PATIENT, &breaker(1).0).check(&password()).await });
    assert_eq!(verdict, BreachVerdict::Unknown(UnknownReason::Unreachable));
    let read = server.join().unwrap();
    assert!(read.as_ref().is_err_and(|error| error.to_string().contains("alert")), "{read:?}");
}

/// Runs itself once more with the variables set: they are read when a process begins.
#[test]
fn proxies_of_the_environment_are_not_used() {
    const VARIABLE: &str = "GATEHOUSE_TEST_RANGE_API";
    if let Ok(url) = std::env::var(VARIABLE) {
        let client = client(Url::parse(&url).unwrap(), PATIENT, &breaker(1).0);
        assert_eq!(run(async { client.check(&password()).await }), BreachVerdict::NotFound);
        return;
    }
    let [server, proxy] = [NOTHING, "a proxy"].map(|body| RangeServer::start(Reply::ok(body)));
    let name = "breach::tests::wire::proxies_of_the_environment_are_not_used";
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", name]).env(VARIABLE, server.url().as_str());
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        again.env(variable, proxy.url().as_str());
    }
    let output = again.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
    assert_eq!((server.requests().len(), proxy.requests().len()), (1, 0));
}
