//! Bytes from one socket to another, one way, counted.
//!
//! What is read is written before more is read: a peer that takes nothing stops the other one, and
//! costs one buffer and the sockets' own. They are copied: splice(2) moves the pages that they came
//! in, which are cold by then, and takes nearly twice as long.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use super::account::Way;
use super::counters::add;
use super::plugin::Plugin;

/// How often it moves bytes before others on the same thread get their turn.
const TURN: u32 = 8;

/// Why bytes go no more.
#[derive(Debug)]
pub(super) enum Stopped {
    /// No more may be moved in the plugin's life.
    UsedUp(Way),
    /// Whom they go to takes none.
    Unwritable,
    /// Whom they come from is gone.
    Broken,
}

impl From<io::Error> for Stopped {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

/// Moves all there is, and then ends the other's side as its own was ended.
pub(super) async fn relay(
    plugin: &Plugin,
    (from, to): (&impl Socket, &impl Socket),
    way: Way,
    counters: [&AtomicU64; 2],
) -> Result<(), Stopped> {
    let mut turn = TURN;
    loop {
        from.ready(Interest::READABLE).await?;
        let room = plugin.account.room(way);
        if room == 0 {
            match from.try_io(Interest::READABLE, || peek(from)) {
                Ok(0) => {}
                Ok(_) => return Err(Stopped::UsedUp(way)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            }
        }
        let mut buffer = plugin.buffers.take();
        let most = room.clamp(1, buffer.len() as u64) as usize;
        let read = || Ok(recv(from, &mut buffer[..most], RecvFlags::DONTWAIT)?.0);
        let bytes = match from.try_io(Interest::READABLE, read) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error.into()),
        };
        if bytes == 0 {
            rustix::net::shutdown(to, Shutdown::Write).map_err(|_| Stopped::Unwritable)?;
            return Ok(());
        }
        // At once: while these wait to be written, others see that there is less room.
        let wait = plugin.account.moved(way, bytes as u64, Instant::now());
        let mut left = &buffer[..bytes];
        while !left.is_empty() {
            to.ready(Interest::WRITABLE).await?;
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match to.try_io(Interest::WRITABLE, || Ok(send(to, left, flags)?)) {
                Ok(written) => {
                    left = &left[written..];
                    for counter in counters {
                        add(counter, written as u64);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Stopped::Unwritable),
            }
        }
        drop(buffer);
        if let Some(wait) = wait {
            tokio::time::sleep(wait).await;
        }
        turn -= 1;
        if turn == 0 {
            turn = TURN;
            tokio::task::yield_now().await;
        }
    }
}

/// Whether there is more, without taking it.
fn peek(from: &impl AsFd) -> io::Result<usize> {
    let mut byte = [0];
    let (there, _) = recv(from, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT)?;
    Ok(there)
}

/// A stream socket.
pub(super) trait Socket: AsFd + Sync {
    /// Waits until something can be tried.
    fn ready(&self, interest: Interest) -> impl Future<Output = io::Result<()>> + Send;

    /// Tries it.
    fn try_io(
        &self,
        interest: Interest,
        moves: impl FnOnce() -> io::Result<usize>,
    ) -> io::Result<usize>;
}

macro_rules! sockets {
    ($($stream:ty),*) => {$(
        impl Socket for $stream {
            async fn ready(&self, interest: Interest) -> io::Result<()> {
                self.ready(interest).await.map(drop)
            }

            fn try_io(
                &self,
                interest: Interest,
                moves: impl FnOnce() -> io::Result<usize>,
            ) -> io::Result<usize> {
                self.try_io(interest, moves)
            }
        }
    )*};
}

sockets!(UnixStream, TcpStream);
