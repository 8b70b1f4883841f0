//! The processes of a cgroup whose launcher is gone.

use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use rustix::time::Timespec;

/// How long a killed process may take to be gone.
const KILL_GRACE: Timespec = Timespec {
    tv_sec: 2,
    tv_nsec: 0,
};

/// Kills each process in a cgroup and waits for its end. It is held by a pidfd and looked for
/// again before the signal, so that a number used anew is not hit. What cannot be killed is left.
pub fn kill_members(cgroup: &Path) {
    let members = || {
        let text = fs_err::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
        let numbers = text.lines().filter_map(|line| line.parse::<i32>().ok());
        numbers.collect::<Vec<_>>()
    };
    for number in members() {
        let Some(pid) = Pid::from_raw(number) else {
            continue;
        };
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
            continue;
        };
        if members().contains(&number) && pidfd_send_signal(&process, Signal::KILL).is_ok() {
            let mut ended = [PollFd::new(&process, PollFlags::IN)];
            poll(&mut ended, Some(&KILL_GRACE)).ok();
        }
    }
}
