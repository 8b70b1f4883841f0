//! What bytes are moved through: large buffers, used again while they are still in the processor's
//! caches.
//!
//! Who waits for a peer that takes nothing holds one. Of a plugin's a few are large, so that all it
//! can open costs little. Likewise a plugin's sockets: two may hold much that it has not read.

use std::ops::{Deref, DerefMut};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::net::sockopt::{set_socket_send_buffer_size, set_socket_send_buffer_size_force};

/// How many bytes a large one holds.
const LARGE_BYTES: usize = 256 * 1024;

/// How many bytes any other one holds.
const SMALL_BYTES: usize = 16 * 1024;

/// The most large ones that a plugin has at a time.
const LARGE: usize = 8;

/// How many large ones are kept for whoever is next.
const KEPT: usize = 16;

/// How many bytes the kernel keeps for a plugin that has not read them, where the socket is a wide
/// one: with the usual 208 KiB the broker and the plugin wake each other for every read, and half of
/// the bytes a second are lost (`benches/egress`).
const WIDE_BYTES: usize = 2 * 1024 * 1024;

/// The most wide sockets that a plugin has at a time.
const WIDE: usize = 2;

/// Large ones that nobody uses, for all plugins.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Box<[u8]>>>);

/// Those of one plugin.
#[derive(Debug)]
pub(super) struct Pool {
    all: Arc<Buffers>,
    large: AtomicUsize,
    wide: AtomicUsize,
}

/// A socket is a wide one as long as this is there.
#[derive(Debug)]
pub(super) struct Wide<'a>(&'a Pool);

/// One of them, as long as it is used.
#[derive(Debug)]
pub(super) struct Buffer<'a> {
    bytes: Box<[u8]>,
    pool: &'a Pool,
}

impl Pool {
    pub(super) fn of(all: &Arc<Buffers>) -> Self {
        Self {
            all: Arc::clone(all),
            large: AtomicUsize::new(0),
            wide: AtomicUsize::new(0),
        }
    }

    /// Makes the plugin's end of a connection a wide one, if it has none too many. The kernel may
    /// give less: then it is slower.
    pub(super) fn widen(&self, socket: &impl AsFd) -> Option<Wide<'_>> {
        let more = |wide| (wide < WIDE).then_some(wide + 1);
        self.wide
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .ok()?;
        let wide = Wide(self);
        // Beyond the system's bound (net.core.wmem_max) with CAP_NET_ADMIN alone: socket(7).
        set_socket_send_buffer_size_force(socket, WIDE_BYTES)
            .or_else(|_| set_socket_send_buffer_size(socket, WIDE_BYTES))
            .ok()?;
        Some(wide)
    }

    /// One with whatever is in it.
    pub(super) fn take(&self) -> Buffer<'_> {
        let more = |large| (large < LARGE).then_some(large + 1);
        let large = self
            .large
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        let bytes = match large {
            Ok(_) => self.all.kept().pop(),
            Err(_) => Some(vec![0; SMALL_BYTES].into()),
        };
        Buffer {
            bytes: bytes.unwrap_or_else(|| vec![0; LARGE_BYTES].into()),
            pool: self,
        }
    }
}

impl Drop for Wide<'_> {
    fn drop(&mut self) {
        self.0.wide.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Buffers {
    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Box<[u8]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Buffer<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Buffer<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        if self.bytes.len() == LARGE_BYTES {
            self.pool.large.fetch_sub(1, Ordering::Relaxed);
            let mut kept = self.pool.all.kept();
            if kept.len() < KEPT {
                kept.push(std::mem::take(&mut self.bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_has_two_wide_sockets_and_others_have_theirs() {
        let all = Arc::new(Buffers::default());
        let [first, second] = [(); 2].map(|()| Pool::of(&all));
        let (socket, _other) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let holds = || rustix::net::sockopt::socket_send_buffer_size(&socket).expect("its size");
        let before = holds();
        let wide: Vec<_> = (0..WIDE).map(|_| first.widen(&socket)).collect();
        assert!(wide.iter().all(Option::is_some));
        assert!(holds() > before, "{} is no more than {before}", holds());
        assert!(first.widen(&socket).is_none());
        assert!(second.widen(&socket).is_some());
        drop(wide);
        assert!(first.widen(&socket).is_some());
    }

    #[test]
    fn a_plugin_has_few_large_ones_and_others_have_theirs() {
        let all = Arc::new(Buffers::default());
        let [first, second] = [(); 2].map(|()| Pool::of(&all));
        let many: Vec<_> = (0..100).map(|_| first.take()).collect();
        let bytes: usize = many.iter().map(|buffer| buffer.len()).sum();
        assert_eq!(bytes, LARGE * LARGE_BYTES + (100 - LARGE) * SMALL_BYTES);
        assert_eq!(second.take().len(), LARGE_BYTES);
        drop(many);
        assert_eq!(first.take().len(), LARGE_BYTES);
        assert_eq!(all.kept().len(), LARGE + 1);
        let pools: Vec<_> = (0..10).map(|_| Pool::of(&all)).collect();
        drop(
            pools
                .iter()
                .flat_map(|pool| (0..LARGE).map(|_| pool.take()))
                .collect::<Vec<_>>(),
        );
        assert_eq!(all.kept().len(), KEPT);
    }
}
