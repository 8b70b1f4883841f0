//! What every case is given: the parts, a runtime, and deadlines.

use std::future::Future;
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::host::Host;
use crate::parts::Parts;
use crate::patience::patience;

/// How long a case may take at most. Nothing is measured by it.
pub const DEADLINE: Duration = Duration::from_secs(90);

/// What every case is given.
pub struct World {
    /// The programs under test.
    pub parts: Parts,
}

impl World {
    /// Runs a future to its end on a runtime of its own.
    ///
    /// # Errors
    /// Its own, or that it took longer than [`DEADLINE`].
    pub fn block_on<T>(
        &self,
        future: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        self.block_on_within(DEADLINE, future)
    }

    /// The same for a case that is long by its nature.
    ///
    /// # Errors
    /// Its own, or that it took longer than the deadline.
    pub fn block_on_within<T>(
        &self,
        deadline: Duration,
        future: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("failed to start a runtime")?;
        let deadline = patience(deadline);
        runtime.block_on(async {
            tokio::time::timeout(deadline, future)
                .await
                .with_context(|| format!("not done after {} s", deadline.as_secs()))?
        })
    }

    /// An engine with a launcher of its own.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn host(&self) -> anyhow::Result<Host> {
        Host::start(&self.parts)
    }

    /// A new empty directory that everybody may pass through.
    ///
    /// # Errors
    /// Where none can be made.
    pub fn directory(&self) -> anyhow::Result<tempfile::TempDir> {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir()?;
        fs_err::set_permissions(&directory, std::fs::Permissions::from_mode(0o755))?;
        Ok(directory)
    }
}

/// Waits until a condition holds, looking often.
///
/// # Errors
/// Where it does not hold in time.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) -> anyhow::Result<()> {
    let end = Instant::now() + patience(DEADLINE / 3);
    while !holds() {
        if Instant::now() >= end {
            bail!("waited in vain until {what}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Runs futures at once and gives what came of each, in their order.
pub async fn together<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut results: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(context)
            {
                *result = Some(value);
            }
        }
        if results.iter().all(Option::is_some) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    results.into_iter().flatten().collect()
}
