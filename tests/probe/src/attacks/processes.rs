//! Looking into other processes, and gaining what one was not given.

use std::io;

use libc::{c_int, c_long};
use serde_json::{Value, json};

use super::{At, Tried, pointer, told};
use crate::Ask;
use crate::answer::number;
use crate::calls::raw;

pub(crate) const ASKS: &[Ask] = &[
    ("signal", |arguments| told(signal(arguments))),
    ("signal_by_descriptor", |arguments| {
        told(signal_by_descriptor(arguments))
    }),
    ("trace", |arguments| told(trace(arguments))),
    ("peek", |arguments| told(peek(arguments))),
    ("steal_descriptor", |arguments| {
        told(steal_descriptor(arguments))
    }),
    ("renice", |_| told(renice())),
    ("realtime", |_| told(realtime())),
    ("affinity", |arguments| told(affinity(arguments))),
    ("allow_core", |_| told(allow_core())),
    ("become_root", |_| told(become_root())),
    ("take_capabilities", |_| told(take_capabilities())),
    ("own_limits", |_| told(own_limits())),
    ("own_scheduling", |_| told(own_scheduling())),
];

fn process(arguments: &Value) -> c_long {
    number(arguments, "process").cast_signed()
}

/// Sends the signal that does nothing (kill(2)).
fn signal(arguments: &Value) -> Tried {
    raw(libc::SYS_kill, [process(arguments), 0, 0, 0, 0, 0]).at("kill")?;
    Ok(Value::Null)
}

fn signal_by_descriptor(arguments: &Value) -> Tried {
    let open = [process(arguments), 0, 0, 0, 0, 0];
    let descriptor = raw(libc::SYS_pidfd_open, open).at("pidfd_open")?;
    let signal = [descriptor, 0, 0, 0, 0, 0];
    raw(libc::SYS_pidfd_send_signal, signal).at("pidfd_send_signal")?;
    Ok(Value::Null)
}

/// Becomes the tracer of a process, which goes on running (PTRACE_SEIZE).
fn trace(arguments: &Value) -> Tried {
    let seize = c_long::from(libc::PTRACE_SEIZE);
    let call = [seize, process(arguments), 0, 0, 0, 0];
    raw(libc::SYS_ptrace, call).at("ptrace")?;
    Ok(Value::Null)
}

/// Reads eight bytes of a process's memory.
fn peek(arguments: &Value) -> Tried {
    let mut bytes = [0_u8; 8];
    let here = [bytes.as_mut_ptr() as u64, 8];
    let there = [number(arguments, "address"), 8];
    let call = [process(arguments), pointer(&here), 1, pointer(&there), 1, 0];
    raw(libc::SYS_process_vm_readv, call).at("process_vm_readv")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned().into())
}

/// Has the standard output of a process as its own.
fn steal_descriptor(arguments: &Value) -> Tried {
    let open = [process(arguments), 0, 0, 0, 0, 0];
    let descriptor = raw(libc::SYS_pidfd_open, open).at("pidfd_open")?;
    let call = [descriptor, 1, 0, 0, 0, 0];
    raw(libc::SYS_pidfd_getfd, call).at("pidfd_getfd")?;
    Ok(Value::Null)
}

/// Goes before all others.
fn renice() -> Tried {
    let call = [libc::PRIO_PROCESS.into(), 0, -5, 0, 0, 0];
    raw(libc::SYS_setpriority, call).at("setpriority")?;
    Ok(Value::Null)
}

/// Is never put aside for others, for a moment.
fn realtime() -> Tried {
    let priority: [c_int; 1] = [1];
    let set = |policy: c_int, priority: &[c_int; 1]| {
        let call = [0, policy.into(), pointer(priority), 0, 0, 0];
        raw(libc::SYS_sched_setscheduler, call)
    };
    set(libc::SCHED_RR, &priority).at("sched_setscheduler")?;
    set(libc::SCHED_OTHER, &[0]).at("back")?;
    Ok(Value::Null)
}

/// Decides on which processors another process runs: those on which this one does.
fn affinity(arguments: &Value) -> Tried {
    let mut mask = [0_u64; 128];
    let size = size_of_val(&mask) as c_long;
    let call = [0, size, mask.as_mut_ptr() as c_long, 0, 0, 0];
    let size = raw(libc::SYS_sched_getaffinity, call).at("sched_getaffinity")?;
    let call = [process(arguments), size, pointer(&mask), 0, 0, 0];
    raw(libc::SYS_sched_setaffinity, call).at("sched_setaffinity")?;
    Ok(Value::Null)
}

/// Has crashes of its own written to the host's disk.
fn allow_core() -> Tried {
    let limit = [1_u64 << 20; 2];
    let core = libc::RLIMIT_CORE.into();
    raw(libc::SYS_prlimit64, [0, core, pointer(&limit), 0, 0, 0]).at("prlimit64")?;
    Ok(Value::Null)
}

/// Its own limits on core dumps.
fn own_limits() -> Tried {
    let mut limit = [1_u64; 2];
    let place = limit.as_mut_ptr() as c_long;
    let core = libc::RLIMIT_CORE.into();
    raw(libc::SYS_prlimit64, [0, core, 0, place, 0, 0]).at("prlimit64")?;
    Ok(json!(limit))
}

fn own_scheduling() -> Tried {
    let policy = raw(libc::SYS_sched_getscheduler, [0; 6]);
    policy.map(Value::from).at("sched_getscheduler")
}

fn become_root() -> Tried {
    raw(libc::SYS_setuid, [0; 6]).at("setuid")?;
    Ok(Value::Null)
}

/// `CAP_SYS_ADMIN`, permitted and in effect.
fn take_capabilities() -> Tried {
    set_capabilities(1 << 21).at("capset")?;
    Ok(Value::Null)
}

/// Lets go of every capability.
pub(crate) fn drop_capabilities() -> io::Result<()> {
    set_capabilities(0)
}

/// The lower 32 capabilities, effective and permitted (capset(2)).
fn set_capabilities(low: u32) -> io::Result<()> {
    let version: [u32; 2] = [0x2008_0522, 0];
    let sets: [u32; 6] = [low, low, 0, 0, 0, 0];
    let call = [pointer(&version), pointer(&sets), 0, 0, 0, 0];
    raw(libc::SYS_capset, call).map(drop)
}
