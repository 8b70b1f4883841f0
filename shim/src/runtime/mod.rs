//! The JavaScript runtime of one plugin; the only part that names deno_core.

mod convert;
mod errors;
mod extension;
mod invoke;
mod loader;
mod log;
mod stack;
mod start;

pub use extension::{OPS, Sink};
pub use invoke::Started;
pub use loader::ModuleLimits;
pub use start::{Config, Runtime, StartError, prepare};
