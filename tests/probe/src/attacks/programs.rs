//! Running something else than the runtime.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;

use libc::{O_CREAT, O_WRONLY};
use serde_json::Value;

use super::{At, Tried, open, owned, pointer, told};
use crate::Ask;
use crate::calls::raw;

pub(crate) const ASKS: &[Ask] = &[
    ("run_written", |_| told(run_written())),
    ("run_itself", |_| told(run_itself())),
    ("run_from_memory", |_| told(run_from_memory())),
    ("call_data", |_| told(call_data())),
];

/// A program for this machine that says `{"ok":"executed"}` and ends (elf(5)).
fn program() -> Vec<u8> {
    const PLACE: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 56;
    let code: &[u8] = &[
        0xb8, 1, 0, 0, 0, // mov eax, 1 (write)
        0xbf, 1, 0, 0, 0, // mov edi, 1
        0x48, 0x8d, 0x35, 16, 0, 0, 0, // lea rsi, [rip + 16]
        0xba, 18, 0, 0, 0, // mov edx, 18
        0x0f, 0x05, // syscall
        0xb8, 60, 0, 0, 0, // mov eax, 60 (exit)
        0x31, 0xff, // xor edi, edi
        0x0f, 0x05, // syscall
    ];
    let says = b"{\"ok\":\"executed\"}\n";
    let size = HEADERS + code.len() as u64 + says.len() as u64;
    let mut program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    // A program for x86-64, its start, its one program header.
    program.extend([2_u16, 62].map(u16::to_le_bytes).concat());
    program.extend(1_u32.to_le_bytes());
    program.extend([PLACE + HEADERS, 64, 0].map(u64::to_le_bytes).concat());
    program.extend(0_u32.to_le_bytes());
    program.extend([64_u16, 56, 1, 64, 0, 0].map(u16::to_le_bytes).concat());
    // All of the file, to be read and executed.
    program.extend([1_u32, 5].map(u32::to_le_bytes).concat());
    let header = [0, PLACE, PLACE, size, size, 0x1000];
    program.extend(header.map(u64::to_le_bytes).concat());
    [program.as_slice(), code, says].concat()
}

/// Writes a program to `/tmp` and runs it; it answers in this one's place.
fn run_written() -> Tried {
    let path = c"/tmp/program";
    let mut file = open(path, O_WRONLY | O_CREAT).at("create")?;
    file.write_all(&program()).at("write")?;
    drop(file);
    execute(path, &[pointer(path), 0]).at("execve")
}

/// Runs its own program anew, without what it has put on itself.
fn run_itself() -> Tried {
    let path = c"/proc/self/exe";
    execute(path, &[pointer(path), pointer(c"--say"), 0]).at("execve")
}

fn execute(path: &std::ffi::CStr, arguments: &[i64]) -> io::Result<Value> {
    let end = [0_i64];
    let call = [pointer(path), pointer(arguments), pointer(&end), 0, 0, 0];
    raw(libc::SYS_execve, call).map(Value::from)
}

/// Runs a program that is in no file system.
fn run_from_memory() -> Tried {
    let name = c"program";
    let call = [pointer(name), libc::MFD_CLOEXEC.into(), 0, 0, 0, 0];
    let made = raw(libc::SYS_memfd_create, call).at("memfd_create")?;
    let mut file = File::from(owned(made).at("memfd_create")?);
    file.write_all(&program()).at("write")?;
    let arguments = [pointer(name), 0];
    let end = [0_i64];
    let call = [
        file.as_raw_fd().into(),
        pointer(c""),
        pointer(&arguments),
        pointer(&end),
        libc::AT_EMPTY_PATH.into(),
        0,
    ];
    raw(libc::SYS_execveat, call)
        .map(Value::from)
        .at("execveat")
}

/// Has all memory that can be read be executable, and calls what it wrote to some (personality(2)).
fn call_data() -> Tried {
    const READ_IMPLIES_EXEC: i64 = 0x040_0000;
    const RETURN: u8 = 0xc3;
    raw(libc::SYS_personality, [READ_IMPLIES_EXEC, 0, 0, 0, 0, 0]).at("personality")?;
    let protection = (libc::PROT_READ | libc::PROT_WRITE).into();
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS).into();
    let start = raw(libc::SYS_mmap, [0, 4096, protection, flags, -1, 0]).at("mmap")?;
    let start = start as *mut u8;
    #[expect(unsafe_code, reason = "running data is what is tried")]
    // SAFETY: the page was mapped just now; what is written there is a function that returns at
    // once. Where it cannot be executed the kernel ends the process before anything happens.
    unsafe {
        start.write_volatile(RETURN);
        std::mem::transmute::<*mut u8, extern "C" fn()>(start)();
    }
    Ok("executed".into())
}
