//! Scripts as QuickJS's bytecode, so that no start has to parse them.
//!
//! Made by the very version of QuickJS that reads it, see `src/eval.rs`.
#![expect(unsafe_code, reason = "calls a C library")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;

use crate::scripts::Script;
use crate::write;
// The library is linked with this crate.
use v8 as _;

/// A `JSValue` as QuickJS-ng passes it on 64-bit machines: a union of eight bytes and a tag.
#[repr(C)]
#[derive(Clone, Copy)]
struct Value {
    bits: u64,
    tag: i64,
}

/// `JS_TAG_EXCEPTION` (quickjs.h).
const EXCEPTION: i64 = 6;

/// `JS_EVAL_FLAG_COMPILE_ONLY` (quickjs.h).
const COMPILE_ONLY: c_int = 1 << 5;

/// `JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE` (quickjs.h): where a line is stays known,
/// what a function was written as does not.
const WRITE: c_int = 1 << 0 | 1 << 4;

unsafe extern "C" {
    fn JS_NewRuntime() -> *mut c_void;
    fn JS_FreeRuntime(runtime: *mut c_void);
    fn JS_NewContext(runtime: *mut c_void) -> *mut c_void;
    fn JS_FreeContext(context: *mut c_void);
    fn JS_FreeValue(context: *mut c_void, value: Value);
    fn js_free(context: *mut c_void, memory: *mut c_void);
    fn JS_Eval(
        context: *mut c_void,
        source: *const c_char,
        length: usize,
        name: *const c_char,
        flags: c_int,
    ) -> Value;
    fn JS_WriteObject(
        context: *mut c_void,
        size: *mut usize,
        value: Value,
        flags: c_int,
    ) -> *mut u8;
}

/// Writes the bytecode of the scripts below `out`, and gives a table of name, length of the source
/// that QuickJS is given and bytecode as Rust, sorted as they are.
pub(crate) fn table(scripts: Vec<Script>, out: &Path) -> String {
    let mut text = "const COMPILED: &[(&CStr, usize, &[u8])] = &[\n".to_owned();
    for (
        index,
        Script {
            name,
            text: body,
            lazy,
        },
    ) in scripts.into_iter().enumerate()
    {
        // As the binding makes a function of it.
        let source = match lazy {
            true => format!("(function(__bootstrap) {{\n{body}\n}})"),
            false => body,
        };
        let path = write(out, &format!("{index}.bytecode"), compile(&name, &source));
        let length = source.len();
        text += &format!("(c{name:?}, {length}, include_bytes!({path:?})),\n");
    }
    text + "];\n"
}

fn compile(name: &str, source: &str) -> Vec<u8> {
    let named = CString::new(name).expect("a name has no zero byte");
    let source = CString::new(source).expect("a script has no zero byte");
    // SAFETY: runtime and context are made here and freed after all that was made in them, which
    // nothing else has seen. Source and name live until then, and end with a zero byte.
    let bytecode = unsafe {
        let runtime = JS_NewRuntime();
        let context = JS_NewContext(runtime);
        let bytecode = bytecode(context, &source, &named);
        JS_FreeContext(context);
        JS_FreeRuntime(runtime);
        bytecode
    };
    bytecode.unwrap_or_else(|| panic!("`{name}` does not compile"))
}

/// # Safety
///
/// The context is a live one.
unsafe fn bytecode(context: *mut c_void, source: &CStr, name: &CStr) -> Option<Vec<u8>> {
    let length = source.count_bytes();
    // SAFETY: the context lives, by this function's own condition; `length` bytes of source are
    // followed by a zero byte.
    let script = unsafe {
        JS_Eval(
            context,
            source.as_ptr(),
            length,
            name.as_ptr(),
            COMPILE_ONLY,
        )
    };
    if script.tag == EXCEPTION {
        return None;
    }
    let mut size = 0;
    // SAFETY: as above, and the value was just made; it is freed here, and once.
    let memory = unsafe {
        let memory = JS_WriteObject(context, &mut size, script, WRITE);
        JS_FreeValue(context, script);
        memory
    };
    if memory.is_null() {
        return None;
    }
    // SAFETY: not null, so it is `size` bytes of the library's, which are copied before they are
    // freed.
    unsafe {
        let bytecode = std::slice::from_raw_parts(memory, size).to_vec();
        js_free(context, memory.cast());
        Some(bytecode)
    }
}
