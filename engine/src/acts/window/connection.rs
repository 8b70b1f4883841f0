//! A connection to a display: one question after the other, bounded in time and in what is read. The
//! messages are those of `x11rb-protocol`; its own connections wait without end, and make room for as
//! much as the other side says it will send.

use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use x11rb_protocol::connect::Connect;
use x11rb_protocol::protocol::xproto::{GE_GENERIC_EVENT, GetInputFocusRequest, Setup};
use x11rb_protocol::x11_utils::{ReplyRequest, TryParse, VoidRequest};

use super::authority::Key;

/// The most bytes of one message: all children of a window fit.
const MAX_MESSAGE: usize = 512 * 1024;

/// The most bytes of all that is read on one connection.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of every message but for what it says comes behind them.
const HEAD: usize = 32;

/// First bytes of messages.
const ERROR: u8 = 0;
const REPLY: u8 = 1;

/// Why a display is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum DisplayError {
    /// Nobody is there.
    #[error("the display cannot be reached")]
    Unreachable,
    /// It has no place for another connection just now.
    #[error("the display takes no further connection now")]
    Busy,
    /// Its key is another one, or it takes one and none was given.
    #[error("the display refuses the engine")]
    Refused,
    /// It takes longer than there is time.
    #[error("the display does not answer in time")]
    TooSlow,
    /// What comes is nothing a display says, or too much of it.
    #[error("the display's answer makes no sense")]
    Nonsense,
    /// It went away.
    #[error("the display closed the connection")]
    Closed,
}

type Result<T> = std::result::Result<T, DisplayError>;

/// A connection.
#[derive(Debug)]
pub(super) struct Display {
    socket: OwnedFd,
    until: Instant,
    /// Bytes that may still be read.
    left: usize,
    /// The number of the last request, as far as messages tell it.
    sequence: u16,
    /// The last request that failed and had no answer to come.
    failed: Option<u16>,
}

impl Display {
    /// Connects to a display; everything on this connection is to be over in so much time.
    pub(super) fn connect(path: &Path, key: Key, time: Duration) -> Result<(Self, Setup)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None);
        let socket = socket.map_err(|_| DisplayError::Unreachable)?;
        let address = SocketAddrUnix::new(path).map_err(|_| DisplayError::Unreachable)?;
        rustix::net::connect(&socket, &address).map_err(|error| match error {
            rustix::io::Errno::AGAIN => DisplayError::Busy,
            _ => DisplayError::Unreachable,
        })?;
        let mut display = Self {
            socket,
            until: Instant::now() + time,
            left: MAX_BYTES,
            sequence: 0,
            failed: None,
        };
        let (mut connect, request) = Connect::with_authorization(key.0, key.1);
        display.send(&request)?;
        loop {
            // It says itself how much it sends, 256 KiB at most.
            let part = connect.buffer().len();
            display.fill(connect.buffer())?;
            if connect.advance(part) {
                break;
            }
            if connect.buffer().is_empty() {
                return Err(DisplayError::Nonsense);
            }
        }
        use x11rb_protocol::errors::ConnectError;
        let setup = connect.into_setup().map_err(|error| match error {
            ConnectError::SetupFailed(_) | ConnectError::SetupAuthenticate(_) => {
                DisplayError::Refused
            }
            _ => DisplayError::Nonsense,
        })?;
        Ok((display, setup))
    }

    /// Asks something; `None` where the display says it is an error, as for a window that is gone.
    pub(super) fn ask<R: ReplyRequest>(&mut self, request: R) -> Result<Option<R::Reply>> {
        let (bytes, _) = request.serialize(0);
        self.send(&bytes)?;
        self.sequence = self.sequence.wrapping_add(1);
        loop {
            let message = self.message()?;
            let of = u16::from_ne_bytes([message[2], message[3]]);
            match message[0] {
                ERROR if of == self.sequence => return Ok(None),
                ERROR => self.failed = Some(of),
                REPLY if of == self.sequence => {
                    let reply = R::Reply::try_parse(&message);
                    return reply
                        .map(|(reply, _)| Some(reply))
                        .map_err(|_| DisplayError::Nonsense);
                }
                REPLY => return Err(DisplayError::Nonsense),
                // What happens on the display is not asked for.
                _ => {}
            }
        }
    }

    /// Has something done; whether the display took it.
    pub(super) fn tell<R: VoidRequest>(&mut self, request: R) -> Result<bool> {
        let (bytes, _) = request.serialize(0);
        self.send(&bytes)?;
        self.sequence = self.sequence.wrapping_add(1);
        let told = self.sequence;
        self.failed = None;
        // An answer to anything comes after an error of what was before.
        self.ask(GetInputFocusRequest)?;
        Ok(self.failed != Some(told))
    }

    fn message(&mut self) -> Result<Vec<u8>> {
        let mut message = vec![0; HEAD];
        self.fill(&mut message)?;
        let kind = message[0] & 0x7f;
        if message[0] == REPLY || kind == GE_GENERIC_EVENT {
            let length = [message[4], message[5], message[6], message[7]];
            let length = usize::try_from(u32::from_ne_bytes(length)).unwrap_or(usize::MAX);
            let length = length.saturating_mul(4);
            if length > MAX_MESSAGE {
                return Err(DisplayError::Nonsense);
            }
            message.resize(HEAD + length, 0);
            self.fill(&mut message[HEAD..])?;
        }
        Ok(message)
    }

    fn fill(&mut self, mut buffer: &mut [u8]) -> Result<()> {
        self.left = (self.left.checked_sub(buffer.len())).ok_or(DisplayError::Nonsense)?;
        while !buffer.is_empty() {
            match rustix::net::recv(&self.socket, &mut *buffer, RecvFlags::empty()) {
                Ok((_, 0)) => return Err(DisplayError::Closed),
                Ok((_, read)) => buffer = &mut buffer[read..],
                Err(error) => self.again(error, PollFlags::IN)?,
            }
            self.time()?;
        }
        Ok(())
    }

    fn send(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) => self.again(error, PollFlags::OUT)?,
            }
        }
        Ok(())
    }

    /// Waits until it can go on, where that was all that was the matter.
    fn again(&self, error: rustix::io::Errno, what: PollFlags) -> Result<()> {
        match error.kind() {
            ErrorKind::Interrupted => Ok(()),
            ErrorKind::WouldBlock => {
                let left = Timespec::try_from(self.time()?).map_err(|_| DisplayError::TooSlow)?;
                let mut polled = [PollFd::new(&self.socket, what)];
                match rustix::event::poll(&mut polled, Some(&left)) {
                    Ok(0) => Err(DisplayError::TooSlow),
                    Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
                    Err(_) => Err(DisplayError::Closed),
                }
            }
            _ => Err(DisplayError::Closed),
        }
    }

    /// How much is left.
    fn time(&self) -> Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(DisplayError::TooSlow),
            false => Ok(left),
        }
    }
}
