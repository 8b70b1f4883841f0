//! Leaves out work that QuickJS would otherwise do at every start.
//!
//! The binding evaluates a 436 KB polyfill of `Temporal` before anything else: two thirds of the
//! time to start and a quarter of the memory of an idle plugin. There is no switch for it, so the
//! linker is told to send calls of `JS_Eval` here (`--wrap`, ld(1)), where that script is replaced by
//! an empty one, as is one that puts made-up results in the place of `Intl`: see `js/intl.js`.
//! `docs/decisions/003-no-temporal-at-start.md` has the figures.
//!
//! The runtime's own scripts were compiled when this program was built, see `build/bytecode.rs`: of
//! the two compilations that the binding asks for, to see whether a script parses and to run it, the
//! first is left out and the second reads what is there.
//! `docs/decisions/018-scripts-compiled-at-build.md` has the figures.
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

/// The names under which the binding evaluates what is left out. Names of a plugin's modules start
/// with `file:`, so none can be taken for one.
const LEFT_OUT: [&CStr; 2] = [c"<intl-stub>", c"<temporal-polyfill>"];

/// `JS_EVAL_FLAG_COMPILE_ONLY` (quickjs.h).
const COMPILE_ONLY: c_int = 1 << 5;

/// `JS_EVAL_TYPE_GLOBAL` (quickjs.h).
const GLOBAL: c_int = 0;

/// `JS_TAG_EXCEPTION` (quickjs.h).
const EXCEPTION: i64 = 6;

/// `JS_READ_OBJ_BYTECODE` (quickjs.h).
const READ_BYTECODE: c_int = 1 << 0;

thread_local! {
    /// The script of ours whose first compilation was left out.
    static CHECKED: RefCell<CString> = RefCell::default();
}

/// Whether an empty script stands in for the one of this name.
fn is_left_out(name: &CStr, flags: c_int) -> bool {
    if LEFT_OUT.contains(&name) {
        return true;
    }
    // Scripts of the runtime itself parse; only theirs start with `ext:`.
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

include!(concat!(env!("OUT_DIR"), "/compiled.rs"));

/// The bytecode of a script of the runtime's own.
fn compiled(name: &CStr, length: usize) -> Option<&'static [u8]> {
    let at = COMPILED
        .binary_search_by(|(compiled, ..)| (*compiled).cmp(name))
        .ok()?;
    let (_, source, bytecode) = COMPILED[at];
    (length == source).then_some(bytecode)
}

/// Reads a script of the runtime's own, and runs it if that is what is asked for.
///
/// # Safety
///
/// The context is a live one; the bytes were written by `JS_WriteObject` of this version.
unsafe fn read(context: *mut c_void, bytecode: &'static [u8], flags: c_int) -> Value {
    // SAFETY: by this function's own condition.
    let script =
        unsafe { JS_ReadObject(context, bytecode.as_ptr(), bytecode.len(), READ_BYTECODE) };
    if flags == COMPILE_ONLY || script.tag == EXCEPTION {
        return script;
    }
    // SAFETY: as above; it takes the script, which is no exception.
    unsafe { JS_EvalFunction(context, script) }
}

unsafe extern "C" {
    /// Reads what `JS_WriteObject` wrote.
    fn JS_ReadObject(context: *mut c_void, bytes: *const u8, length: usize, flags: c_int) -> Value;

    /// Runs what was compiled, and frees it.
    fn JS_EvalFunction(context: *mut c_void, script: Value) -> Value;

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
    } else if let Some(bytecode) = name_text.and_then(|name| compiled(name, length))
        && [COMPILE_ONLY, GLOBAL].contains(&flags)
    {
        // SAFETY: the context is the caller's. The lock file has one version of the library: the
        // one that is linked here wrote the bytes.
        return unsafe { read(context, bytecode, flags) };
    } else {
        (source, length)
    };
    // SAFETY: the arguments are the caller's, who keeps `JS_Eval`'s conditions, but for the source
    // where it is left out, which is one byte followed by a zero byte and lives for ever.
    unsafe { __real_JS_Eval(context, source, length, name, flags) }
}
