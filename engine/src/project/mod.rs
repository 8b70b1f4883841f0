//! A plugin as whoever writes it has it: a new one, what it may use, what changed of it.

mod changes;
mod starter;
mod types;

pub use changes::{Fingerprint, fingerprint};
pub use starter::{Language, NewError, create};
pub use types::declarations;
