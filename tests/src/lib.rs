//! The framework of the container tests: cases run one after the other in one process, as root,
//! and after each the host must be as it was before.
//!
//! The suites are in `suites/`, the plugins they run in `plugins/`, and the program that asks from
//! inside a container in `probe/`.

/// The hostile collection: what an attack is, and the table of all of them.
pub mod attack;
/// A case and how it went.
pub mod case;
/// The command line under test, run with a deadline.
pub mod command;
/// Plugins run through the library.
pub mod host;
/// Containers with layers of their protection switched off.
pub mod layers;
/// What is left behind on the host.
pub mod leaks;
/// Where the programs under test are.
pub mod parts;
/// How long may be waited.
pub mod patience;
/// Processes as `/proc` shows them.
pub mod processes;
/// How all cases went, told and written down.
mod report;
/// How much memory of a process is resident.
pub mod resident;
/// Runs cases and tells how they went.
pub mod run;
/// Plugins and policies for one case.
pub mod setup;
/// Which case may be skipped where.
pub mod skips;
/// Attacks on what plugins share.
pub mod storm;
/// Where what is temporary lies.
pub mod temporary;
/// What every case is given.
pub mod world;
