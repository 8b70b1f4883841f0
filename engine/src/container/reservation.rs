//! What the launcher set aside for a container, until somebody answers for it.

use std::sync::Arc;

use lazaret_launcher_wire::ContainerId;

use super::{Cgroup, Launcher};
use crate::host::CgroupVersion;

/// A container id that is given back, with all that was made under it, unless somebody takes it
/// over: also where its making is given up halfway.
pub(crate) struct Reservation(Option<(Arc<Launcher>, ContainerId, Cgroup)>);

impl Reservation {
    /// Of an id that the launcher has just set aside.
    pub(crate) fn new(launcher: &Arc<Launcher>, id: &ContainerId, cgroup: CgroupVersion) -> Self {
        let cgroup = Cgroup::of(id, cgroup);
        Self(Some((Arc::clone(launcher), id.clone(), cgroup)))
    }

    /// Somebody else removes the container from here on.
    pub(crate) fn hand_over(mut self) {
        self.0 = None;
    }

    /// Removes what was made, and gives the id back.
    pub(crate) async fn release(mut self) {
        if let Some((launcher, id, cgroup)) = self.0.take()
            && launcher.delete(&id).await.is_err()
        {
            // The launcher is gone. What it was making when it went is in the cgroup.
            cgroup.remove();
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let Some((launcher, id, _)) = self.0.take() else {
            return;
        };
        // Without a runtime the launcher's own end removes it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { launcher.delete(&id).await });
        }
    }
}
