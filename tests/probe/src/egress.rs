//! The engine's egress broker: the one kind of socket there is, and raw bytes to it.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use lazaret_protocol::EGRESS_SOCKET_PATH;

use crate::Ask;
use crate::answer::{checked, of, text};

/// The most that is read of an answer.
const MOST: usize = 64 * 1024;

pub(crate) const ASKS: &[Ask] = &[
    ("egress", |arguments| of(egress(text(arguments, "say")))),
    ("egress_socket", |_| {
        of(std::fs::symlink_metadata(EGRESS_SOCKET_PATH).map(|_| "there"))
    }),
];

/// Connects as the shim does, says this, ends sending, and gives all that is answered.
fn egress(say: &str) -> io::Result<String> {
    let mut stream = UnixStream::from(connected()?);
    let mut rest = say.as_bytes();
    while !rest.is_empty() {
        match stream.write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait(&stream, libc::POLLOUT)?,
            // It may have heard enough.
            Err(_) => break,
        }
    }
    stream.shutdown(std::net::Shutdown::Write).ok();
    let mut answer = Vec::new();
    let mut bytes = [0; 4096];
    while answer.len() < MOST {
        match stream.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&bytes[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait(&stream, libc::POLLIN)?,
            Err(error) => return Err(error),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn connected() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    #[expect(unsafe_code, reason = "no safe wrapper makes it in one call")]
    // SAFETY: takes three numbers and gives one.
    let made = unsafe { libc::socket(libc::AF_UNIX, kind, 0) };
    checked(made.into())?;
    #[expect(unsafe_code, reason = "the descriptor arrives as a number")]
    // SAFETY: it was made just now, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(made) };
    let mut address = [0_u8; 110];
    address[..2].copy_from_slice(&(libc::AF_UNIX as u16).to_ne_bytes());
    address[2..2 + EGRESS_SOCKET_PATH.len()].copy_from_slice(EGRESS_SOCKET_PATH.as_bytes());
    let length = (2 + EGRESS_SOCKET_PATH.len() + 1) as libc::socklen_t;
    #[expect(unsafe_code, reason = "an address by hand")]
    // SAFETY: the kernel reads so many bytes of an array that is longer.
    let result = unsafe { libc::connect(socket.as_raw_fd(), address.as_ptr().cast(), length) };
    checked(result.into())?;
    Ok(socket)
}

fn wait(stream: &UnixStream, events: libc::c_short) -> io::Result<()> {
    let mut polled = libc::pollfd {
        fd: stream.as_raw_fd(),
        events,
        revents: 0,
    };
    #[expect(unsafe_code, reason = "no crate for one call")]
    // SAFETY: one entry, which outlives the call.
    let result = unsafe { libc::poll(&raw mut polled, 1, -1) };
    checked(result.into()).map(drop)
}
