//! The program in a Lazaret container: runs one plugin for the engine.
//!
//! `settings → hello → read-back → Landlock → runtime → second filter → plugin modules → calls`;
//! [`boot`] is that list in code. Two threads: the main thread is the [`warden`], which owns the clock; the
//! other one runs JavaScript and nothing of the plugin's can hold the first. Both read the
//! channel, whichever is awake.

#[cfg(not(any(feature = "quickjs", feature = "v8")))]
compile_error!("choose an engine: feature `quickjs` or feature `v8`");
#[cfg(all(feature = "quickjs", feature = "v8"))]
compile_error!("features `quickjs` and `v8` exclude each other");

mod allocator;
pub mod beneath;
pub mod boot;
pub mod channel;
#[cfg(feature = "quickjs")]
mod eval;
pub mod exit;
pub mod handshake;
pub mod javascript;
pub mod listener;
pub mod runtime;
pub mod serve;
pub mod settings;
pub mod standalone;
pub mod warden;

/// The JavaScript engine this program was built with.
pub const ENGINE: &str = if cfg!(feature = "v8") {
    "v8"
} else {
    "quickjs"
};
