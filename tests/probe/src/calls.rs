//! Single system calls that only an attack makes, each with arguments that would do something.

mod table;

use libc::{c_char, c_long};
use serde_json::{Value, json};

use crate::Ask;
use crate::answer::{checked, of, text};
use table::{Argument, CALLS};

/// `call` makes the call that its argument `name` names.
pub(crate) const ASKS: &[Ask] = &[
    ("call", |arguments| call(text(arguments, "name"))),
    ("call_32_bit", |_| call_32_bit()),
    ("call_x32", |_| {
        const X32: c_long = 0x4000_0000;
        of(raw(X32 | libc::SYS_getpid, [0; 6]))
    }),
    ("get_process_id", |_| of(raw(libc::SYS_getpid, [0; 6]))),
];

/// Makes the call of this name.
pub(crate) fn call(name: &str) -> Value {
    let Some((_, number, arguments)) = CALLS.iter().find(|(known, ..)| *known == name) else {
        return json!({ "error": "no such call" });
    };
    let mut buffer = [0_u64; 512];
    let buffer = buffer.as_mut_ptr() as c_long;
    let plain = arguments.map(|argument| match argument {
        Argument::Number(number) => number,
        Argument::Text(text) => text.as_ptr().cast::<c_char>() as c_long,
        Argument::Buffer => buffer,
    });
    of(raw(*number, plain))
}

/// Mounts a tmpfs over `/tmp`.
pub(crate) fn mount() {
    call("mount");
}

/// Makes a system call with arguments that are numbers, or addresses of what its callers hold for
/// as long as it takes.
pub(crate) fn raw(number: c_long, [a, b, c, d, e, f]: [c_long; 6]) -> std::io::Result<i64> {
    #[expect(unsafe_code, reason = "a forbidden call has no safe wrapper")]
    // SAFETY: every pointer is to a text or a buffer that the caller holds, as large as the kernel
    // writes for that call. A call that succeeds against all expectation may take the process
    // down, which the test then sees.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    checked(result)
}

/// `getpid` by the 32-bit table (number 20).
#[cfg(target_arch = "x86_64")]
fn call_32_bit() -> Value {
    let result: i32;
    #[expect(
        unsafe_code,
        reason = "the other table is reached by this instruction only"
    )]
    // SAFETY: `getpid` takes no pointer and changes nothing; the kernel keeps all registers but
    // rax, and r8 to r11, which are named.
    unsafe {
        std::arch::asm!(
            "int 0x80",
            inlateout("eax") 20 => result,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    json!({ "ok": result })
}

#[cfg(not(target_arch = "x86_64"))]
fn call_32_bit() -> Value {
    json!({ "error": "there is no such table" })
}
