//! Leaves out a script that QuickJS's binding would otherwise evaluate at every start.
//!
//! The binding evaluates a 436 KB polyfill of `Temporal` before anything else: two thirds of the
//! time to start and a quarter of the memory of an idle plugin. There is no switch for it, so the
//! linker is told to send calls of `JS_Eval` here (`--wrap`, ld(1)), where that one script is
//! replaced by an empty one. The binding then finds nothing to install.
//! `docs/decisions/003-no-temporal-at-start.md` has the figures.
#![expect(unsafe_code, reason = "stands in for a function of a C library")]

use std::ffi::{CStr, c_char, c_int, c_void};

/// A `JSValue` as QuickJS-ng passes it on 64-bit machines: a union of eight bytes and a tag.
#[repr(C)]
#[derive(Clone, Copy)]
struct Value {
    bits: u64,
    tag: i64,
}

/// The name under which the binding evaluates the polyfill. Names of a plugin's modules start
/// with `file:`, so none can be taken for it.
const LEFT_OUT: &CStr = c"<temporal-polyfill>";

unsafe extern "C" {
    /// `JS_Eval` of QuickJS itself.
    fn __real_JS_Eval(
        context: *mut c_void,
        source: *const c_char,
        length: usize,
        name: *const c_char,
        flags: c_int,
    ) -> Value;
}

/// What every call of `JS_Eval` reaches.
///
/// # Safety
///
/// As for `JS_Eval` (quickjs.h): a live context, `length` bytes of source followed by a zero
/// byte, and a name that ends with one.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_JS_Eval(
    context: *mut c_void,
    source: *const c_char,
    length: usize,
    name: *const c_char,
    flags: c_int,
) -> Value {
    // SAFETY: the caller gives a name that ends with a zero byte and lives for the call.
    let left_out = !name.is_null() && unsafe { CStr::from_ptr(name) } == LEFT_OUT;
    let (source, length) = if left_out {
        (c"0".as_ptr(), 1)
    } else {
        (source, length)
    };
    // SAFETY: the arguments are the caller's, who keeps `JS_Eval`'s conditions, but for the source
    // where it is left out, which is one byte followed by a zero byte and lives for ever.
    unsafe { __real_JS_Eval(context, source, length, name, flags) }
}
