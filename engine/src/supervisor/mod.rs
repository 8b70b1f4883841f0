//! One plugin from its start to its end, owned by one task.
//!
//! ```text
//!             create, compare cgroup            hello, check /proc         modules loaded
//!  reserved ───────────────────────▶ created ──────────────▶ verifying ──────────────▶ ready
//!     │                                 │                        │                      │ calls
//!     │ refused                         │ difference             │ refused, timeout,    │ stop, crash,
//!     ▼                                 ▼                        ▼ exit                 ▼ limit, exit
//!  nothing left ◀──────────────────────────── ended (EndReason) ◀──────────────────────────
//! ```
//!
//! Whatever ends it, the container, its cgroup and its directory are gone when `Ended` is told.

mod calls;
mod launch;
mod log_limit;
mod outbox;
mod running;
mod task;

pub use calls::{CallFailure, MAX_CALLS_IN_FLIGHT};
pub use launch::{Engine, EngineError, LaunchError, LaunchOptions, allows_executable_memory};
pub use running::{Ended, PluginEvent, Running};
