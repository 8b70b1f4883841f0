//! The way around "no executable memory" that no filter sees: `/proc/self/mem` writes to any page,
//! the code of this program included (proc_pid_mem(5)), and `openat2` hides its flags from filters
//! behind a pointer.
//!
//! A process that is not dumpable has its files there owned by the namespace's root
//! (PR_SET_DUMPABLE(2const)), which in a container is nobody: they can no longer be opened.

use std::io::ErrorKind;

use lazaret_protocol::Difference;
use rustix::process::{DumpableBehavior, dumpable_behavior, set_dumpable_behavior};

use crate::readback::difference;

/// This process's memory as a file. The files of its threads have the same owner and mode.
const MEMORY: &str = "/proc/self/mem";

/// Makes this process's memory unreachable as a file, for as long as it runs: the second filter
/// takes away the system call that could turn it back.
///
/// Returns what is otherwise afterwards, by what the kernel says and by what it does.
#[must_use]
pub fn close() -> Vec<Difference> {
    let mut found = Vec::new();
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        found.push(difference("dumpable", "can be taken away", error));
    }
    match dumpable_behavior() {
        Ok(DumpableBehavior::NotDumpable) => {}
        Ok(other) => found.push(difference("dumpable", "no", format!("{other:?}"))),
        Err(error) => found.push(difference("dumpable", "no", error)),
    }
    match fs_err::OpenOptions::new().write(true).open(MEMORY) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
        Err(error) => found.push(difference(MEMORY, "permission denied", error)),
        Ok(_) => found.push(difference(
            MEMORY,
            "permission denied",
            "opened for writing",
        )),
    }
    found
}
