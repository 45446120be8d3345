//! The ways to reach Redis: with a user and a database of one's own, by a socket, by TLS.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::quiet_port::quiet_port;
use crate::redis_bed::RedisBed;
use crate::redis_server::RedisServer;

/// What the README says a user of ours has to be allowed, and no more.
const ACL: &str = "ACL SETUSER gatehouse on >secret-Gh7Kq2 resetkeys ~auth:* resetchannels &auth:* -@all +hello +select \
                   +get +set +del +setrange +eval +time +publish +subscribe +ping";

/// How many entries each database has.
fn keys(redis: &RedisServer) -> String {
    redis.ask("INFO keyspace")
}

/// REQ-60: by a user of its own, in another database than the first, without a right more than is needed.
#[test]
fn a_user_with_few_rights_in_a_database_of_its_own_is_enough() {
    let Some(redis) = RedisServer::start_new() else { return };
    redis.ask::<()>(ACL);
    for address in [redis.address(), format!("localhost:{}", redis.address().rsplit(':').next().unwrap())] {
        let bed = RedisBed::start(&format!("redis://gatehouse:secret-Gh7Kq2@{address}/3"));
        bed.finish(&bed.begin());
        assert_eq!(bed.redis_state(), "up");
        drop(bed.begin_flow());
        assert!(keys(&redis).contains("db3:") && !keys(&redis).contains("db0:"), "{}", keys(&redis));
    }
}

#[test]
fn a_socket_of_this_machine_will_do() {
    let Some(redis) = RedisServer::start_new() else { return };
    redis.ask::<()>(ACL);
    let url = format!("unix://{}?db=5&user=gatehouse&pass=secret-Gh7Kq2", redis.socket().display());
    let bed = RedisBed::start(&url);
    bed.finish(&bed.begin());
    drop(bed.begin_flow());
    assert!(keys(&redis).contains("db5:"), "{}", keys(&redis));
}

/// 12.3.1 and 12.3.2 of ASVS 5: a certificate of an authority that the system trusts, for this very host.
#[test]
fn tls_wants_a_certificate_that_the_system_trusts() {
    let Some(redis) = RedisServer::stopped() else { return };
    let (folder, port) = (redis.folder().to_owned(), quiet_port());
    let file = |name: &str| folder.join(name).display().to_string();
    make_certificates(&folder);
    let mut redis = redis
        .with("--tls-port", port.to_string())
        .with("--tls-auth-clients", "no")
        .with("--tls-cert-file", file("server.pem"))
        .with("--tls-key-file", file("server.key"))
        .with("--tls-ca-cert-file", file("authority.pem"));
    redis.start();
    let trusting = |url: &str, root: &str| RedisBed::start_with(url, |launch| launch.set("SSL_CERT_FILE", &file(root)));

    let bed = trusting(&format!("rediss://localhost:{port}"), "authority.pem");
    bed.finish(&bed.begin());
    assert_eq!(bed.redis_state(), "up");
    for (host, root) in [("localhost", "another.pem"), ("127.0.0.1", "authority.pem")] {
        let bed = trusting(&format!("rediss://{host}:{port}"), root);
        assert_eq!(bed.redis_state(), "degraded", "{host} {root}");
        bed.start_flow().assert_overloaded();
        assert!(bed.server.has_said("certificate"), "{}", bed.server.said());
    }
}

/// An authority, a certificate of it for `localhost`, and another authority.
fn make_certificates(folder: &Path) {
    let write = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
    let authority = || {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let (issuer, key) = (authority(), KeyPair::generate().unwrap());
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    write("authority.pem", issuer.pem());
    write("another.pem", authority().pem());
    write("server.pem", certificate.pem());
    write("server.key", key.serialize_pem());
}
