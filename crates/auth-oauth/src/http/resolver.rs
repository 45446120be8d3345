//! The look-up of names. It, and not a check before the call, decides where connections go: a name that is looked up
//! twice may lead to two places (DNS rebinding).

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::network::NetworkPolicy;

/// The addresses of a name.
pub(crate) type LookUp = Arc<dyn Fn(String) -> LookingUp + Send + Sync>;
/// A look-up under way.
pub(crate) type LookingUp = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// The system's look-up.
pub(crate) fn system() -> LookUp {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }))
}

/// A name has no address that may be connected to.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no address of the name is allowed")]
pub(super) struct NoPublicAddress;

/// A resolver that knows no address but those that `network` allows.
pub(super) struct Resolver {
    pub(super) network: NetworkPolicy,
    pub(super) look_up: LookUp,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let network = self.network;
        let looking_up = (self.look_up)(name.as_str().to_owned());
        Box::pin(async move {
            let mut addresses = looking_up.await?;
            addresses.retain(|address| network.allows_address(address.ip()));
            if addresses.is_empty() {
                return Err(NoPublicAddress.into());
            }
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}
