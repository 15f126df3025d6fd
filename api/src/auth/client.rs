//! From where a request comes.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use nodes::clients::http::Network;

use crate::router::Doors;

/// The longest description of a browser that is kept, in characters.
const AGENT: usize = 300;

/// From where a request comes, as far as it can be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address.
    pub address: String,
    /// What it says it is.
    pub agent: String,
}

impl FromRequestParts<Doors> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|ConnectInfo(peer)| peer.ip());
        let proxies = &doors.auth.settings().proxies;
        let agent = parts.headers.get(header::USER_AGENT);
        let agent = agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        Ok(Self {
            address: peer.map_or_else(String::new, |peer| {
                address(peer, &parts.headers, proxies).to_string()
            }),
            agent: agent
                .unwrap_or_default()
                .chars()
                .filter(|it| *it != '\0')
                .take(AGENT)
                .collect(),
        })
    }
}

/// The nearest address that is none of our proxies': what lies behind it could
/// have been written by anyone.
fn address(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let ours = |address: IpAddr| proxies.iter().any(|proxy| proxy.holds(address));
    let mut nearest = peer.to_canonical();
    let told = headers.get_all("x-forwarded-for").iter().rev();
    let told = told.filter_map(|line| line.to_str().ok());
    for hop in told.flat_map(|line| line.rsplit(',')) {
        if !ours(nearest) {
            break;
        }
        let Ok(hop) = hop.trim().parse::<IpAddr>() else {
            break;
        };
        nearest = hop.to_canonical();
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_proxies_are_believed_about_an_address() {
        let proxies = ["10.0.0.0/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "6.6.6.6, 203.0.113.9".parse().unwrap());
        headers.append("x-forwarded-for", "10.0.0.2".parse().unwrap());
        let seen = |peer: &str| address(peer.parse().unwrap(), &headers, &proxies).to_string();
        assert_eq!(seen("10.0.0.1"), "203.0.113.9");
        assert_eq!(seen("::ffff:10.0.0.1"), "203.0.113.9");
        assert_eq!(seen("198.51.100.4"), "198.51.100.4");
        assert_eq!(
            address("10.0.0.1".parse().unwrap(), &HeaderMap::new(), &proxies).to_string(),
            "10.0.0.1"
        );
    }
}
