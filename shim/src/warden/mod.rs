//! The warden: the thread that plugin code cannot hold.
//!
//! It reads the channel, keeps the clocks of all calls and interrupts JavaScript that is over
//! its limits. [`watch`] decides, given the time; [`guard`] shares those decisions between the
//! two threads; [`run`] is the loop.

mod guard;
mod run;
pub mod watch;

pub use guard::{Guard, Interrupt};
pub use run::{Ending, Work, run};
