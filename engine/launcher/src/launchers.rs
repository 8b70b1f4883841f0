//! Which launchers live: each holds a lock on the byte of its process id in one file.
//!
//! A process id alone tells nothing: it may be another program's by now, or belong to another pid
//! namespace. The lock is the process's and not the open file description's, because a container's
//! process inherits descriptions until it executes the shim, and would make a launcher that was
//! killed seem alive. Such locks go with the first descriptor of the file that is closed, so the
//! file is opened once and stays open.

use std::path::Path;

use anyhow::{Context, bail};

use crate::byte_lock::{Holder, open, try_lock, unlock};

/// This launcher among the others.
pub(crate) struct Launchers {
    file: fs_err::File,
    own: u32,
}

impl Launchers {
    /// Takes the place of launcher `own`.
    pub(crate) fn register(path: &Path, own: u32) -> anyhow::Result<Self> {
        let file = open(path)?;
        let locked = try_lock(&file, own, Holder::Process)
            .with_context(|| format!("failed to lock `{}`", path.display()))?;
        if !locked {
            bail!(
                "another launcher has process id `{own}` already: one in another pid namespace shares `{}`, or one that ended is being cleaned up after",
                path.display()
            );
        }
        Ok(Self { file, own })
    }

    /// Does something in the place of a launcher that has ended; nothing where it lives. Whatever
    /// goes by this launcher's own number was another's, as long as it has made nothing yet.
    pub(crate) fn in_place_of_ended(&self, launcher: u32, act: impl FnOnce()) {
        if launcher == self.own {
            act();
        } else if try_lock(&self.file, launcher, Holder::Process) == Ok(true) {
            act();
            // Held on to after a failure, it only keeps others from looking again.
            unlock(&self.file, launcher, Holder::Process).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acts(launchers: &Launchers, number: u32) -> bool {
        let mut acted = false;
        launchers.in_place_of_ended(number, || acted = true);
        acted
    }

    #[test]
    fn nothing_is_done_in_the_place_of_a_launcher_that_lives() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("launchers");
        // Another holder, to the kernel: a description excludes a process.
        let other = open(&path).unwrap();
        assert!(try_lock(&other, 7, Holder::Description).unwrap());
        assert!(Launchers::register(&path, 7).is_err());
        let launchers = Launchers::register(&path, 8).unwrap();
        assert!(!acts(&launchers, 7));
        assert!(acts(&launchers, 8));
        assert!(acts(&launchers, 9));
        unlock(&other, 7, Holder::Description).unwrap();
        assert!(acts(&launchers, 7));
        // The looking took nothing for good and gave nothing of its own away.
        assert!(try_lock(&other, 7, Holder::Description).unwrap());
        assert!(try_lock(&other, 9, Holder::Description).unwrap());
        assert!(!try_lock(&other, 8, Holder::Description).unwrap());
    }

    #[test]
    fn a_child_does_not_keep_its_launchers_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("launchers");
        let launchers = Launchers::register(&path, 7).unwrap();
        // Inherits the descriptor, as a container's process does before it executes the shim.
        let kept = nix::unistd::dup(std::os::fd::AsRawFd::as_raw_fd(&launchers.file)).unwrap();
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        nix::unistd::close(kept).unwrap();
        drop(launchers);
        let other = open(&path).unwrap();
        assert!(try_lock(&other, 7, Holder::Description).unwrap());
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
