//! What counts as one place where somebody may be.

use std::net::{IpAddr, Ipv6Addr};

/// The address that an attempt counts for: an IPv6 customer has a whole /64; an IPv4-mapped address is the IPv4 address.
pub(in crate::app) fn place(address: IpAddr) -> IpAddr {
    prefix(address, 4)
}

/// The network that invented names are counted for: many providers give a customer a /48 of IPv6.
pub(in crate::app) fn network(address: IpAddr) -> IpAddr {
    prefix(address, 3)
}

/// The first so many groups of an IPv6 address; a whole IPv4 address.
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
