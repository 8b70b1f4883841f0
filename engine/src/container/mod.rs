//! A container as the engine sees it: made by the launcher, watched by pidfd, cgroup files and
//! the seccomp listener.

mod cgroup;
mod launcher;
mod listener;
mod process;

pub use cgroup::{Cgroup, CgroupDifference, Limits, Usage};
pub use launcher::{Created, Launcher, LauncherError};
pub use listener::{Asked, Listener};
pub use process::{ProcessDifference, check_process};
