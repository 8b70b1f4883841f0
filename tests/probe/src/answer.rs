//! What the kernel answered, as JSON.

use std::io;

use serde_json::{Value, json};

/// Error numbers that have a name here; others are told as numbers.
const NAMES: &[(i32, &str)] = &[
    (libc::EACCES, "EACCES"),
    (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL"),
    (libc::EAGAIN, "EAGAIN"),
    (libc::EBADF, "EBADF"),
    (libc::EBUSY, "EBUSY"),
    (libc::ECHILD, "ECHILD"),
    (libc::ECONNREFUSED, "ECONNREFUSED"),
    (libc::EDQUOT, "EDQUOT"),
    (libc::EFAULT, "EFAULT"),
    (libc::EFBIG, "EFBIG"),
    (libc::EINVAL, "EINVAL"),
    (libc::EIO, "EIO"),
    (libc::ELOOP, "ELOOP"),
    (libc::EMFILE, "EMFILE"),
    (libc::ENETUNREACH, "ENETUNREACH"),
    (libc::ENODEV, "ENODEV"),
    (libc::ENOENT, "ENOENT"),
    (libc::ENOEXEC, "ENOEXEC"),
    (libc::ENOMEM, "ENOMEM"),
    (libc::ENOSPC, "ENOSPC"),
    (libc::ENOSYS, "ENOSYS"),
    (libc::ENOTDIR, "ENOTDIR"),
    (libc::ENXIO, "ENXIO"),
    (libc::EPERM, "EPERM"),
    (libc::EROFS, "EROFS"),
    (libc::ESRCH, "ESRCH"),
];

/// `{"errno": "EPERM"}` for an error of the kernel.
pub(crate) fn error(error: &io::Error) -> Value {
    json!({ "errno": name(error) })
}

/// `EPERM`, or the error's text where it has no number.
pub(crate) fn name(error: &io::Error) -> String {
    let Some(number) = error.raw_os_error() else {
        return error.to_string();
    };
    NAMES
        .iter()
        .find(|(known, _)| *known == number)
        .map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
}

/// `{"ok": ...}` or the error.
pub(crate) fn of<T: Into<Value>>(result: io::Result<T>) -> Value {
    match result {
        Ok(value) => json!({ "ok": value.into() }),
        Err(failure) => error(&failure),
    }
}

/// What a system call returned, with `errno` behind -1.
pub(crate) fn checked(result: i64) -> io::Result<i64> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// A string of the arguments, empty if it is not there.
pub(crate) fn text<'a>(arguments: &'a Value, key: &str) -> &'a str {
    arguments.get(key).and_then(Value::as_str).unwrap_or("")
}

/// A number of the arguments, 0 if it is not there.
pub(crate) fn number(arguments: &Value, key: &str) -> u64 {
    arguments.get(key).and_then(Value::as_u64).unwrap_or(0)
}
