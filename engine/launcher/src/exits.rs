//! The end of processes: read from the pidfd, so that no other process is ever meant.

use std::os::fd::AsFd;

use lazaret_launcher_wire::ExitStatus;
use nix::sys::wait::{Id, WaitPidFlag};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, pidfd_open, pidfd_send_signal,
    waitid,
};

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

/// Kills and reaps children no container is known by: what a failed creation left running.
pub(crate) fn end_strays(is_known: impl Fn(u32) -> bool) {
    // Whatever a killed child leaves behind becomes ours, and is found the next time.
    loop {
        let strays: Vec<Pid> = children(std::process::id())
            .into_iter()
            .filter(|pid| !is_known(pid.as_raw_pid().unsigned_abs()))
            .collect();
        if strays.is_empty() {
            return;
        }
        for pid in strays {
            // An unreaped child keeps its number: nobody else is meant.
            let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
                return;
            };
            pidfd_send_signal(&process, Signal::KILL).ok();
            if wait(&process).is_err() {
                return;
            }
        }
    }
}

/// The children of a process, ended ones among them (proc_pid_stat(5)).
fn children(parent: u32) -> Vec<Pid> {
    let entries = fs_err::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs_err::read_to_string(entry.path().join("stat")).ok()?;
            // The name in parentheses is the process's own choice; nothing after it has any.
            let fields = stat.rsplit_once(')')?.1;
            let found: u32 = fields.split_ascii_whitespace().nth(1)?.parse().ok()?;
            (found == parent).then(|| Pid::from_raw(pid)).flatten()
        })
        .collect()
}

/// Reaps ended children no container is known by: what a failed creation left behind. Stops at
/// one that is known, which is reported first.
pub(crate) fn reap_strays(is_known: impl Fn(u32) -> bool) {
    let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while let Ok(status) = nix::sys::wait::waitid(Id::All, peek) {
        let Some(pid) = status
            .pid()
            .filter(|pid| !is_known(pid.as_raw().unsigned_abs()))
        else {
            return;
        };
        let taken = nix::sys::wait::waitid(Id::Pid(pid), WaitPidFlag::WEXITED);
        if taken.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strays_end_and_known_children_live_on() {
        // The test binary's other tests have children too: they are as good as known.
        let start = || {
            std::process::Command::new("cat")
                .stdin(std::process::Stdio::piped())
                .spawn()
        };
        let (mut known, mut stray) = (start().unwrap(), start().unwrap());
        end_strays(|pid| pid != stray.id());
        // Reaped already, so there is nothing to wait for any more.
        assert!(stray.wait().is_err());
        assert!(known.try_wait().unwrap().is_none());
        drop(known.stdin.take());
        assert!(known.wait().unwrap().success());
    }
}
