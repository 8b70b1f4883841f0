//! Processes and threads: making them, ending them, and never coming back.

use std::io;
use std::sync::atomic::{AtomicI32, Ordering};

use libc::c_long;
use serde_json::{Value, json};

use crate::Ask;
use crate::answer::{checked, error, name, number, of};

pub(crate) const ASKS: &[Ask] = &[
    ("clone_as_fork", |_| of(clone(libc::SIGCHLD))),
    ("clone_as_vfork", |_| {
        of(clone(libc::CLONE_VFORK | libc::SIGCHLD))
    }),
    ("clone_new_user", |_| {
        of(clone(libc::CLONE_NEWUSER | libc::SIGCHLD))
    }),
    ("clone_3", |_| of(clone_3())),
    ("clone_thread", |_| of(clone_thread())),
    ("execute", |_| execute()),
    ("exit", |arguments| {
        std::process::exit(i32::try_from(number(arguments, "code")).unwrap_or(1))
    }),
    ("abort", |_| std::process::abort()),
    ("fork_bomb", |arguments| {
        fork_bomb(number(arguments, "at_most"))
    }),
    ("kill_all", |_| of(kill(-1, libc::SIGKILL))),
    ("kill_parent_group", |_| of(kill(0, 0))),
    ("segfault", |_| segfault()),
    ("sleep", |_| {
        loop {
            std::thread::park();
        }
    }),
    ("spin", |_| {
        loop {
            std::hint::spin_loop();
        }
    }),
    (
        "thread",
        |_| of(thread().map(|handle| unpark(vec![handle]))),
    ),
    ("threads", |arguments| threads(number(arguments, "at_most"))),
];

/// A child that ends at once, in case there is one.
fn clone(flags: i32) -> io::Result<i64> {
    #[expect(unsafe_code, reason = "processes are not made by a safe wrapper")]
    // SAFETY: without `CLONE_VM` the child has a copy of everything and its own stack; it does
    // nothing but end.
    let result = unsafe { libc::syscall(libc::SYS_clone, c_long::from(flags), 0, 0, 0, 0) };
    if result == 0 {
        end();
    }
    checked(result)
}

fn clone_3() -> io::Result<i64> {
    // `struct clone_args` (clone(2)), all zero: a plain fork without a signal.
    let arguments = [0_u64; 11];
    #[expect(unsafe_code, reason = "processes are not made by a safe wrapper")]
    // SAFETY: the structure is as long as is said; the child has a copy of everything.
    let result = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            arguments.as_ptr(),
            size_of_val(&arguments),
        )
    };
    if result == 0 {
        end();
    }
    checked(result)
}

/// A thread made with the C library's flags, by the older of the two calls, and waited for.
fn clone_thread() -> io::Result<bool> {
    const FLAGS: i32 = libc::CLONE_VM
        | libc::CLONE_FS
        | libc::CLONE_FILES
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD
        | libc::CLONE_SYSVSEM
        | libc::CLONE_SETTLS
        | libc::CLONE_PARENT_SETTID
        | libc::CLONE_CHILD_CLEARTID;
    static ID: AtomicI32 = AtomicI32::new(0);
    extern "C" fn nothing(_: *mut libc::c_void) -> i32 {
        0
    }
    let stack = Box::leak(vec![0_u128; 4096].into_boxed_slice());
    let none = std::ptr::null_mut::<libc::c_void>();
    #[expect(unsafe_code, reason = "the safe wrapper takes the newer call first")]
    // SAFETY: the thread has a stack of its own that is never given back, grows down from its
    // aligned end, and needs no thread-local storage: it does nothing but end. The kernel writes
    // its id to a static, where it puts 0 once the thread is gone.
    let id = unsafe {
        libc::clone(
            nothing,
            stack.as_mut_ptr_range().end.cast(),
            FLAGS,
            none,
            ID.as_ptr(),
            none,
            ID.as_ptr(),
        )
    };
    checked(c_long::from(id))?;
    while ID.load(Ordering::Acquire) != 0 {
        std::hint::spin_loop();
    }
    Ok(true)
}

fn end() -> ! {
    #[expect(unsafe_code, reason = "a child must not run the parent's destructors")]
    // SAFETY: takes a number and does not return.
    unsafe {
        libc::_exit(0)
    }
}

/// Forks again and again, whatever comes of it.
pub(crate) fn fork_bomb(at_most: u64) -> Value {
    let mut made = 0;
    let mut last = None;
    for _ in 0..at_most {
        match clone(libc::SIGCHLD) {
            Ok(_) => made += 1,
            Err(failure) => last = Some(name(&failure)),
        }
    }
    json!({ "made": made, "errno": last })
}

/// Runs the shim's own program again. Does not return where it succeeds.
fn execute() -> Value {
    let path = c"/lazaret/shim";
    let arguments = [path.as_ptr(), std::ptr::null()];
    #[expect(unsafe_code, reason = "the safe wrapper forks first")]
    // SAFETY: both lists end with a null pointer and hold static texts.
    let result = unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), &arguments[1]) };
    of(checked(c_long::from(result)))
}

fn kill(process: i32, signal: i32) -> io::Result<i64> {
    #[expect(unsafe_code, reason = "the safe wrapper takes no special numbers")]
    // SAFETY: takes two numbers.
    let result = unsafe { libc::kill(process, signal) };
    checked(c_long::from(result))
}

fn segfault() -> Value {
    #[expect(unsafe_code, reason = "the fault is what is wanted")]
    // SAFETY: none is claimed: no memory is at this address, so the kernel ends the process with
    // SIGSEGV before anything is read. The address is not null, which the compiler may act upon.
    let byte = unsafe { std::ptr::without_provenance::<u8>(4096 * 3).read_volatile() };
    json!({ "ok": byte })
}

fn thread() -> io::Result<std::thread::JoinHandle<()>> {
    let builder = std::thread::Builder::new().stack_size(64 * 1024);
    builder.spawn(std::thread::park)
}

fn unpark(handles: Vec<std::thread::JoinHandle<()>>) -> bool {
    handles.into_iter().all(|handle| {
        handle.thread().unpark();
        handle.join().is_ok()
    })
}

/// Starts threads until no more can be had, then lets them end.
pub(crate) fn threads(at_most: u64) -> Value {
    let mut handles = Vec::new();
    let mut failure = None;
    for _ in 0..at_most {
        match thread() {
            Ok(handle) => handles.push(handle),
            Err(reason) => {
                failure = Some(reason);
                break;
            }
        }
    }
    let started = handles.len();
    if !unpark(handles) {
        return json!({ "error": "a thread panicked" });
    }
    match failure {
        None => json!({ "ok": started }),
        Some(reason) => {
            let mut answer = error(&reason);
            answer["started"] = started.into();
            answer
        }
    }
}
