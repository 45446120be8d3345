//! Certificates, made anew for each server.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The configurations of TLS that the modes need.
pub(crate) struct Certificates {
    /// The root certificate that clients are to trust, as PEM.
    pub(crate) root: String,
    /// Signed by the root, for this host.
    pub(crate) good: Arc<ServerConfig>,
    /// Signed by somebody else, for this host.
    pub(crate) unknown_authority: Arc<ServerConfig>,
    /// Signed by the root, for another host.
    pub(crate) other_host: Arc<ServerConfig>,
}

impl Certificates {
    pub(crate) fn generate() -> Self {
        let authority = authority("Test authority");
        Self {
            root: authority.pem(),
            good: server(&authority, &OWN_NAMES),
            unknown_authority: server(&self::authority("Nobody's authority"), &OWN_NAMES),
            other_host: server(&authority, &["mail.example"]),
        }
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn server(authority: &CertifiedIssuer<'static, KeyPair>, names: &[&str]) -> Arc<ServerConfig> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    Arc::new(config)
}
