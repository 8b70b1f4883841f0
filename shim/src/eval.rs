//! Leaves out work that QuickJS's binding would otherwise do at every start.
//!
//! The binding evaluates a 436 KB polyfill of `Temporal` before anything else: two thirds of the
//! time to start and a quarter of the memory of an idle plugin. There is no switch for it, so the
//! linker is told to send calls of `JS_Eval` here (`--wrap`, ld(1)), where that one script is
//! replaced by an empty one. The binding then finds nothing to install. Here too the first of two
//! compilations of each of the runtime's own scripts is left out.
//! `docs/decisions/003-no-temporal-at-start.md` has the figures.
#![expect(unsafe_code, reason = "stands in for a function of a C library")]

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};

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

/// `JS_EVAL_FLAG_COMPILE_ONLY` (quickjs.h).
const COMPILE_ONLY: c_int = 1 << 5;

thread_local! {
    /// The script of ours whose first compilation was left out.
    static CHECKED: RefCell<CString> = RefCell::default();
}

/// Whether an empty script stands in for the one of this name.
fn is_left_out(name: &CStr, flags: c_int) -> bool {
    if name == LEFT_OUT {
        return true;
    }
    // The binding compiles each script twice: to see whether it parses, and to run it. Those of
    // the runtime itself parse; only theirs start with `ext:`.
    if flags & COMPILE_ONLY == 0 || !name.to_bytes().starts_with(b"ext:") {
        return false;
    }
    CHECKED.with_borrow_mut(|checked| {
        let first = checked.as_c_str() != name;
        *checked = if first {
            name.to_owned()
        } else {
            CString::default()
        };
        first
    })
}

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
    let name_text = (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) });
    let (source, length) = if name_text.is_some_and(|name| is_left_out(name, flags)) {
        (c"0".as_ptr(), 1)
    } else {
        (source, length)
    };
    // SAFETY: the arguments are the caller's, who keeps `JS_Eval`'s conditions, but for the source
    // where it is left out, which is one byte followed by a zero byte and lives for ever.
    unsafe { __real_JS_Eval(context, source, length, name, flags) }
}
