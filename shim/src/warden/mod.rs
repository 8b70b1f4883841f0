//! The warden: the thread that plugin code cannot hold.
//!
//! It keeps the clocks of all calls, interrupts JavaScript that is over its limits, and reads the
//! channel while JavaScript runs for long. [`watch`] decides, given the time; [`Guard`] shares
//! those decisions between the two threads, [`Intake`] what the engine says, [`Backlog`] what is
//! to be done; [`run`] is the loop.

mod backlog;
mod guard;
mod intake;
mod run;
pub mod watch;

pub use backlog::{Backlog, Work};
pub use guard::{Guard, Interrupt};
pub use intake::{Intake, Over};
pub use run::{Ending, run};
