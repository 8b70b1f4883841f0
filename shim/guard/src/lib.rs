//! What stands between a container and plugin code.
//!
//! [`readback`]: what the kernel enforces on this process, compared with what it was to enforce.
//! [`filter`]: the second seccomp filter, put on all threads once the runtime is up.
//!
//! No JavaScript here: a probe without an engine links the same code.

pub mod filter;
pub mod readback;
mod reported;
