//! What a value is, asked of QuickJS itself.
//!
//! The binding tells kinds of objects apart by calling `Object.prototype.toString`, and takes where
//! a view begins and how long it is from properties, if the engine refuses to say. A plugin can have
//! both say anything, and so have any memory of the process read or written by whatever takes
//! bytes. The linker is told to send its questions here (`--wrap`, ld(1)), where no property of the
//! plugin's is looked at. `js/quickjs.js` keeps what is relied on here from being changed.
#![expect(unsafe_code, reason = "stands in for a function of a C library")]

use std::ffi::{CStr, c_char, c_int, c_void};

/// A `JSValue` as QuickJS-ng passes it on 64-bit machines: a union of eight bytes and a tag.
#[repr(C)]
#[derive(Clone, Copy)]
struct Value {
    bits: u64,
    tag: i64,
}

/// `JS_UNDEFINED` (quickjs.h).
const UNDEFINED: Value = Value { bits: 0, tag: 3 };

/// `JSPropertyDescriptor` (quickjs.h).
#[repr(C)]
struct Descriptor {
    flags: c_int,
    value: Value,
    getter: Value,
    setter: Value,
}

/// `JSCFunction` (quickjs.h).
type Function = unsafe extern "C" fn(*mut c_void, Value, c_int, *const Value) -> Value;

/// A predicate of quickjs.h.
type Predicate = unsafe extern "C" fn(Value) -> bool;

/// `JS_CFUNC_generic` (quickjs.h).
const GENERIC: c_int = 0;

unsafe extern "C" {
    fn __real_JS_GetPropertyStr(context: *mut c_void, object: Value, name: *const c_char) -> Value;
    fn JS_NewCFunction2(
        context: *mut c_void,
        function: Function,
        name: *const c_char,
        length: c_int,
        kind: c_int,
        magic: c_int,
    ) -> Value;
    fn JS_GetClassID(value: Value) -> u32;
    fn JS_GetClassProto(context: *mut c_void, class: u32) -> Value;
    fn JS_NewStringLen(context: *mut c_void, text: *const c_char, length: usize) -> Value;
    fn JS_FreeAtom(context: *mut c_void, atom: u32);
    fn JS_FreeValue(context: *mut c_void, value: Value);
    fn JS_NewAtom(context: *mut c_void, name: *const c_char) -> u32;
    fn JS_IsArrayBuffer(value: Value) -> bool;
    fn JS_IsDataView(value: Value) -> bool;
    fn JS_IsDate(value: Value) -> bool;
    fn JS_IsMap(value: Value) -> bool;
    fn JS_IsRegExp(value: Value) -> bool;
    fn JS_IsSet(value: Value) -> bool;
    fn JS_IsWeakMap(value: Value) -> bool;
    fn JS_IsWeakSet(value: Value) -> bool;
    fn JS_GetOwnProperty(
        context: *mut c_void,
        descriptor: *mut Descriptor,
        object: Value,
        name: u32,
    ) -> c_int;
    fn JS_Call(
        context: *mut c_void,
        function: Value,
        this: Value,
        count: c_int,
        arguments: *const Value,
    ) -> Value;
}

/// What every call of `JS_GetPropertyStr` by the binding reaches.
///
/// # Safety
///
/// As for `JS_GetPropertyStr` (quickjs.h): a live context, a live value, and a name that ends with
/// a zero byte.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_JS_GetPropertyStr(
    context: *mut c_void,
    object: Value,
    name: *const c_char,
) -> Value {
    // SAFETY: the caller gives a name that ends with a zero byte and lives for the call.
    let text = unsafe { CStr::from_ptr(name) };
    match text.to_bytes() {
        // Only asked to learn the kind of an object.
        // SAFETY: the context is live, the name as above.
        b"toString" => unsafe { JS_NewCFunction2(context, kind, name, 0, GENERIC, 0) },
        // There is none; what a plugin puts there is not to be taken for it.
        b"SharedArrayBuffer" => UNDEFINED,
        // Only asked of views for which the engine has no answer: those it found out of bounds or
        // detached have nothing to show.
        // SAFETY: the caller's promises are passed on.
        b"buffer" | b"byteLength" | b"byteOffset" => unsafe { of_view(context, object, name) },
        // SAFETY: as above.
        _ => unsafe { __real_JS_GetPropertyStr(context, object, name) },
    }
}

/// The predicates of quickjs.h for kinds of objects, with the names those have. An object of any
/// other kind is taken for a plain one.
const KINDS: [(Predicate, &CStr); 8] = [
    (JS_IsArrayBuffer, c"[object ArrayBuffer]"),
    (JS_IsDataView, c"[object DataView]"),
    (JS_IsDate, c"[object Date]"),
    (JS_IsMap, c"[object Map]"),
    (JS_IsRegExp, c"[object RegExp]"),
    (JS_IsSet, c"[object Set]"),
    (JS_IsWeakMap, c"[object WeakMap]"),
    (JS_IsWeakSet, c"[object WeakSet]"),
];

/// `[object Name]` for the kind of the receiver, as `Object.prototype.toString` has it before a
/// program changes anything.
///
/// # Safety
///
/// Called by QuickJS, with a live context and receiver.
unsafe extern "C" fn kind(
    context: *mut c_void,
    this: Value,
    _count: c_int,
    _arguments: *const Value,
) -> Value {
    let name = KINDS
        .iter()
        // SAFETY: the receiver is live, and the predicates only look at it.
        .find(|(is, _)| unsafe { is(this) })
        .map_or(c"[object Object]", |(_, name)| *name);
    // SAFETY: the context is live, and the text is as long as is said.
    unsafe { JS_NewStringLen(context, name.as_ptr(), name.count_bytes()) }
}

/// A property of a `DataView` by the accessor that the language gives all of them; `undefined` of
/// anything else.
///
/// # Safety
///
/// As for [`__wrap_JS_GetPropertyStr`].
unsafe fn of_view(context: *mut c_void, object: Value, name: *const c_char) -> Value {
    // SAFETY: context, object and name are live; the descriptor is filled in where it is read, and
    // what was given is given back once.
    unsafe {
        if !JS_IsDataView(object) {
            return UNDEFINED;
        }
        let prototype = JS_GetClassProto(context, JS_GetClassID(object));
        let atom = JS_NewAtom(context, name);
        let mut found = Descriptor {
            flags: 0,
            value: UNDEFINED,
            getter: UNDEFINED,
            setter: UNDEFINED,
        };
        let known = JS_GetOwnProperty(context, &raw mut found, prototype, atom);
        JS_FreeAtom(context, atom);
        JS_FreeValue(context, prototype);
        if known <= 0 {
            return UNDEFINED;
        }
        let value = JS_Call(context, found.getter, object, 0, std::ptr::null());
        JS_FreeValue(context, found.value);
        JS_FreeValue(context, found.getter);
        JS_FreeValue(context, found.setter);
        value
    }
}
