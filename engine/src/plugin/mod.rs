//! A plugin as the operator names it: a file or a directory, and what is in it.
//!
//! The engine reads a plugin's bytes to hand them on; it never parses its code.

mod locate;
mod read;

pub use locate::{LocateError, Plugin};
pub use read::{MAX_DEPTH, ReadError};
