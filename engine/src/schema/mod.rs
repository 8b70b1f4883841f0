//! Arguments and results held against what a plugin's `plugin.yaml` says of its functions.
//!
//! ```text
//! text ─argument→ one argument ─weigh→ Weight ─cost, bounded→ value ─validator→ fits, or Unfit
//! ```
//!
//! Schemas come from whoever wrote the plugin, and values from whoever calls it or from the plugin: neither makes the engine
//! work for long or hold much. What a check takes is known before it begins, what takes too long is refused, and what takes
//! a while is done on another thread, one check of a plugin at a time.

mod argument;
mod check;
mod compile;
mod config;
#[cfg(test)]
mod tests;
mod unfit;
mod weigh;

pub use check::Contract;
pub use compile::SchemaError;
pub use config::check_config;
pub use unfit::{Misfit, Unfit};
pub(crate) use unfit::{unfit_text, unlisted};
