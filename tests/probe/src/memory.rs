//! Memory: how much of it, and whether it can be executed.

use std::io;

use libc::{MAP_ANONYMOUS, MAP_PRIVATE, PROT_EXEC, PROT_READ, PROT_WRITE};
use serde_json::Value;

use crate::Ask;
use crate::answer::{number, of};

const PAGE: usize = 4096;

pub(crate) const ASKS: &[Ask] = &[
    ("map_executable", |_| {
        of(map(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC).map(drop))
    }),
    ("map_plain", |_| {
        of(map(PAGE, PROT_READ | PROT_WRITE).map(drop))
    }),
    ("protect_executable", |_| protect(PROT_READ | PROT_EXEC)),
    ("protect_plain", |_| protect(PROT_READ)),
    ("touch_memory", |arguments| touch(number(arguments, "mib"))),
];

/// Maps memory that is never given back: the kernel's `mmap` leaves it to the process's end.
fn map(bytes: usize, protection: i32) -> io::Result<*mut u8> {
    #[expect(
        unsafe_code,
        reason = "memory with a protection of one's own has no safe wrapper"
    )]
    // SAFETY: a new private mapping at a place the kernel chooses touches nothing that is there.
    let place = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            protection,
            MAP_PRIVATE | MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if place == libc::MAP_FAILED {
        Err(io::Error::last_os_error())
    } else {
        Ok(place.cast())
    }
}

fn protect(protection: i32) -> Value {
    let protect = || -> io::Result<()> {
        let place = map(PAGE, PROT_READ | PROT_WRITE)?;
        #[expect(unsafe_code, reason = "protection has no safe wrapper")]
        // SAFETY: the page was mapped just now and nobody else knows of it.
        let result = unsafe { libc::mprotect(place.cast(), PAGE, protection) };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    };
    of(protect())
}

fn touch(mib: u64) -> Value {
    of(touched(mib).map(|_| mib))
}

/// Writes to every page of so much new memory.
fn touched(mib: u64) -> io::Result<(*mut u8, usize)> {
    let bytes = usize::try_from(mib << 20).map_err(io::Error::other)?;
    let start = map(bytes, PROT_READ | PROT_WRITE)?;
    for offset in (0..bytes).step_by(PAGE) {
        #[expect(unsafe_code, reason = "the mapping is known by its address only")]
        // SAFETY: the offset is within the mapping made above, which is writable and nobody
        // else's. Volatile, so that no write is left out.
        unsafe {
            start.add(offset).write_volatile(1);
        }
    }
    Ok((start, bytes))
}

/// Takes so much memory, writes to it and gives it back.
pub(crate) fn touch_and_give_back(mib: u64) {
    if let Ok((start, bytes)) = touched(mib) {
        #[expect(unsafe_code, reason = "the mapping is known by its address only")]
        // SAFETY: the mapping was made just now, in this length, and nobody else knows of it.
        unsafe {
            libc::munmap(start.cast(), bytes);
        }
    }
}
