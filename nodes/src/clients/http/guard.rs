//! Which addresses may be reached: the public internet, and what the
//! configuration allows beside it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network such as `10.1.0.0/16`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

/// A text that is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no network: write 10.1.0.0/16, or an address")]
pub struct BadNetwork(String);

impl Network {
    const fn v4(address: [u8; 4], prefix: u32) -> Self {
        let [a, b, c, d] = address;
        Self {
            address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            prefix,
        }
    }

    const fn v6(first: u16, second: u16, prefix: u32) -> Self {
        Self {
            address: IpAddr::V6(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0)),
            prefix,
        }
    }

    /// Whether it holds this address.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - self.prefix;
                (own.to_bits() ^ other.to_bits())
                    .checked_shr(shift)
                    .unwrap_or(0)
                    == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - self.prefix;
                (own.to_bits() ^ other.to_bits())
                    .checked_shr(shift)
                    .unwrap_or(0)
                    == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let bad = || BadNetwork(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| bad())?;
        let longest = match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        let prefix = match prefix {
            Some(prefix) => prefix.trim().parse().map_err(|_| bad())?,
            None => longest,
        };
        if prefix > longest {
            return Err(bad());
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// IPv4 that is not the public internet: this host, private, shared (CGNAT),
/// link-local, protocol and documentation blocks, 6to4 relays, benchmarks,
/// multicast, reserved.
const REFUSED_V4: [Network; 15] = [
    Network::v4([0, 0, 0, 0], 8),
    Network::v4([10, 0, 0, 0], 8),
    Network::v4([100, 64, 0, 0], 10),
    Network::v4([127, 0, 0, 0], 8),
    Network::v4([169, 254, 0, 0], 16),
    Network::v4([172, 16, 0, 0], 12),
    Network::v4([192, 0, 0, 0], 24),
    Network::v4([192, 0, 2, 0], 24),
    Network::v4([192, 88, 99, 0], 24),
    Network::v4([192, 168, 0, 0], 16),
    Network::v4([198, 18, 0, 0], 15),
    Network::v4([198, 51, 100, 0], 24),
    Network::v4([203, 0, 113, 0], 24),
    Network::v4([224, 0, 0, 0], 4),
    Network::v4([240, 0, 0, 0], 4),
];

/// IPv6 that is global; all else is loopback, mapped, NAT64, local or multicast.
const GLOBAL_V6: Network = Network::v6(0x2000, 0, 3);

/// Global IPv6 that leads elsewhere: Teredo and other protocols, documentation,
/// 6to4, whose addresses hold an IPv4 address.
const REFUSED_V6: [Network; 4] = [
    Network::v6(0x2001, 0, 23),
    Network::v6(0x2001, 0xdb8, 32),
    Network::v6(0x2002, 0, 16),
    Network::v6(0x3fff, 0, 20),
];

/// Whether an address is of the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    let holds = |network: &Network| network.holds(address);
    match address {
        IpAddr::V4(_) => !REFUSED_V4.iter().any(holds),
        IpAddr::V6(_) => holds(&GLOBAL_V6) && !REFUSED_V6.iter().any(holds),
    }
}

/// What decides on addresses.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allowed: Vec<Network>,
}

impl Guard {
    /// The public internet, and these networks beside it.
    #[must_use]
    pub const fn new(allowed: Vec<Network>) -> Self {
        Self { allowed }
    }

    /// Whether this address may be reached.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        is_public(address) || self.allowed.iter().any(|network| network.holds(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_the_public_internet_is_public() {
        for inside in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.19.0.1",
            "203.0.113.9",
            "224.0.0.251",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address(inside)), "{inside}");
        }
        for outside in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "223.255.255.255",
            "2001:4860:4860::8888",
            "2606:4700::1111",
        ] {
            assert!(is_public(address(outside)), "{outside}");
        }
    }

    #[test]
    fn what_is_allowed_is_allowed_and_no_more() {
        let guard = Guard::new(vec!["10.1.0.0/16".parse().unwrap(), "::1".parse().unwrap()]);
        assert!(guard.allows(address("10.1.255.1")) && guard.allows(address("::1")));
        assert!(!guard.allows(address("10.2.0.1")) && !guard.allows(address("127.0.0.1")));
        // The same machine by another family is another address.
        let guard = Guard::new(vec!["127.0.0.1".parse().unwrap()]);
        assert!(!guard.allows(address("::ffff:127.0.0.1")));
    }

    #[test]
    fn a_network_is_written_as_everywhere() {
        let everything: Network = "0.0.0.0/0".parse().unwrap();
        assert!(everything.holds(address("203.0.113.7")));
        assert_eq!(
            "192.168.0.0/24".parse::<Network>().unwrap().to_string(),
            "192.168.0.0/24"
        );
        for bad in ["", "10.0.0.0/33", "localhost", "10.0.0.0/x", "::1/129"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
