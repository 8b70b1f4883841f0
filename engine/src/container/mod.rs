//! A container as the engine sees it: made by the launcher, watched by pidfd, cgroup files and
//! the seccomp listener.

mod cgroup;
mod cgroup_events;
mod launcher;
mod listener;
mod process;
pub(crate) mod reactor;
mod reservation;

pub use cgroup::{Cgroup, CgroupDifference, Limits, Usage};
pub use cgroup_events::CgroupEvents;
pub use launcher::{Created, Launcher, LauncherError};
pub use listener::{Asked, Listener, Observed, Reported};
pub use process::{ProcessDifference, check_process};
pub(crate) use reservation::Reservation;
