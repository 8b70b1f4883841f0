//! Violations of which the time or the kind matters.

use lazaret_protocol::ShimMessage;
use serde_json::{Value, json};

use crate::channel::send;
use crate::{Ask, calls};

pub(crate) const ASKS: &[Ask] = &[
    ("refused_at", |_| refused_at()),
    ("report_egress", |_| report_egress()),
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
