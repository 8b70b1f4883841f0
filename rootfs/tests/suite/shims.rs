//! What cannot be the shim, and what can.

use std::path::Path;

use crate::fixtures::{PT_DYNAMIC, PT_INTERP, PT_LOAD, THIS_MACHINE, elf, file, static_elf};
use lazaret_rootfs::{Contents, MAX_SHIM_BYTES, ShimError};

const EXECUTABLE: u16 = 2;
const POSITION_INDEPENDENT: u16 = 3;

fn refusal(bytes: &[u8]) -> ShimError {
    let (_directory, path) = file(bytes);
    Contents::new(&path).expect_err("must be refused")
}

fn dynamic(tag: u64) -> Vec<u8> {
    [tag, 1, 0, 0]
        .into_iter()
        .flat_map(u64::to_le_bytes)
        .collect()
}

#[test]
fn takes_a_static_executable_at_a_fixed_address() {
    let (_directory, path) = file(&static_elf(100));
    Contents::new(&path).expect("static");
}

/// It has a dynamic section (tag 7 is its relocations) but needs nothing.
#[test]
fn takes_a_static_executable_at_a_random_address() {
    let segments: [(u32, &[u8]); 2] = [(PT_LOAD, b"code"), (PT_DYNAMIC, &dynamic(7))];
    let (_directory, path) = file(&elf(THIS_MACHINE, POSITION_INDEPENDENT, &segments));
    Contents::new(&path).expect("static");
}

#[test]
fn refuses_a_dynamic_executable_of_this_host_with_a_hint() {
    let itself = std::env::current_exe().expect("a test runs from a file");
    let error = Contents::new(&itself).expect_err("this test uses the host's C library");
    assert!(matches!(error, ShimError::Dynamic { .. }), "{error:?}");
    assert!(
        error.to_string().contains("\nhint: build it with"),
        "{error}"
    );
}

#[test]
fn refuses_an_executable_that_names_a_loader() {
    let segments: [(u32, &[u8]); 2] = [(PT_LOAD, b"code"), (PT_INTERP, b"/lib/ld.so\0")];
    let error = refusal(&elf(THIS_MACHINE, EXECUTABLE, &segments));
    let text = error.to_string();
    assert!(text.contains("needs the loader `/lib/ld.so`"), "{text}");
}

/// A plain shared library has no loader either.
#[test]
fn refuses_an_executable_that_needs_libraries() {
    let segments: [(u32, &[u8]); 2] = [(PT_LOAD, b"code"), (PT_DYNAMIC, &dynamic(1))];
    let error = refusal(&elf(THIS_MACHINE, POSITION_INDEPENDENT, &segments));
    let text = error.to_string();
    assert!(text.contains("needs `1` shared libraries"), "{text}");
}

#[test]
fn refuses_an_executable_for_another_machine() {
    let error = refusal(&elf(8, EXECUTABLE, &[(PT_LOAD, b"code")]));
    assert!(
        matches!(error, ShimError::OtherMachine { found: 8, expected, .. } if expected == THIS_MACHINE),
        "{error:?}"
    );
}

#[test]
fn refuses_what_is_no_executable() {
    let whole = static_elf(100);
    let mut thirty_two_bit = whole.clone();
    thirty_two_bit[4] = 1;
    let table: [(&str, &[u8]); 7] = [
        ("nothing", b""),
        ("script", b"#!/bin/sh\nexec /bin/true\n"),
        (
            "text",
            b"not a program, but long enough to be the header of a program, is this text",
        ),
        ("cut in its header", &whole[..40]),
        ("cut in its segments", &whole[..100]),
        ("32-bit", &thirty_two_bit),
        ("nothing to load", &elf(THIS_MACHINE, EXECUTABLE, &[])),
    ];
    for (name, bytes) in table {
        let error = refusal(bytes);
        assert!(
            matches!(error, ShimError::NotAnExecutable { .. }),
            "{name}: {error:?}"
        );
    }
}

#[test]
fn refuses_what_is_no_file() {
    let error = Contents::new(Path::new("/dev/zero")).expect_err("a device");
    assert!(matches!(error, ShimError::NotAFile { .. }), "{error:?}");
    let directory = tempfile::tempdir().expect("temporary directory");
    let error = Contents::new(directory.path()).expect_err("a directory");
    assert!(matches!(error, ShimError::NotAFile { .. }), "{error:?}");
    let error = Contents::new(&directory.path().join("absent")).expect_err("absent");
    assert!(error.to_string().contains("absent"), "{error}");
}

#[test]
fn refuses_a_file_over_the_limit_without_reading_it() {
    let (_directory, path) = file(&static_elf(100));
    let sparse = fs_err::OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("open");
    sparse.set_len(MAX_SHIM_BYTES + 1).expect("a sparse file");
    let error = Contents::new(&path).expect_err("too large");
    assert!(
        matches!(error, ShimError::TooLarge { bytes, limit, .. } if bytes == limit + 1),
        "{error:?}"
    );
}
