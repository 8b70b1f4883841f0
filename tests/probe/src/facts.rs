//! What the kernel says of this process, as text; the test compares it with the policy.

use serde_json::{Map, Value, json};

use crate::{Ask, files};

pub(crate) const ASKS: &[Ask] = &[("facts", |_| facts())];

/// Files of `/proc` that are handed on whole.
const FILES: &[&str] = &[
    "/proc/1/environ",
    "/proc/net/dev",
    "/proc/net/unix",
    "/proc/self/cgroup",
    "/proc/self/cmdline",
    "/proc/self/gid_map",
    "/proc/self/limits",
    "/proc/self/mountinfo",
    "/proc/self/status",
    "/proc/self/uid_map",
    "/proc/sys/kernel/hostname",
];

fn facts() -> Value {
    let mut facts = Map::new();
    for file in FILES {
        let text = files::whole(file).unwrap_or_else(|error| format!("cannot be read: {error}"));
        facts.insert((*file).to_owned(), text.into());
    }
    facts.insert("descriptors".to_owned(), names("/proc/self/fd"));
    facts.insert("processes".to_owned(), names("/proc"));
    json!(facts)
}

/// The numbers among the names in a directory.
fn names(directory: &str) -> Value {
    let entries = files::entries(directory).into_iter().flatten().flatten();
    let mut numbers: Vec<u32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    json!(numbers)
}
