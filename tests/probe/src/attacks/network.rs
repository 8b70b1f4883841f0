//! Reaching somebody: every ask makes its socket by hand.

use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use libc::{AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, c_long};
use serde_json::Value;

use super::{At, Tried, first_bytes, owned, pointer, told};
use crate::Ask;
use crate::answer::{number, text};
use crate::calls::raw;

pub(crate) const ASKS: &[Ask] = &[
    ("dial", |arguments| told(dial(arguments))),
    ("ask_by_datagram", |arguments| {
        told(ask_by_datagram(arguments))
    }),
    ("offer", |arguments| told(offer(arguments))),
    ("new_socket", |arguments| told(new_socket(arguments))),
    ("set_link_up", |_| told(set_link_up())),
    ("send_nothing", |_| told(send_nothing())),
];

/// An address as the kernel takes it (ip(7), ipv6(7), unix(7)), and its family.
fn address(text: &str) -> io::Result<(i32, Vec<u8>)> {
    let (family, rest) = if let Some(name) = text.strip_prefix("unix:") {
        (AF_UNIX, [name.as_bytes(), &[0]].concat())
    } else if let Some(name) = text.strip_prefix("abstract:") {
        (AF_UNIX, abstract_name(name))
    } else {
        let address: SocketAddr = text.parse().map_err(io::Error::other)?;
        let port = address.port().to_be_bytes();
        match address.ip() {
            IpAddr::V4(ip) => (AF_INET, [&port[..], &ip.octets(), &[0; 8]].concat()),
            IpAddr::V6(ip) => {
                let bytes = [&port[..], &[0; 4], &ip.octets(), &[0; 4]].concat();
                (AF_INET6, bytes)
            }
        }
    };
    let number = u16::try_from(family).map_err(io::Error::other)?;
    Ok((family, [&number.to_ne_bytes()[..], &rest].concat()))
}

/// A name that no file has.
fn abstract_name(name: &str) -> Vec<u8> {
    [&[0], name.as_bytes()].concat()
}

fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    let numbers = [family, kind, protocol, 0, 0, 0].map(c_long::from);
    owned(raw(libc::SYS_socket, numbers)?)
}

/// A call on a socket that takes an address.
fn at_address(call: c_long, socket: &OwnedFd, address: &[u8]) -> io::Result<i64> {
    let length = address.len() as c_long;
    let arguments = [socket.as_raw_fd().into(), pointer(address), length, 0, 0, 0];
    raw(call, arguments)
}

/// Connects, and reads what the other side says first.
fn dial(arguments: &Value) -> Tried {
    let (family, to) = address(text(arguments, "to")).at("address")?;
    let socket = socket(family, SOCK_STREAM, 0).at("socket")?;
    at_address(libc::SYS_connect, &socket, &to).at("connect")?;
    first_bytes(File::from(socket)).at("read")
}

/// Sends a datagram, as a question to a name server is one, and reads the answer.
fn ask_by_datagram(arguments: &Value) -> Tried {
    let (family, to) = address(text(arguments, "to")).at("address")?;
    let socket = socket(family, SOCK_DGRAM, 0).at("socket")?;
    at_address(libc::SYS_connect, &socket, &to).at("connect")?;
    let question = b"who is there?";
    let length = question.len() as c_long;
    let send = [
        socket.as_raw_fd().into(),
        pointer(question),
        length,
        0,
        0,
        0,
    ];
    raw(libc::SYS_sendto, send).at("send")?;
    first_bytes(File::from(socket)).at("read")
}

/// Listens at an address of the host's.
fn offer(arguments: &Value) -> Tried {
    let (family, at) = address(text(arguments, "at")).at("address")?;
    let socket = socket(family, SOCK_STREAM, 0).at("socket")?;
    at_address(libc::SYS_bind, &socket, &at).at("bind")?;
    let listen = [socket.as_raw_fd().into(), 1, 0, 0, 0, 0];
    raw(libc::SYS_listen, listen).at("listen")?;
    Ok(Value::Null)
}

fn new_socket(arguments: &Value) -> Tried {
    let numbers = ["family", "kind", "protocol"].map(|key| number(arguments, key).cast_signed());
    let [family, kind, protocol] = numbers;
    raw(libc::SYS_socket, [family, kind, protocol, 0, 0, 0]).at("socket")?;
    Ok(Value::Null)
}

/// Sends no bytes on the socket it was given.
fn send_nothing() -> Tried {
    let send = [lazaret_protocol::CHANNEL_FD.into(), 0, 0, 0, 0, 0];
    raw(libc::SYS_sendto, send).map(Value::from).at("send")
}

/// Sets the first network device up by a message to the kernel (rtnetlink(7)).
pub(crate) fn set_link_up() -> Tried {
    let socket = socket(AF_NETLINK, SOCK_RAW, libc::NETLINK_ROUTE).at("socket")?;
    let mut message = Vec::new();
    // `struct nlmsghdr`: 32 bytes, RTM_NEWLINK, with an acknowledgement, sequence 1.
    message.extend(32_u32.to_ne_bytes());
    message.extend(libc::RTM_NEWLINK.to_ne_bytes());
    let flags = u16::try_from(libc::NLM_F_REQUEST | libc::NLM_F_ACK).unwrap_or(0);
    message.extend(flags.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    // `struct ifinfomsg`: any family, device 1, flag and mask IFF_UP.
    message.extend([0; 4]);
    message.extend(1_i32.to_ne_bytes());
    message.extend([libc::IFF_UP, libc::IFF_UP].map(i32::to_ne_bytes).concat());
    let send = [
        socket.as_raw_fd().into(),
        pointer(message.as_slice()),
        message.len() as c_long,
        0,
        0,
        0,
    ];
    raw(libc::SYS_sendto, send).at("send")?;
    let mut answer = [0_u8; 64];
    io::Read::read(&mut File::from(socket), &mut answer).at("read")?;
    // `struct nlmsgerr` follows the header: an error number, or 0.
    let error = i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]);
    if error == 0 {
        Ok(Value::Null)
    } else {
        Err(("answer", io::Error::from_raw_os_error(-error)))
    }
}
