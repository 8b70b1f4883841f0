//! What signals do to the launcher: only the closed socket ends it, so that it always cleans up.
//!
//! A signal that is ignored stays ignored in the programs a process starts (execve(2)), and a
//! plugin that cannot be terminated by `SIGTERM` is not what anybody asked for. A handler does not
//! outlive execve(2): so the launcher handles those signals by doing nothing.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Signals that operators, terminals and broken pipes send.
const OUTLIVED: [Signal; 5] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGPIPE,
    Signal::SIGQUIT,
    Signal::SIGTERM,
];

extern "C" fn do_nothing(_: i32) {}

/// Takes back whatever was ignored or blocked by who started the launcher, then handles the
/// signals it must outlive.
pub(crate) fn outlive() -> nix::Result<()> {
    for signal in Signal::iterator() {
        let handler = match signal {
            // sigaction(2): these cannot be changed.
            Signal::SIGKILL | Signal::SIGSTOP => continue,
            _ if OUTLIVED.contains(&signal) => SigHandler::Handler(do_nothing),
            _ => SigHandler::SigDfl,
        };
        let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
        #[expect(unsafe_code, reason = "handlers are set by no safe wrapper")]
        // SAFETY: the handler does nothing, which is safe at any time (signal-safety(7)); no
        // earlier handler of this program is lost, `main` calls this first.
        unsafe { sigaction(signal, &action) }?;
    }
    SigSet::empty().thread_set_mask()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A set of signals from /proc/PID/status (proc(5)).
    fn set(status: &str, key: &str) -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        u64::from_str_radix(line.unwrap().trim(), 16).unwrap()
    }

    #[test]
    fn signals_are_outlived_and_not_ignored_in_started_programs() {
        outlive().unwrap();
        for signal in OUTLIVED {
            nix::sys::signal::raise(signal).unwrap();
        }
        let own = fs_err::read_to_string("/proc/self/status").unwrap();
        for signal in OUTLIVED {
            let bit = 1 << (signal as u64 - 1);
            assert_ne!(set(&own, "SigCgt:") & bit, 0, "{signal}");
        }
        let output = Command::new("cat").arg("/proc/self/status").output();
        let child = String::from_utf8(output.unwrap().stdout).unwrap();
        assert_eq!(set(&child, "SigIgn:") & 0x7fff_ffff, 0);
        assert_eq!(set(&child, "SigBlk:"), 0);
    }
}
