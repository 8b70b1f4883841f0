//! A plugin as the operator names it: a file or a directory, and what is in it.
//!
//! The engine reads a plugin's bytes to hand them on; it never parses its code.

mod config;
mod locate;
mod own;
mod read;

pub use config::{ConfigError, PluginConfig};
pub use locate::{LocateError, Plugin};
pub use own::{Own, ReachesOwn};
pub use read::{MAX_DEPTH, ReadError};
