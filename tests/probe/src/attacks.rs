//! What a plugin would try that is in command of the shim's own code. Files are opened by
//! `openat2`, whose flags no filter sees. Each ask says which step was refused:
//! `{"errno": "EPERM", "at": "connect"}`.

mod files;
mod kernel;
mod limits;
mod network;
mod processes;
mod programs;
mod ring;

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{FromRawFd, OwnedFd};

use libc::c_long;
use serde_json::{Value, json};

use crate::Ask;
use crate::answer::{error, text};
use crate::calls::raw;

pub(crate) use kernel::add_key;
pub(crate) use network::set_link_up;
pub(crate) use processes::drop_capabilities;

/// All of them.
pub(crate) fn asks() -> Vec<Ask> {
    [
        files::ASKS,
        kernel::ASKS,
        limits::ASKS,
        network::ASKS,
        processes::ASKS,
        programs::ASKS,
        ring::ASKS,
    ]
    .concat()
}

/// What came of an attack, or the step it was stopped at.
type Tried<T = Value> = Result<T, (&'static str, io::Error)>;

trait At<T> {
    /// Names the step.
    fn at(self, step: &'static str) -> Tried<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, step: &'static str) -> Tried<T> {
        self.map_err(|error| (step, error))
    }
}

fn told(tried: Tried) -> Value {
    match tried {
        Ok(value) => json!({ "ok": value }),
        Err((step, failure)) => {
            let mut answer = error(&failure);
            answer["at"] = step.into();
            answer
        }
    }
}

/// A text that has an address the kernel can take.
fn c_text(text: &str) -> io::Result<CString> {
    CString::new(text).map_err(io::Error::other)
}

/// A path of the arguments.
fn path(arguments: &Value, key: &str) -> io::Result<CString> {
    c_text(text(arguments, key))
}

fn pointer<T: ?Sized>(value: &T) -> c_long {
    std::ptr::from_ref(value).cast::<u8>() as c_long
}

/// Takes over a descriptor that a system call made.
fn owned(descriptor: i64) -> io::Result<OwnedFd> {
    let number = i32::try_from(descriptor).map_err(io::Error::other)?;
    #[expect(unsafe_code, reason = "system calls give descriptors as numbers")]
    // SAFETY: every caller passes on what a call that makes a descriptor has just returned.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Opens by `openat2` (openat2(2)).
fn open(path: &std::ffi::CStr, flags: i32) -> io::Result<File> {
    let mode = if flags & libc::O_CREAT == 0 { 0 } else { 0o700 };
    let flags = u64::from((flags | libc::O_CLOEXEC).cast_unsigned());
    let how: [u64; 3] = [flags, mode, 0];
    let size = size_of_val(&how) as c_long;
    let here = c_long::from(libc::AT_FDCWD);
    let call = [here, pointer(path), pointer(&how), size, 0, 0];
    Ok(owned(raw(libc::SYS_openat2, call)?)?.into())
}

/// The first bytes that can be read.
fn first_bytes(mut from: impl Read) -> io::Result<Value> {
    let mut bytes = [0; 64];
    let count = from.read(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes[..count]).into_owned().into())
}
