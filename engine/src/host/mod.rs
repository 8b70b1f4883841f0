//! The host the engine runs on: what it can do, and where the installed parts are.

/// The operator's floor, where it is there.
pub(crate) const FLOOR: &str = "/etc/lazaret/floor.yaml";

mod cgroups;
mod enforceable;
mod features;
mod held_by;
mod installation;
mod landlock;

pub use cgroups::CgroupVersion;
pub use enforceable::{Unenforced, unenforced};
pub use features::{Feature, Finding, State, survey};
pub use held_by::held_by;
pub use installation::{Installation, InstallationError, ShimEngine};
pub use landlock::Landlock;
