//! Which addresses count as one.

use std::net::{IpAddr, Ipv6Addr};

/// The address that attempts are counted for: the /64 of an IPv6 customer; the IPv4 address of an IPv4-mapped address.
pub(in crate::app) fn place(address: IpAddr) -> IpAddr {
    prefix(address, 4)
}

/// The network that invented names are counted for: many providers give a customer an IPv6 /48.
pub(in crate::app) fn network(address: IpAddr) -> IpAddr {
    prefix(address, 3)
}

/// The first groups of an IPv6 address; a whole IPv4 address.
fn prefix(address: IpAddr, groups: usize) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let mut segments = v6.segments();
            segments[groups..].fill(0);
            IpAddr::V6(Ipv6Addr::from(segments))
        }
    }
}
