//! What kind of address a name led to: which ones a policy must name before they are reached.
//!
//! An address may carry another one inside: mapped, translated, tunnelled. Whoever connects to it
//! ends up at the one inside, so that is the one that is judged.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lazaret_policy::AddressClass;

/// A kind of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Anybody's on the internet.
    Public,
    /// Of a local network: RFC 1918, RFC 6598, unique local and site-local addresses.
    Private,
    /// This host, by whichever of its addresses.
    Loopback,
    /// Of the link alone: RFC 3927, `fe80::/10`.
    LinkLocal,
    /// A group.
    Multicast,
    /// Where clouds hand out a machine's credentials.
    Metadata,
    /// Nobody's: unspecified, broadcast, reserved, for documentation and benchmarks. Never
    /// reached, whatever a policy says.
    Reserved,
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Classes(u8);

impl Classes {
    /// None.
    pub const NONE: Self = Self(0);

    /// What an endpoint reaches that names none.
    pub const PUBLIC: Self = Self(1 << Class::Public as u8);

    /// With one more; the reserved are in no set.
    #[must_use]
    pub const fn with(self, class: Class) -> Self {
        match class {
            Class::Reserved => self,
            class => Self(self.0 | 1 << class as u8),
        }
    }

    /// What is in either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it is in.
    #[must_use]
    pub const fn has(self, class: Class) -> bool {
        self.0 & (1 << class as u8) != 0
    }
}

impl FromIterator<Class> for Classes {
    fn from_iter<T: IntoIterator<Item = Class>>(classes: T) -> Self {
        classes.into_iter().fold(Self::default(), Self::with)
    }
}

impl From<AddressClass> for Class {
    fn from(class: AddressClass) -> Self {
        match class {
            AddressClass::Public => Self::Public,
            AddressClass::Private => Self::Private,
            AddressClass::Loopback => Self::Loopback,
            AddressClass::LinkLocal => Self::LinkLocal,
            AddressClass::Multicast => Self::Multicast,
            AddressClass::Metadata => Self::Metadata,
        }
    }
}

impl fmt::Display for Class {
    /// As in a policy.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link_local",
            Self::Multicast => "multicast",
            Self::Metadata => "metadata",
            Self::Reserved => "reserved",
        })
    }
}

/// Where clouds answer a machine's questions about itself: AWS, Azure, Google and most others;
/// its containers (ECS, EKS); its time; Alibaba; Oracle; Azure's host; Tencent; Scaleway.
const METADATA_V4: [Ipv4Addr; 9] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(169, 254, 169, 123),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(169, 254, 0, 23),
    Ipv4Addr::new(169, 254, 42, 42),
];

/// Likewise: AWS, its containers, its time; Google; Scaleway.
const METADATA_V6: [Ipv6Addr; 5] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x123),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
];

/// The kind of an address, of what it is anywhere: which addresses a host has is not told by them.
#[must_use]
pub fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

/// By the registry of special purpose addresses (RFC 6890 and its updates).
fn class_v4(address: Ipv4Addr) -> Class {
    let within = |network: [u8; 4], bits: u32| {
        let network = Ipv4Addr::from(network).to_bits();
        (address.to_bits() ^ network) >> (32 - bits) == 0
    };
    if METADATA_V4.contains(&address) {
        return Class::Metadata;
    }
    let known = [
        ([0, 0, 0, 0], 8, Class::Reserved),
        ([10, 0, 0, 0], 8, Class::Private),
        ([100, 64, 0, 0], 10, Class::Private),
        ([127, 0, 0, 0], 8, Class::Loopback),
        ([169, 254, 0, 0], 16, Class::LinkLocal),
        ([172, 16, 0, 0], 12, Class::Private),
        ([192, 0, 0, 0], 24, Class::Reserved),
        ([192, 0, 2, 0], 24, Class::Reserved),
        ([192, 31, 196, 0], 24, Class::Reserved),
        ([192, 52, 193, 0], 24, Class::Reserved),
        ([192, 88, 99, 0], 24, Class::Reserved),
        ([192, 168, 0, 0], 16, Class::Private),
        ([192, 175, 48, 0], 24, Class::Reserved),
        ([198, 18, 0, 0], 15, Class::Reserved),
        ([198, 51, 100, 0], 24, Class::Reserved),
        ([203, 0, 113, 0], 24, Class::Reserved),
        ([224, 0, 0, 0], 4, Class::Multicast),
        ([240, 0, 0, 0], 4, Class::Reserved),
    ];
    let found = known
        .into_iter()
        .find(|(network, bits, _)| within(*network, *bits));
    found.map_or(Class::Public, |(_, _, class)| class)
}

fn class_v6(address: Ipv6Addr) -> Class {
    if METADATA_V6.contains(&address) {
        return Class::Metadata;
    }
    if address.is_unspecified() {
        return Class::Reserved;
    }
    if address.is_loopback() {
        return Class::Loopback;
    }
    let carried = inside(address).into_iter().flatten().map(class_v4).max();
    match (carried, address.segments()) {
        // What carries it is behind whatever prefix.
        (Some(carried), [.., 0x5efe, _, _]) => carried.max(class_v6_by_prefix(address)),
        (Some(carried), _) => carried,
        (None, _) => class_v6_by_prefix(address),
    }
}

/// The addresses that an address of the sixth version carries inside it.
pub(super) fn inside(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let parts = address.segments();
    let at = |at: usize| {
        let bits = u32::from(parts[at]) << 16 | u32::from(parts[at + 1]);
        Ipv4Addr::from_bits(bits)
    };
    match parts {
        // None, and this host.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => [None; 2],
        // Compatible, mapped, translated (RFC 4291, RFC 2765), by NAT64 (RFC 6052). NAT64 with a
        // prefix of the network's own is reserved: the address may stand anywhere in it.
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _]
        | [0, 0, 0, 0, 0xffff, 0, _, _]
        | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => [Some(at(6)), None],
        // 6to4 (RFC 3056).
        [0x2002, ..] => [Some(at(1)), None],
        // Teredo (RFC 4380): its server, and its client with every bit the other way.
        [0x2001, 0, ..] => [Some(at(2)), Some(Ipv4Addr::from_bits(!at(6).to_bits()))],
        // ISATAP (RFC 5214).
        [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => [Some(at(6)), None],
        _ => [None; 2],
    }
}

fn class_v6_by_prefix(address: Ipv6Addr) -> Class {
    let within = |network: [u16; 3], bits: u32| {
        let [first, second, third] = network;
        let network = Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0).to_bits();
        (address.to_bits() ^ network) >> (128 - bits) == 0
    };
    let known = [
        ([0xfc00, 0, 0], 7, Class::Private),
        ([0xfec0, 0, 0], 10, Class::Private),
        ([0xfe80, 0, 0], 10, Class::LinkLocal),
        ([0xff00, 0, 0], 8, Class::Multicast),
        // Special purposes (RFC 2928), among them benchmarks and ORCHID; documentation.
        ([0x2001, 0, 0], 23, Class::Reserved),
        ([0x2001, 0xdb8, 0], 32, Class::Reserved),
        ([0x2620, 0x4f, 0x8000], 48, Class::Reserved),
        ([0x3fff, 0, 0], 20, Class::Reserved),
        // All that is given out; nothing else is.
        ([0x2000, 0, 0], 3, Class::Public),
    ];
    let found = known
        .into_iter()
        .find(|(network, bits, _)| within(*network, *bits));
    found.map_or(Class::Reserved, |(_, _, class)| class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_of_its_class() {
        let cases: [(Class, &[&str]); 7] = [
            (
                Class::Public,
                &[
                    "1.1.1.1",
                    "8.8.8.8",
                    "9.255.255.255",
                    "11.0.0.0",
                    "100.63.255.255",
                    "100.128.0.0",
                    "126.255.255.255",
                    "128.0.0.0",
                    "169.253.255.255",
                    "172.15.255.255",
                    "172.32.0.0",
                    "192.167.255.255",
                    "192.169.0.0",
                    "198.17.255.255",
                    "198.20.0.0",
                    "223.255.255.255",
                    "2606:4700:4700::1111",
                    "2a00:1450::1",
                    "::ffff:1.1.1.1",
                    "64:ff9b::808:808",
                    "2002:0101:0101::1",
                ],
            ),
            (
                Class::Private,
                &[
                    "10.0.0.0",
                    "10.255.255.255",
                    "100.64.0.0",
                    "100.127.255.255",
                    "172.16.0.1",
                    "172.31.255.255",
                    "192.168.0.1",
                    "fc00::1",
                    "fdff::1",
                    "fec0::1",
                    "::ffff:10.0.0.1",
                    "::10.0.0.1",
                    "::ffff:0:192.168.1.1",
                    "64:ff9b::10.1.2.3",
                    "2002:0a00:0001::1",
                    "2606::5efe:10.0.0.1",
                ],
            ),
            (
                Class::Loopback,
                &[
                    "127.0.0.1",
                    "127.255.255.254",
                    "::1",
                    "::ffff:127.0.0.1",
                    "::7f00:1",
                    "64:ff9b::7f00:1",
                    "2002:7f00:1::",
                    // The client is 127.0.0.1, the server anybody.
                    "2001:0:101:101::80ff:fffe",
                    "2606::200:5efe:127.0.0.1",
                ],
            ),
            (
                Class::LinkLocal,
                &["169.254.1.1", "fe80::1", "febf::1", "::ffff:169.254.1.1"],
            ),
            (
                Class::Multicast,
                &[
                    "224.0.0.1",
                    "239.255.255.255",
                    "ff02::1",
                    "::ffff:224.0.0.1",
                ],
            ),
            (
                Class::Metadata,
                &[
                    "169.254.169.254",
                    "169.254.170.2",
                    "100.100.100.200",
                    "168.63.129.16",
                    "fd00:ec2::254",
                    "::ffff:169.254.169.254",
                    "::169.254.169.254",
                    "64:ff9b::a9fe:a9fe",
                    "2002:a9fe:a9fe::",
                ],
            ),
            (
                Class::Reserved,
                &[
                    "0.0.0.0",
                    "0.1.2.3",
                    "192.0.0.1",
                    "192.0.2.1",
                    "198.18.0.1",
                    "198.19.255.255",
                    "198.51.100.1",
                    "203.0.113.1",
                    "240.0.0.1",
                    "255.255.255.255",
                    "::",
                    "::ffff:0.0.0.0",
                    "100::1",
                    "2001:db8::1",
                    "2001:2::1",
                    "2001:20::1",
                    "3fff::1",
                    "4000::1",
                    "5f00::1",
                    "64:ff9b:1::1",
                    "2002:0:0::1",
                ],
            ),
        ];
        for (expected, addresses) in cases {
            for address in addresses {
                let found = class(address.parse().unwrap());
                assert_eq!(found, expected, "{address}");
            }
        }
    }

    #[test]
    fn what_is_reserved_is_in_no_set() {
        let all = Classes::PUBLIC
            .with(Class::Private)
            .with(Class::Loopback)
            .with(Class::LinkLocal)
            .with(Class::Multicast)
            .with(Class::Metadata)
            .with(Class::Reserved);
        assert!(!all.has(Class::Reserved));
        assert!(all.has(Class::Metadata) && all.has(Class::Public));
        assert!(!Classes::PUBLIC.has(Class::Loopback));
    }

    proptest::proptest! {
        #[test]
        fn an_address_inside_another_is_never_more_open_than_it_is_itself(bits: u32) {
            let inside = Ipv4Addr::from_bits(bits);
            let [a, b] = [(bits >> 16) as u16, bits as u16];
            for outer in [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, a, b),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, a, b),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a, b),
                Ipv6Addr::new(0x2002, a, b, 0, 0, 0, 0, 0),
            ] {
                proptest::prop_assert_eq!(class(outer.into()), class(inside.into()));
            }
            let teredo = Ipv6Addr::new(0x2001, 0, 0x101, 0x101, 0, 0, !a, !b);
            proptest::prop_assert_eq!(class(teredo.into()), class(inside.into()));
        }
    }
}
