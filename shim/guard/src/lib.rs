//! What stands between a container and plugin code.
//!
//! [`readback`]: what the kernel enforces on this process, compared with what it was to enforce.
//! [`memory`]: this process's memory is no file it could write to.
//! [`filter`]: the second seccomp filter, put on all threads once the runtime is up.
//!
//! No JavaScript here: a probe without an engine links the same code.

pub mod filter;
pub mod memory;
pub mod readback;
mod reported;
