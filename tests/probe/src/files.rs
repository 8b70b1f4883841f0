//! Files: what can be opened, written and filled.

use std::fs::File;
use std::io::{self, Read, Write};

use serde_json::{Value, json};

use crate::Ask;
use crate::answer::{error, name, number, of, text};

pub(crate) const ASKS: &[Ask] = &[
    ("fill_bytes", |arguments| {
        fill_bytes(text(arguments, "path"))
    }),
    ("fill_inodes", |arguments| {
        fill_inodes(text(arguments, "path"))
    }),
    ("list", |arguments| list(text(arguments, "path"))),
    ("open_files", |arguments| {
        open_files(number(arguments, "at_most"))
    }),
    ("read", |arguments| read(text(arguments, "path"))),
    ("remove", |arguments| of(remove(text(arguments, "path")))),
    ("write", |arguments| write(text(arguments, "path"))),
];

/// The first 64 KiB of a file.
fn read(path: &str) -> Value {
    let read = || -> io::Result<String> {
        let mut bytes = Vec::new();
        open(path)?.take(64 * 1024).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    of(read())
}

/// Opens a file for writing, makes it if need be, and writes a byte.
fn write(path: &str) -> Value {
    let write = || -> io::Result<()> {
        let mut options = File::options();
        options.write(true).create(true).truncate(false);
        options.open(path)?.write_all(b"h")
    };
    of(write())
}

fn list(path: &str) -> Value {
    let list = || -> io::Result<Vec<String>> {
        entries(path)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    };
    of(list())
}

/// Writes into one file until no more goes in, then removes it.
fn fill_bytes(directory: &str) -> Value {
    let path = format!("{directory}/fill");
    let chunk = vec![1_u8; 64 * 1024];
    let mut written = 0_usize;
    let mut file = match create(&path) {
        Ok(file) => file,
        Err(failure) => return error(&failure),
    };
    let failure = loop {
        match file.write(&chunk) {
            Ok(count) => written += count,
            Err(failure) => break failure,
        }
    };
    drop(file);
    json!({ "bytes": written, "errno": name(&failure), "removed": remove(&path).is_ok() })
}

/// Makes empty files until no more can be made, then removes them.
pub(crate) fn fill_inodes(directory: &str) -> Value {
    let path = |number: u64| format!("{directory}/file{number}");
    let mut made = 0;
    let failure = loop {
        match create(&path(made)) {
            Ok(_) => made += 1,
            Err(failure) => break failure,
        }
    };
    for number in 0..made {
        if let Err(failure) = remove(&path(number)) {
            return error(&failure);
        }
    }
    json!({ "files": made, "errno": name(&failure) })
}

/// Opens descriptors until no more can be had, then closes them.
fn open_files(at_most: u64) -> Value {
    let mut held = Vec::new();
    for _ in 0..at_most {
        match open("/dev/null") {
            Ok(file) => held.push(file),
            Err(failure) => return json!({ "open": held.len(), "errno": name(&failure) }),
        }
    }
    json!({ "ok": held.len() })
}

// `fs_err` puts the path in the place of the kernel's number, and the number is what is asked for.

/// Opens for reading.
pub(crate) fn open(path: &str) -> io::Result<File> {
    File::options().read(true).open(path)
}

fn create(path: &str) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true).open(path)
}

#[expect(clippy::disallowed_methods, reason = "the kernel's number is wanted")]
fn remove(path: &str) -> io::Result<()> {
    std::fs::remove_file(path)
}

/// What is in a directory.
#[expect(clippy::disallowed_methods, reason = "the kernel's number is wanted")]
pub(crate) fn entries(path: &str) -> io::Result<std::fs::ReadDir> {
    std::fs::read_dir(path)
}

/// A whole file as text.
pub(crate) fn whole(path: &str) -> io::Result<String> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
