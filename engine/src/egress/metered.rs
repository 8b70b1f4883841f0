//! Streams for plain HTTP: one that begins with what was read already, and one that is counted.

use std::io;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep};

use super::account::{Account, Way};
use super::counters::{Tally, add};
use super::plugin::{Plugin, Purpose};

/// A plugin's connection, of which some bytes were read already. Counts what goes through it.
pub(super) struct Prefixed {
    prefix: Vec<u8>,
    read: usize,
    stream: UnixStream,
    moved: Arc<AtomicU64>,
}

impl Prefixed {
    pub(super) fn new(prefix: Vec<u8>, stream: UnixStream, moved: Arc<AtomicU64>) -> Self {
        Self {
            prefix,
            read: 0,
            stream,
            moved,
        }
    }
}

impl AsyncRead for Prefixed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = &self.prefix[self.read..];
        if left.is_empty() {
            let before = buffer.filled().len();
            let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
            add(&self.moved, (buffer.filled().len() - before) as u64);
            return polled;
        }
        let length = left.len().min(buffer.remaining());
        buffer.put_slice(&left[..length]);
        self.read += length;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Prefixed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = &polled {
            add(&self.moved, *written as u64);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A connection to a server, held to what its plugin may move.
pub(super) struct Metered {
    stream: TcpStream,
    account: Arc<Account>,
    tally: Arc<Tally>,
    moved: Arc<AtomicU64>,
    used_up: Arc<OnceLock<Way>>,
    /// Until then nothing more is read, and nothing more is written.
    pauses: [Option<Pin<Box<Sleep>>>; 2],
}

impl Metered {
    pub(super) fn new(
        stream: TcpStream,
        plugin: &Plugin,
        tally: Arc<Tally>,
        moved: Arc<AtomicU64>,
    ) -> Self {
        Self {
            stream,
            account: Arc::clone(&plugin.account),
            tally,
            moved,
            used_up: Arc::default(),
            pauses: [None, None],
        }
    }

    /// Says which way nothing more may go, once that is so.
    pub(super) fn used_up(&self) -> Arc<OnceLock<Way>> {
        Arc::clone(&self.used_up)
    }

    fn waits(&mut self, way: Way, context: &mut Context<'_>) -> Poll<()> {
        let pause = &mut self.pauses[way as usize];
        if let Some(sleep) = pause {
            ready!(sleep.as_mut().poll(context));
            *pause = None;
        }
        Poll::Ready(())
    }

    fn count(&mut self, way: Way, bytes: usize) {
        let bytes = bytes as u64;
        let counter = match way {
            Way::Sent => &self.tally.sent,
            Way::Received => &self.tally.received,
        };
        add(counter, bytes);
        add(&self.moved, bytes);
        let wait = self.account.moved(way, bytes, Instant::now());
        self.pauses[way as usize] = wait.map(|wait| Box::pin(sleep(wait)));
    }

    fn refuse(&self, way: Way) -> io::Error {
        self.used_up.get_or_init(|| way);
        io::ErrorKind::QuotaExceeded.into()
    }
}

/// Tells that a connection used up what its plugin may move, at its end, however that comes: whoever
/// serves it is dropped where the plugin hangs up.
pub(super) struct Tells<P: Send + 'static> {
    plugin: Plugin,
    purpose: Purpose,
    used_up: Arc<OnceLock<Way>>,
    /// Its place, which is taken until it was told: no more wait to tell than may be open.
    place: Option<P>,
}

impl<P: Send + 'static> Tells<P> {
    pub(super) fn new(
        plugin: &Plugin,
        purpose: &Purpose,
        used_up: Arc<OnceLock<Way>>,
        place: P,
    ) -> Self {
        Self {
            plugin: plugin.clone(),
            purpose: purpose.clone(),
            used_up,
            place: Some(place),
        }
    }
}

impl<P: Send + 'static> Drop for Tells<P> {
    fn drop(&mut self) {
        // Without a runtime the engine is going, and nobody hears it.
        if let (Some(way), Ok(runtime)) = (self.used_up.get(), Handle::try_current()) {
            let (plugin, purpose) = (self.plugin.clone(), self.purpose.clone());
            let refusal = plugin.used_up(&purpose, *way);
            let place = self.place.take();
            runtime.spawn(async move {
                plugin.refuse(Some(&purpose), refusal).await;
                drop(place);
            });
        }
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.waits(Way::Received, context));
        let room = self.account.room(Way::Received);
        // One byte where there is no room tells what goes beyond it from the end.
        let most = usize::try_from(room).unwrap_or(usize::MAX).max(1);
        let read = if most < buffer.remaining() {
            let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
            let read = part.filled().len();
            buffer.advance(read);
            read
        } else {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            buffer.filled().len() - before
        };
        self.count(Way::Received, read);
        if read as u64 > room {
            return Poll::Ready(Err(self.refuse(Way::Received)));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.waits(Way::Sent, context));
        let room = usize::try_from(self.account.room(Way::Sent)).unwrap_or(usize::MAX);
        if room == 0 {
            return Poll::Ready(Err(self.refuse(Way::Sent)));
        }
        let bytes = &bytes[..bytes.len().min(room)];
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.count(Way::Sent, written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::rules::Limits;
    use super::*;

    #[tokio::test]
    async fn what_is_received_is_counted_and_no_more_of_it_than_may_be() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap());
        let (stream, accepted) = tokio::join!(stream, listener.accept());
        let mut server = accepted.unwrap().0;
        let limits = Limits {
            connections: 1,
            connects: 1,
            sent: 0,
            received: 100,
            bandwidth: 1 << 20,
        };
        let tally = Arc::new(Tally::default());
        let mut metered = Metered {
            stream: stream.unwrap(),
            account: Arc::new(Account::new(limits, Instant::now())),
            tally: Arc::clone(&tally),
            moved: Arc::default(),
            used_up: Arc::default(),
            pauses: [None, None],
        };
        server.write_all(&[1; 1000]).await.unwrap();
        let mut bytes = [0; 1000];
        assert_eq!(metered.read(&mut bytes).await.unwrap(), 100);
        let error = metered.read(&mut bytes).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
        assert_eq!(tally.received.load(Ordering::Relaxed), 101);
        assert_eq!(metered.used_up().get(), Some(&Way::Received));
    }
}
