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

mod apply;
mod asks;
pub(crate) mod bucket;
mod calls;
mod egress;
mod errors;
mod finish;
mod launch;
mod log_limit;
mod looks;
mod messages;
mod outbox;
mod pace;
mod quarantine;
mod reaction;
mod records;
mod running;
mod state;
mod stream;
mod task;
mod violations;

pub use apply::{Applied, ApplyError};
pub use calls::{CallFailure, MAX_CALLS_IN_FLIGHT};
pub use errors::{EngineError, LaunchError};
pub use launch::{Engine, LaunchOptions, allows_executable_memory};
pub use outbox::Backlog;
pub use running::{Ended, PluginEvent, Running, Stopper};
pub(crate) use stream::Keep;
pub use stream::{Items, READER_PATIENCE, STREAM_WINDOW};
