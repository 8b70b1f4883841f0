//! Sockets.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use libc::{c_int, c_long};
use serde_json::Value;

use crate::Ask;
use crate::answer::{checked, of};

pub(crate) const ASKS: &[Ask] = &[
    ("socket_netlink", |_| {
        socket(libc::AF_NETLINK, libc::SOCK_RAW, 0)
    }),
    ("socket_packet", |_| {
        socket(libc::AF_PACKET, libc::SOCK_RAW, 0)
    }),
    ("socket_pair", |_| of(socket_pair())),
    ("socket_pair_inet", |_| of(socket_pair_of(libc::AF_INET))),
    ("socket_raw", |_| {
        socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)
    }),
    ("socket_tcp", |_| {
        socket(libc::AF_INET, libc::SOCK_STREAM, 0)
    }),
    ("socket_udp_6", |_| {
        socket(libc::AF_INET6, libc::SOCK_DGRAM, 0)
    }),
    ("socket_unix", |_| {
        socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)
    }),
    ("socket_vsock", |_| {
        socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0)
    }),
];

fn socket(family: c_int, kind: c_int, protocol: c_int) -> Value {
    #[expect(unsafe_code, reason = "a raw socket has no safe wrapper")]
    // SAFETY: takes three numbers and gives one.
    let result = unsafe { libc::socket(family, kind, protocol) };
    of(checked(c_long::from(result)))
}

/// A pair of connected sockets reaches nobody else; a byte goes through it and back.
fn socket_pair() -> std::io::Result<String> {
    let (mut one, mut other) = UnixStream::pair()?;
    one.write_all(b"x")?;
    let mut byte = [0];
    other.read_exact(&mut byte)?;
    Ok(char::from(byte[0]).to_string())
}

fn socket_pair_of(family: c_int) -> std::io::Result<i64> {
    let mut pair = [0; 2];
    #[expect(unsafe_code, reason = "only one family of pairs has a safe wrapper")]
    // SAFETY: writes two numbers to an array of two.
    let result = unsafe { libc::socketpair(family, libc::SOCK_STREAM, 0, pair.as_mut_ptr()) };
    checked(c_long::from(result))
}
