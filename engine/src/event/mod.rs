//! What happens to a plugin, in the engine's own words.

mod end_reason;
mod escape;
mod violation;

pub use end_reason::{EndReason, Evidence, ReadBackDifference, Verdict};
pub use escape::escape;
pub use violation::{Act, CounterRise, Reaction, SyscallViolation, Violation, Witness};
pub(crate) use violation::{KILLED_FOR, WITHDRAWN};
