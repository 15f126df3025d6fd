//! Outside services: one client a service, handed to the nodes that use it.

pub mod http;

use self::http::HttpClient;

/// Every client that a node may use.
#[derive(Clone, Default)]
pub struct Clients {
    /// HTTP to addresses that were checked.
    pub http: HttpClient,
}
