//! Violations of which the time or the kind matters.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lazaret_protocol::ShimMessage;
use serde_json::{Value, json};

use crate::answer::number;
use crate::channel::send;
use crate::{Ask, calls};

pub(crate) const ASKS: &[Ask] = &[
    ("refused_at", |_| refused_at()),
    ("report_egress", |_| report_egress()),
    ("take_calls_back", |arguments| {
        take_calls_back(number(arguments, "at_most"))
    }),
];

/// Makes a call that nobody may make, and tells by the host's monotonic clock, in nanoseconds, when
/// it was about to.
fn refused_at() -> Value {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    #[expect(unsafe_code, reason = "the standard library does not tell the number")]
    // SAFETY: the call writes one `timespec` through the pointer, which is to a live one.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    let answer = calls::call("unshare");
    if result != 0 || answer != json!({ "errno": "EPERM" }) {
        return json!({ "error": answer });
    }
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    json!({ "ok": seconds * 1_000_000_000 + nanoseconds })
}

/// Says that a way to the network was refused.
fn report_egress() -> Value {
    send(&ShimMessage::Violation {
        permission: "network:read:example.com".to_owned(),
        call: None,
    });
    json!({ "ok": null })
}

/// One thread makes calls that nobody may make, and another has a signal take them back. Then one
/// more is made, which nobody takes back.
fn take_calls_back(at_most: u64) -> Value {
    extern "C" fn nothing(_: libc::c_int) {}
    static OVER: AtomicBool = AtomicBool::new(false);
    #[expect(unsafe_code, reason = "signals have no safe wrapper")]
    // SAFETY: all zero is a value of `sigaction`, and its handler does nothing.
    let handled = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as *const () as usize;
        libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut())
    };
    OVER.store(false, Ordering::Release);
    #[expect(unsafe_code, reason = "the standard library does not tell it")]
    // SAFETY: takes nothing and always succeeds.
    let caller = unsafe { libc::pthread_self() };
    let signals = std::thread::Builder::new()
        .stack_size(64 * 1024)
        .spawn(move || {
            // Ever more slowly, so that the slowest machine hears of a call in the end.
            let mut pause = Duration::ZERO;
            while !OVER.load(Ordering::Acquire) {
                std::thread::sleep(pause);
                pause += Duration::from_micros(10);
                #[expect(unsafe_code, reason = "signals have no safe wrapper")]
                // SAFETY: the thread waits for this one's end, so it is there.
                unsafe {
                    libc::pthread_kill(caller, libc::SIGUSR1);
                }
            }
        });
    let Ok(signals) = signals else {
        return json!({ "error": "no thread" });
    };
    let interrupted = json!({ "errno": "EINTR" });
    let taken_back = (0..at_most)
        .filter(|_| calls::call("unshare") == interrupted)
        .count();
    OVER.store(true, Ordering::Release);
    if handled != 0 || signals.join().is_err() {
        return json!({ "error": "no signals" });
    }
    json!({ "taken_back": taken_back, "last": calls::call("unshare") })
}
