//! The shim must run in a root file system that holds nothing else: a static executable for this
//! machine.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use object::{
    elf,
    endian::Endianness,
    read::elf::{Dyn, FileHeader, ProgramHeader},
};

use crate::MAX_SHIM_BYTES;

/// Why a file cannot be the shim.
#[derive(Debug, thiserror::Error)]
pub enum ShimError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is a directory, a device or the like.
    #[error("shim is not a regular file: `{}`", path.display())]
    NotAFile {
        /// The file given.
        path: PathBuf,
    },
    /// It is longer than any shim.
    #[error("shim of `{bytes}` bytes or more exceeds the limit of `{limit}` bytes: `{}`", path.display())]
    TooLarge {
        /// The file given.
        path: PathBuf,
        /// Bytes found, at least.
        bytes: u64,
        /// [`MAX_SHIM_BYTES`].
        limit: u64,
    },
    /// It is a script, a library, cut short, or something else altogether.
    #[error("shim is not an ELF executable ({problem}): `{}`", path.display())]
    NotAnExecutable {
        /// The file given.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// It was built for another processor.
    #[error("shim is for machine `{found}`, this host needs `{expected}`: `{}`\nhint: machine numbers are those of `e_machine` in elf.h; build the shim for `{}`", path.display(), std::env::consts::ARCH)]
    OtherMachine {
        /// The file given.
        path: PathBuf,
        /// Its `e_machine`.
        found: u16,
        /// That of this host.
        expected: u16,
    },
    /// It needs a loader or libraries, and the root file system has none.
    #[error("shim is dynamically linked (needs {needs}): `{}`\nhint: build it with `RUSTFLAGS=\"-C target-feature=+crt-static\"` or for a musl target", path.display())]
    Dynamic {
        /// The file given.
        path: PathBuf,
        /// The loader or the number of libraries.
        needs: String,
    },
}

/// `e_machine` and the name OCI has for it, if Lazaret knows this host's processor.
pub(crate) const THIS_MACHINE: (u16, &str) = if cfg!(target_arch = "x86_64") {
    (elf::EM_X86_64.0, "amd64")
} else if cfg!(target_arch = "aarch64") {
    (elf::EM_AARCH64.0, "arm64")
} else {
    panic!("lazaret knows x86_64 and aarch64")
};

/// Reads a static executable for this machine.
pub(crate) fn read_static_executable(path: &Path) -> Result<Vec<u8>, ShimError> {
    // Asked before the file is opened: opening a named pipe would wait for a writer.
    let metadata = fs_err::metadata(path)?;
    if !metadata.is_file() {
        return Err(ShimError::NotAFile { path: path.into() });
    }
    let too_large = |bytes| ShimError::TooLarge {
        path: path.into(),
        bytes,
        limit: MAX_SHIM_BYTES,
    };
    if metadata.len() > MAX_SHIM_BYTES {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::new();
    fs_err::File::open(path)?
        .take(MAX_SHIM_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SHIM_BYTES {
        return Err(too_large(bytes.len() as u64));
    }
    check_static_executable(path, &bytes)?;
    Ok(bytes)
}

fn check_static_executable(path: &Path, bytes: &[u8]) -> Result<(), ShimError> {
    let not_an_executable = |problem: &str| ShimError::NotAnExecutable {
        path: path.into(),
        problem: problem.into(),
    };
    let broken = |error: object::read::Error| not_an_executable(&error.to_string());
    if bytes.starts_with(b"#!") {
        return Err(not_an_executable("it is a script"));
    }
    let header = elf::FileHeader64::<Endianness>::parse(bytes).map_err(broken)?;
    let endian = header.endian().map_err(broken)?;
    let (expected, _) = THIS_MACHINE;
    let found = header.e_machine(endian).0;
    if found != expected {
        return Err(ShimError::OtherMachine {
            path: path.into(),
            found,
            expected,
        });
    }
    // A static executable at a random address has type `ET_DYN` as a library has.
    if ![elf::ET_EXEC, elf::ET_DYN].contains(&header.e_type(endian)) {
        return Err(not_an_executable("it is an object file or a core dump"));
    }
    let segments = header.program_headers(endian, bytes).map_err(broken)?;
    if !segments
        .iter()
        .any(|segment| segment.p_type(endian) == elf::PT_LOAD)
    {
        return Err(not_an_executable("it has nothing to load"));
    }
    for segment in segments {
        if let Some(loader) = segment.interpreter(endian, bytes).map_err(broken)? {
            return Err(ShimError::Dynamic {
                path: path.into(),
                needs: format!(
                    "the loader `{}`",
                    String::from_utf8_lossy(loader).escape_debug()
                ),
            });
        }
        let entries = segment
            .dynamic(endian, bytes)
            .map_err(broken)?
            .unwrap_or(&[]);
        let libraries = entries
            .iter()
            .take_while(|entry| entry.d_tag(endian) != elf::DT_NULL)
            .filter(|entry| entry.d_tag(endian) == elf::DT_NEEDED)
            .count();
        if libraries > 0 {
            return Err(ShimError::Dynamic {
                path: path.into(),
                needs: format!("`{libraries}` shared libraries"),
            });
        }
    }
    Ok(())
}
