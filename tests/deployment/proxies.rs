//! Gatehouse, an application and a reverse proxy in front of both, as `deploy/proxies` has it.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock};

use rcgen::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};

use crate::application::Application;
use crate::support::{Server, ServerOptions, eventually};
use crate::visitor::Visitor;

/// The hosts of the committed configurations.
pub(crate) const AUTH: &str = "auth.example.com";
pub(crate) const APP: &str = "app.example.com";

/// Where the proxy listens, in the place of 443 and 80.
pub(crate) const HTTPS: u16 = 44300;
pub(crate) const HTTP: u16 = 8000;

/// All of it, running; ended when it is dropped.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) application: Application,
    pub(crate) visitor: Visitor,
    process: Child,
    _folder: tempfile::TempDir,
}

/// What a proxy is started with.
pub(crate) struct Place<'a> {
    /// Its folder, with `fullchain.pem` and `privkey.pem`.
    pub(crate) folder: &'a Path,
    /// The loopback address that is its alone.
    pub(crate) ip: Ipv4Addr,
    pub(crate) gatehouse: String,
    pub(crate) application: String,
}

impl World {
    /// Starts Gatehouse with `options`, and what `start_proxy` starts.
    pub(crate) fn start(options: ServerOptions, start_proxy: impl FnOnce(&Place) -> Child) -> Self {
        let options = options
            .set("AUTH_ENV", "testing")
            .set("AUTH_BASE_URL", &format!("https://{AUTH}"))
            .set("AUTH_TRUSTED_PROXIES", "127.0.0.1/32");
        let server = Server::on_sqlite(options);
        let application = Application::start();
        let folder = tempfile::tempdir().unwrap();
        let tls = write_certificate(folder.path());
        let ip = own_address();
        let place = Place {
            folder: folder.path(),
            ip,
            gatehouse: server.address.to_string(),
            application: application.address.to_string(),
        };
        let process = start_proxy(&place);
        let proxy = SocketAddrV4::new(ip, HTTPS);
        let visitor = Visitor { proxy, from: Ipv4Addr::LOCALHOST, tls, bearer: None };
        let world = Self { server, application, visitor, process, _folder: folder };
        let listens = |port| std::net::TcpStream::connect(SocketAddrV4::new(ip, port)).is_ok();
        eventually("the proxy listens", || listens(HTTPS) && listens(HTTP));
        world
    }

    /// Somebody with an account: their access token, and a visitor who has it.
    pub(crate) fn member(&self) -> (serde_json::Value, Visitor) {
        let tokens = self.server.register("ada@example.org");
        let visitor = self.visitor.with_token(tokens["access_token"].as_str().unwrap());
        (tokens, visitor)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address that no other test of this run has, so that ports can be fixed: a proxy can't be asked which it got.
fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 | high & 63, low, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// One certificate for both hosts, made once, and a client that believes it.
fn write_certificate(folder: &Path) -> Arc<ClientConfig> {
    static MADE: LazyLock<(String, String, Arc<ClientConfig>)> = LazyLock::new(|| {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed([AUTH.to_owned(), APP.to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        (cert.pem(), signing_key.serialize_pem(), Arc::new(config))
    });
    let (certificate, key, config) = &*MADE;
    std::fs::write(folder.join("fullchain.pem"), certificate).unwrap();
    std::fs::write(folder.join("privkey.pem"), key).unwrap();
    Arc::clone(config)
}

/// Runs every listed test with each proxy that is run for real, each with a [`World`] of its own.
macro_rules! behind_every_proxy {
    ($($(#[$doc:meta])* fn $name:ident($world:ident: &World $(, $options:expr)?) $body:block)+) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            fn check($world: &World) $body

            #[test]
            fn on_nginx() {
                if let Some(world) = $crate::nginx::world($crate::support::options!($($options)?)) {
                    check(&world);
                }
            }

            #[test]
            fn on_caddy() {
                if let Some(world) = $crate::caddy::world($crate::support::options!($($options)?)) {
                    check(&world);
                }
            }
        }
    )+};
}
pub(crate) use behind_every_proxy;
