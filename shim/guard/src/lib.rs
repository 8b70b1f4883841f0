//! What stands between a container and plugin code.
//!
//! [`readback`]: what the kernel enforces on this process, compared with what it was to enforce.
//! [`memory`]: this process's memory is no file it could write to.
//! [`landlock`]: files are out of reach but for those the policy names, whatever is mounted.
//! [`filter`]: the second seccomp filter, put on all threads once the runtime is up.
//!
//! No JavaScript here: a probe without an engine links the same code.

pub mod filter;
pub mod landlock;
pub mod memory;
pub mod readback;
mod reported;
