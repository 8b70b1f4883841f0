//! Taking more than there is for one plugin. Each stops by itself at what it is told.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;

use libc::{O_CREAT, O_RDONLY, O_WRONLY, c_long};
use serde_json::{Value, json};

use super::{At, Tried, c_text, open, owned, pointer, told};
use crate::Ask;
use crate::answer::{name, number};
use crate::calls::raw;

pub(crate) const ASKS: &[Ask] = &[
    ("sparse_by_truncate", |arguments| {
        told(sparse_by_truncate(arguments))
    }),
    ("sparse_by_seek", |arguments| {
        told(sparse_by_seek(arguments))
    }),
    ("many_bytes", |arguments| many(arguments, byte_file)),
    ("many_files", |arguments| many(arguments, empty_file)),
    ("many_directories", |arguments| many(arguments, deeper)),
    ("many_descriptors", |arguments| {
        let mut held = Vec::new();
        many(arguments, |_| {
            held.push(open(c"/plugin/main.js", O_RDONLY).at("open")?);
            Ok(())
        })
    }),
    ("many_pipes", |arguments| {
        let mut held = Vec::new();
        many(arguments, |_| {
            held.push(full_pipe()?);
            Ok(())
        })
    }),
    ("many_forks", |arguments| many(arguments, fork)),
    ("many_clones", |arguments| many(arguments, clone_3)),
];

/// Does something so many times, and tells how often it went well and what stood in the way.
fn many(arguments: &Value, mut once: impl FnMut(u64) -> Tried<()>) -> Value {
    ignore_file_size_signal();
    let at_most = number(arguments, "at_most");
    for made in 0..at_most {
        if let Err((step, failure)) = once(made) {
            return json!({ "errno": name(&failure), "at": step, "made": made });
        }
    }
    json!({ "ok": at_most })
}

/// A file of 256 KiB, which no limit on one file's size forbids.
fn byte_file(number: u64) -> Tried<()> {
    let mut file = new_file(number)?;
    file.write_all(&[1; 256 * 1024]).at("write")
}

/// A pipe with all of the 64 KiB that it may hold (pipe(7)).
fn full_pipe() -> Tried<[File; 2]> {
    let mut ends = [0_i32; 2];
    let call = [ends.as_mut_ptr() as c_long, 0, 0, 0, 0, 0];
    raw(libc::SYS_pipe2, call).at("pipe2")?;
    let [reader, writer] = ends.map(|end| owned(end.into()));
    let mut pipe = [reader.at("pipe2")?, writer.at("pipe2")?].map(File::from);
    pipe[1].write_all(&[1; 64 * 1024]).at("write")?;
    Ok(pipe)
}

fn empty_file(number: u64) -> Tried<()> {
    new_file(number).map(drop)
}

fn new_file(number: u64) -> Tried<File> {
    let path = c_text(&format!("/tmp/{number}")).at("path")?;
    open(&path, O_WRONLY | O_CREAT).at("open")
}

/// A directory in the one before.
fn deeper(number: u64) -> Tried<()> {
    let name = c"a directory with a name of some length";
    let enter = if number == 0 { c"/tmp" } else { name };
    raw(libc::SYS_chdir, [pointer(enter), 0, 0, 0, 0, 0]).at("chdir")?;
    raw(libc::SYS_mkdir, [pointer(name), 0o700, 0, 0, 0, 0]).at("mkdir")?;
    Ok(())
}

/// A file that claims to be so large, by its length.
fn sparse_by_truncate(arguments: &Value) -> Tried {
    ignore_file_size_signal();
    let file = open(c"/tmp/sparse", O_WRONLY | O_CREAT).at("create")?;
    let bytes = number(arguments, "bytes").cast_signed();
    let call = [file.as_raw_fd().into(), bytes, 0, 0, 0, 0];
    raw(libc::SYS_ftruncate, call).at("ftruncate")?;
    Ok(Value::Null)
}

/// The same by a byte at its end.
fn sparse_by_seek(arguments: &Value) -> Tried {
    ignore_file_size_signal();
    let mut file = open(c"/tmp/sparse", O_WRONLY | O_CREAT).at("create")?;
    let end = SeekFrom::Start(number(arguments, "bytes"));
    file.seek(end).at("seek")?;
    file.write_all(b"x").at("write")?;
    Ok(Value::Null)
}

/// A process that waits until its container ends.
fn fork(_: u64) -> Tried<()> {
    waiting_child(raw(libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0, 0, 0])).at("clone")
}

/// The same by the newer call (clone(2)), whose flags no filter sees.
fn clone_3(_: u64) -> Tried<()> {
    let mut arguments = [0_u64; 11];
    arguments[4] = u64::from(libc::SIGCHLD.cast_unsigned());
    let size = size_of_val(&arguments) as c_long;
    waiting_child(raw(
        libc::SYS_clone3,
        [pointer(&arguments), size, 0, 0, 0, 0],
    ))
    .at("clone3")
}

fn waiting_child(made: io::Result<i64>) -> io::Result<()> {
    if made? == 0 {
        loop {
            std::thread::park();
        }
    }
    Ok(())
}

/// An error instead of the end where a file becomes too large (setrlimit(2)).
fn ignore_file_size_signal() {
    #[expect(unsafe_code, reason = "signals have no safe wrapper")]
    // SAFETY: ignoring a signal runs no code.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}
