//! Lazaret runs untrusted JavaScript plugins on Linux, each in a container of its own, under a
//! `SecurityPolicy` file.
//!
//! The modules follow the data: a policy and a plugin become a [`bundle`], the bundle a
//! [`container`], the container's shim speaks on the [`channel`], what happens becomes an
//! [`event`], and the [`supervisor`] decides.

/// What plugins ask the engine to do for them.
pub mod acts;
/// The control socket.
pub mod api;
/// From an effective policy to an OCI bundle.
pub mod bundle;
/// The engine's end of the protocol.
pub mod channel;
/// The command line.
pub mod cli;
/// TypeScript of plugins, compiled in a container of its own.
pub mod compile;
/// A container as the engine sees it.
pub mod container;
/// What plugins may reach on the network, through the engine.
pub mod egress;
/// What happens to a plugin, in the engine's own words.
pub mod event;
/// What the host can do, and where the parts are.
pub mod host;
/// What a plugin is seen to do, and the least policy that lets it.
pub mod learn;
/// What plugins measure.
pub mod metrics;
/// A plugin on the host's file system.
pub mod plugin;
/// Programs that a policy names, in containers of their own.
pub mod programs;
/// A plugin as whoever writes it has it.
pub mod project;
/// Arguments and results held against what a plugin says of its functions.
pub mod schema;
/// Secrets of plugins.
pub mod secrets;
/// Plugins an engine keeps running.
pub mod service;
/// What outlives an engine.
pub mod store;
/// One plugin from its start to its end.
pub mod supervisor;
