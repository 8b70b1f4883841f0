//! One arena for all threads.
//!
//! The JavaScript thread makes nearly all of the memory. An arena of its own would grow by a system
//! call for every page or two (`mprotect(2)`), some 340 in a start; the first arena grows by 128 KiB
//! at a time (mallopt(3), `M_TOP_PAD`). The other thread hardly ever waits for it.
#![expect(unsafe_code, reason = "no safe wrapper sets this")]

/// Has all threads use the arena of the first. Called before there is another.
///
/// Where it is refused, memory is made as before: nothing relies on it.
pub(crate) fn use_one_arena() {
    // SAFETY: sets a number in the allocator, which takes its own lock for it.
    let _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}
