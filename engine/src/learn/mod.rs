//! What a plugin is seen to do, and the least policy that lets it.
//!
//! A container that learns counts what it is allowed: the permissions it uses, the optional system
//! calls it makes, the most it takes of each limit. It is allowed nothing more than its policy
//! grants, and its own word counts only for what nobody else can see.

mod files;
mod limits;
mod reach;
mod tally;
mod watch;
mod write;

pub use files::{FILES_OF_ONE_DIRECTORY, Real};
pub use limits::{MARGIN_PERCENT, TIME_MARGIN_PERCENT};
pub use tally::{Observations, Peaks, Request, Tally};
pub(crate) use watch::Watch;
pub use write::{Lesson, write};
