use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network: its first address and how many leading bits all of it share.
type V4 = ([u8; 4], u32);
type V6 = ([u16; 8], u32);

/// What of IPv4 is not the public internet. Sources: the IANA registry of special-purpose addresses
/// (RFC 6890 and its successors), RFC 5771 (multicast), RFC 7526 (anycast of 6to4), RFC 1112 (the
/// reserved class E); the last is the host agent of Azure, which answers at a public address.
const NOT_PUBLIC_V4: [V4; 17] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 52, 193, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
    ([168, 63, 129, 16], 32),
];

/// The part of IPv6 that is given out to the public: everything else (loopback, unique-local,
/// link-local, multicast, IPv4-mapped and IPv4-compatible addresses, NAT64 of one's own) is not.
const GLOBAL_V6: V6 = ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// What of that part is not public all the same: protocol assignments with Teredo (RFC 4380) and
/// ORCHID, documentation (RFC 3849, RFC 9637), 6to4 (RFC 3056). Teredo and 6to4 carry an IPv4 address
/// of anybody's choice.
const NOT_PUBLIC_V6: [V6; 4] = [
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    ([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0], 32),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

/// The IPv4 internet as networks without IPv4 see it (RFC 6052): judged by the address inside.
const NAT64: V6 = ([0x0064, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

/// Whether this address is on the public internet, where a stranger may send the gateway.
///
/// What is not known to be public is not: a network that is reserved today is refused.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let within = |(base, bits): &V4| {
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        (address.to_bits() ^ u32::from_be_bytes(*base)) & mask == 0
    };
    !NOT_PUBLIC_V4.iter().any(within)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let within = |(base, bits): &V6| {
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        (address.to_bits() ^ Ipv6Addr::from(*base).to_bits()) & mask == 0
    };
    if within(&NAT64) {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    within(&GLOBAL_V6) && !NOT_PUBLIC_V6.iter().any(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "
    1.1.1.1
    8.8.8.8
    9.255.255.255       the last before 10/8
    11.0.0.0            the first after it
    93.184.215.14
    100.63.255.255      the last before carriers' own
    100.128.0.0         the first after them
    126.255.255.255
    128.0.0.0
    169.253.255.255
    169.255.0.0
    172.15.255.255
    172.32.0.0
    192.167.255.255
    192.169.0.0
    198.17.255.255
    198.20.0.0
    168.63.129.15       a neighbour of Azure's host agent
    223.255.255.255
    2001:200::1         the first after the protocol assignments
    2001:4860:4860::8888
    2606:4700:4700::1111
    2a00:1450:4001::1
    64:ff9b::808:808    8.8.8.8 behind NAT64
    ";

    const NOT_PUBLIC: &str = "
    0.0.0.0             this host
    0.1.2.3
    10.0.0.1            private
    10.255.255.255
    100.64.0.1          carriers' own
    100.100.100.200     metadata of Alibaba
    100.127.255.255
    127.0.0.1           loopback
    127.255.255.254
    168.63.129.16       host agent of Azure
    169.254.169.254     metadata of AWS, Google, Azure
    169.254.170.2       credentials of ECS
    172.16.0.1
    172.31.255.255
    192.0.0.192         metadata of Oracle
    192.0.2.1           documentation
    192.88.99.1         anycast of 6to4
    192.168.0.1
    198.18.0.1          benchmarks
    198.19.255.255
    198.51.100.1
    203.0.113.1
    224.0.0.1           multicast
    239.255.255.255
    240.0.0.1           reserved
    255.255.255.255     broadcast
    ::                  unspecified
    ::1                 loopback
    ::7f00:1            IPv4-compatible loopback
    ::8.8.8.8           IPv4-compatible at all
    ::ffff:127.0.0.1    IPv4-mapped loopback
    ::ffff:10.0.0.1
    ::ffff:8.8.8.8      IPv4-mapped at all
    ::ffff:0:127.0.0.1  IPv4-translated
    64:ff9b::7f00:1     127.0.0.1 behind NAT64
    64:ff9b::a9fe:a9fe  metadata behind NAT64
    64:ff9b::a00:1      10.0.0.1 behind NAT64
    64:ff9b:1::808:808  NAT64 of one's own
    100::1              discard
    2001::1             Teredo
    2001:0:7f00:1::1    Teredo with a server of 127.0.0.1
    2001:10::1          ORCHID
    2001:20::1          ORCHID
    2001:db8::1         documentation
    2002:7f00:1::1      6to4 of 127.0.0.1
    2002:a9fe:a9fe::1   6to4 of metadata
    2002:808:808::1     6to4 at all
    3fff::1             documentation
    4000::1             given to nobody
    5f00::1             segment routing
    fc00::1             unique-local
    fd00:ec2::254       metadata of AWS
    fd20:ce::254        metadata of Google
    fe80::1             link-local
    fe80::a9fe:a9fe
    febf::1
    fec0::1             site-local
    ff02::1             multicast
    ";

    /// Each line: an address, and whose it is.
    fn listed(lines: &str) -> impl Iterator<Item = (IpAddr, &str)> {
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(|line| {
            let (address, whose) = line.split_once(' ').unwrap_or((line, ""));
            (address.parse().unwrap(), whose.trim())
        })
    }

    #[test]
    fn addresses_of_the_public_internet_may_be_asked() {
        for (address, whose) in listed(PUBLIC) {
            assert!(is_public(address), "{address} ({whose})");
        }
    }

    #[test]
    fn everything_else_may_not() {
        for (address, whose) in listed(NOT_PUBLIC) {
            assert!(!is_public(address), "{address} ({whose})");
        }
    }
}
