//! The end of processes: read from the pidfd, so that no other process is ever meant.

use std::os::fd::AsFd;

use lazaret_launcher_wire::ExitStatus;
use nix::sys::wait::{Id, WaitPidFlag};
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus, waitid};

/// Takes the exit status of an ended child; `None` while it runs.
pub(crate) fn take(process: impl AsFd) -> rustix::io::Result<Option<ExitStatus>> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    Ok(waitid(WaitId::PidFd(process.as_fd()), options)?.map(status))
}

/// Waits for a child that was sent `SIGKILL`.
pub(crate) fn wait(process: impl AsFd) -> rustix::io::Result<Option<ExitStatus>> {
    Ok(waitid(WaitId::PidFd(process.as_fd()), WaitIdOptions::EXITED)?.map(status))
}

fn status(status: WaitIdStatus) -> ExitStatus {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => ExitStatus::Code(code),
        (None, Some(signal)) => ExitStatus::Signal(signal),
        // EXITED reports nothing else (waitid(2)); a status nobody knows is no success.
        (None, None) => ExitStatus::Code(255),
    }
}

/// Reaps ended children no container is known by: what a failed creation left behind. Stops at
/// one that is known, which is reported first.
pub(crate) fn reap_strays(is_known: impl Fn(i32) -> bool) {
    let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while let Ok(status) = nix::sys::wait::waitid(Id::All, peek) {
        let Some(pid) = status.pid().filter(|pid| !is_known(pid.as_raw())) else {
            return;
        };
        let taken = nix::sys::wait::waitid(Id::Pid(pid), WaitPidFlag::WEXITED);
        if taken.is_err() {
            return;
        }
    }
}
