//! Descriptors waited for by the runtime's reactor.

use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Waits for something to be read. To be called within a tokio runtime.
pub(crate) fn watch(descriptor: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    #[expect(unsafe_code, reason = "the safe registration takes any number for one")]
    // SAFETY: the descriptor is open and owned by the value handed over, which closes it only
    // when it is dropped and always gives the same number.
    let watched = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) };
    watched.map_err(Into::into)
}
