//! Names to addresses, and only to those that may be reached.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Guard;

/// Finds the addresses of a host.
pub trait Resolver: Send + Sync + 'static {
    /// The addresses of this host.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// Asks as every program of this machine does.
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The host has addresses, and none may be reached.
#[derive(Debug, thiserror::Error)]
#[error("the host is at no address that may be reached")]
pub(super) struct Forbidden;

/// The host has no address.
#[derive(Debug, thiserror::Error)]
#[error("the host is not known")]
pub(super) struct Unresolved;

/// Gives a connection the addresses that were checked, and no other.
pub(super) struct Checked {
    pub guard: Guard,
    pub resolver: Arc<dyn Resolver>,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, resolver) = (self.guard.clone(), Arc::clone(&self.resolver));
        Box::pin(async move {
            let found = resolver.resolve(name.as_str()).await;
            let found = found.map_err(|_| Unresolved)?;
            if found.is_empty() {
                return Err(Unresolved.into());
            }
            let allowed: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| guard.allows(*address))
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            if allowed.is_empty() {
                return Err(Forbidden.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
