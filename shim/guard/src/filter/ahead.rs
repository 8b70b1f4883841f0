//! The second filter, installed by a thread that Landlock does not hold.
//!
//! What the filter does to each task is read back from `/proc`, which Landlock puts out of reach.
//! So one thread is started before Landlock holds the others, waits until the runtime is up, puts
//! the filter on all threads, looks, and ends: before any plugin code is read. The filter's
//! programs are ready by then.

use std::io::Error;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

use super::{FilterError, Needs, programs, put_on};

/// A thread that is ready to install the second filter. Where this is dropped it ends.
#[derive(Debug)]
pub struct Waiting {
    go: SyncSender<()>,
    thread: JoinHandle<Result<(), FilterError>>,
}

/// Starts the thread. To be called before [`crate::landlock::restrict`].
///
/// # Errors
///
/// [`FilterError::Thread`].
pub fn ahead(needs: Needs) -> Result<Waiting, FilterError> {
    let (go, wait) = std::sync::mpsc::sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("filter".to_owned())
        .spawn(move || {
            let programs = programs(needs).map_err(FilterError::Compile)?;
            wait.recv()
                .map_err(|_| FilterError::Thread(Error::other("nobody waits for it")))?;
            put_on(programs)
        })
        .map_err(FilterError::Thread)?;
    Ok(Waiting { go, thread })
}

impl Waiting {
    /// Has the filter put on every thread, and waits until the one that does it is gone.
    ///
    /// # Errors
    ///
    /// [`FilterError`]; then the process must not go on, since some of it may be installed.
    pub fn install(self) -> Result<(), FilterError> {
        // A thread that has given up says why when it is joined.
        let _ = self.go.send(());
        self.thread
            .join()
            .unwrap_or_else(|_| Err(FilterError::Thread(Error::other("it panicked"))))
    }
}
