//! Addresses of this host itself: whoever connects to one reaches what listens here, whatever kind
//! of address it is to others.
//!
//! The kernel is asked at each connect where it would send to (rtnetlink(7), `RTM_GETROUTE`). So an
//! address that came a moment ago counts, an interface's second one, and a network that is routed to
//! this host as a whole.

use std::io::{Error, ErrorKind};
use std::net::IpAddr;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use super::class::{Class, class, inside};

/// The longest answer that is read, in bytes; they have some hundred.
const ANSWER_BYTES: usize = 4096;

/// What the kernel says where it has no way to an address, or one that only refuses: nobody is
/// reached there.
const NO_WAY: [i32; 6] = [
    libc::ENETUNREACH,
    libc::EHOSTUNREACH,
    libc::EACCES,
    libc::EINVAL,
    libc::EAFNOSUPPORT,
    libc::EOPNOTSUPP,
];

/// The kind of an address as it is from this host.
///
/// # Errors
/// The kernel does not say whose it is: then it is of no kind that anything could grant.
pub(super) fn class_here(address: IpAddr) -> std::io::Result<Class> {
    class_by(address, is_own)
}

fn class_by(
    address: IpAddr,
    is_own: impl Fn(IpAddr) -> std::io::Result<bool>,
) -> std::io::Result<Class> {
    Ok(match class(address) {
        found @ (Class::Public | Class::Private | Class::LinkLocal) => {
            let carried = match address {
                IpAddr::V4(_) => [None; 2],
                IpAddr::V6(address) => inside(address),
            };
            let carried = carried.into_iter().flatten().map(IpAddr::V4);
            let mut kind = found;
            for address in std::iter::once(address).chain(carried) {
                if is_own(address)? {
                    kind = Class::Loopback;
                }
            }
            kind
        }
        found => found,
    })
}

fn is_own(address: IpAddr) -> std::io::Result<bool> {
    let (family, bits, destination) = match address {
        IpAddr::V4(address) => (AddressFamily::Inet, 32, RouteAddress::Inet(address)),
        IpAddr::V6(address) => (AddressFamily::Inet6, 128, RouteAddress::Inet6(address)),
    };
    let mut route = RouteMessage::default();
    route.header.address_family = family;
    route.header.destination_prefix_length = bits;
    route
        .attributes
        .push(RouteAttribute::Destination(destination));
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST;
    let mut request = NetlinkMessage::new(header, RouteNetlinkMessage::GetRoute(route).into());
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);

    let socket = Socket::new(NETLINK_ROUTE)?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.send(&bytes, 0)?;
    let mut answer = Vec::with_capacity(ANSWER_BYTES);
    // It is there when the request has gone.
    socket.recv(&mut answer, libc::MSG_DONTWAIT)?;
    let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer);
    match answer.map_err(Error::other)?.payload {
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route)) => Ok(matches!(
            route.header.kind,
            RouteType::Local | RouteType::Anycast
        )),
        NetlinkPayload::Error(error) => match error.to_io().raw_os_error() {
            Some(code) if NO_WAY.contains(&code) => Ok(false),
            _ => Err(error.to_io()),
        },
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_delivers_here_is_this_hosts_own() {
        for own in ["127.0.0.1", "127.3.4.5"] {
            assert!(is_own(own.parse().unwrap()).unwrap(), "{own}");
        }
        for other in ["8.8.8.8", "2606:4700:4700::1111", "224.0.0.1"] {
            assert!(!is_own(other.parse().unwrap()).unwrap(), "{other}");
        }
    }

    #[test]
    fn what_a_policy_never_grants_stays_what_it_is() {
        for (address, class) in [
            ("0.0.0.0", Class::Reserved),
            ("169.254.169.254", Class::Metadata),
            ("127.0.0.1", Class::Loopback),
            ("8.8.8.8", Class::Public),
            ("::ffff:8.8.8.8", Class::Public),
        ] {
            let here = class_here(address.parse().unwrap()).unwrap();
            assert_eq!(here, class, "{address}");
        }
    }

    #[test]
    fn an_address_of_which_the_kernel_says_nothing_is_of_no_kind() {
        let silent = |_| Err(ErrorKind::OutOfMemory.into());
        for address in ["8.8.8.8", "10.0.0.1", "fe80::1"] {
            assert!(
                class_by(address.parse().unwrap(), silent).is_err(),
                "{address}"
            );
        }
        let known = class_by("127.0.0.1".parse().unwrap(), silent);
        assert_eq!(known.unwrap(), Class::Loopback);
    }

    #[test]
    fn what_is_carried_inside_of_an_address_is_this_hosts_own_as_well() {
        let inner: IpAddr = "8.8.8.8".parse().unwrap();
        let own = |address| Ok(address == inner);
        let found = class_by("::ffff:8.8.8.8".parse().unwrap(), own);
        assert_eq!(found.unwrap(), Class::Loopback);
    }
}
