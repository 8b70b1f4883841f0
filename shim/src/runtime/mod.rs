//! The JavaScript runtime of one plugin; the only part that names deno_core.

mod act_ops;
mod asks;
mod convert;
mod crypto;
mod errors;
mod extension;
mod fetch;
mod file_ops;
mod invoke;
#[cfg(feature = "quickjs")]
mod kinds;
mod loader;
mod log;
mod measures;
mod open_ops;
mod own;
mod room;
mod search;
mod secrets;
mod sockets;
mod stack;
mod start;
mod state_ops;
mod stream;
mod used;
mod watch_ops;
mod web;
mod websocket;
mod window_ops;

pub use asks::Asks;
pub use extension::{OPS, Sink};
pub use fetch::Egress;
pub use invoke::{CallEnd, Started};
pub use loader::ModuleLimits;
pub use start::{Config, Runtime, StartError, prepare};
pub use stream::{Stepped, Stream};
