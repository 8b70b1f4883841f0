//! The launcher's own view of the file system: a mount namespace with a tmpfs that holds every
//! bundle. It vanishes with the launcher, whatever ends it, so that nothing is left on the host.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use crate::ids::IdBlocks;
use crate::launchers::Launchers;
use crate::sweep;

/// Where launchers keep their state. On a tmpfs on every host that follows the file hierarchy
/// standard.
const RUNTIME_DIRECTORY: &str = "/run/lazaret";

/// Size of the tmpfs: room for the largest plugin several times over. Counted against the
/// launcher's memory only as far as it is used.
const TMPFS_OPTIONS: &str = "size=1g,nr_inodes=200k,mode=0711";

/// The launcher's directory, private to it.
pub(crate) struct State {
    directory: PathBuf,
    pub(crate) ids: IdBlocks,
    _launchers: Launchers,
}

impl State {
    /// Takes the launcher's place among the others, removes what ended ones left, leaves the
    /// host's mount namespace and mounts the tmpfs.
    pub(crate) fn enter() -> anyhow::Result<Self> {
        let runtime = Path::new(RUNTIME_DIRECTORY);
        make(runtime)?;
        let own = std::process::id();
        let launchers = Launchers::register(&runtime.join("launchers"), own)?;
        sweep::remove_leftovers(runtime, &launchers);
        let ids = IdBlocks::open(&runtime.join("ids"))?;
        let directory = runtime.join(own.to_string());
        make(&directory)?;
        // From here on whatever fails, the directory goes again.
        let state = Self {
            directory,
            ids,
            _launchers: launchers,
        };
        unshare(CloneFlags::CLONE_NEWNS)?;
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
        mount(
            Some("lazaret"),
            &state.directory,
            Some("tmpfs"),
            MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
            Some(TMPFS_OPTIONS),
        )?;
        fs_err::create_dir(state.libcontainer())?;
        Ok(state)
    }

    /// The directory of a container.
    pub(crate) fn container(&self, id: &str) -> PathBuf {
        self.directory.join(id)
    }

    /// Where libcontainer keeps its own state.
    pub(crate) fn libcontainer(&self) -> PathBuf {
        self.directory.join("libcontainer")
    }
}

fn make(directory: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(directory)
        .with_context(|| format!("failed to make `{}`", directory.display()))
}

impl Drop for State {
    fn drop(&mut self) {
        // The namespace ends with the process; only the mount point is the host's. Not mounted
        // yet where entering failed half way.
        umount2(&self.directory, MntFlags::MNT_DETACH).ok();
        drop(fs_err::remove_dir(&self.directory));
    }
}
