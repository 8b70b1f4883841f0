//! Optional system calls, by the names that policies have for them (`syscalls.allow` and
//! `syscalls.deny`). Neither engine needs any of them to start and to run, and none of them is of
//! any harm: what they reach is the container's own. No call of the list that is reported is in a
//! group, so no policy can add one.
//!
//! A group is let through whatever its arguments, which is what makes it safe to let a call go on
//! that was reported: see `docs/decisions/011-learning-by-notification.md`.

use lazaret_policy::{EffectivePolicy, SecurityLevel, SyscallGroup, Words};

/// Calls that are allowed or refused together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// As policies write it.
    pub(crate) name: &'static str,
    /// Sorted.
    pub(crate) calls: &'static [&'static str],
}

/// What the policy leaves: what its level has and what it adds, without what it takes away.
pub(crate) fn held(policy: &EffectivePolicy) -> Vec<&'static Group> {
    let syscalls = policy.syscalls();
    let named = |words: &Words<SyscallGroup>, group: &Group| {
        words.iter().any(|word| word.as_str() == group.name)
    };
    let leaves = |group: &&Group| {
        let had = match syscalls.level.value {
            SecurityLevel::Minimal => true,
            SecurityLevel::Standard => !TELLING.contains(&group.name),
            SecurityLevel::Maximum => false,
        };
        (had || named(&syscalls.allow.value, group)) && !named(&syscalls.deny.value, group)
    };
    GROUPS.iter().filter(leaves).collect()
}

/// Groups that tell of others on the machine, or take from them: not of level `standard`.
const TELLING: &[&str] = &["inotify", "machine-facts", "memory-locks", "page-cache"];

/// The group an optional call is in. `None` for every other call: what a runtime needs, what is
/// reported, what is unknown.
pub(crate) fn optional(call: &str) -> Option<&'static Group> {
    GROUPS.iter().find(|group| group.calls.contains(&call))
}

/// All there are, sorted.
pub(super) const GROUPS: &[Group] = &[
    // Waiting for child processes, and looking at process groups and sessions.
    Group {
        name: "children",
        calls: &["getpgid", "getpgrp", "getsid", "wait4", "waitid"],
    },
    // Duplicates of open descriptors.
    Group {
        name: "descriptors",
        calls: &["dup", "dup2", "dup3"],
    },
    // Making, renaming and removing files and directories.
    Group {
        name: "directory-changes",
        calls: &[
            "creat",
            "mkdir",
            "mkdirat",
            "rename",
            "renameat",
            "renameat2",
            "rmdir",
            "unlink",
            "unlinkat",
        ],
    },
    // Modes and times of files.
    Group {
        name: "file-attributes",
        calls: &["chmod", "fchmod", "fchmodat", "umask", "utimensat"],
    },
    // Moving bytes between descriptors within the kernel.
    Group {
        name: "file-copies",
        calls: &["copy_file_range", "sendfile", "splice"],
    },
    // Locks of whole files.
    Group {
        name: "file-locks",
        calls: &["flock"],
    },
    // Cutting, growing and reserving files.
    Group {
        name: "file-sizes",
        calls: &["fallocate", "ftruncate", "truncate"],
    },
    // Waiting until a file is on its disk.
    Group {
        name: "file-sync",
        calls: &["fdatasync", "fsync", "msync"],
    },
    // Watching files for changes: also those that others write.
    Group {
        name: "inotify",
        calls: &["inotify_add_watch", "inotify_init1", "inotify_rm_watch"],
    },
    // Load, memory, uptime and CPU of the machine, which tell of its other users.
    Group {
        name: "machine-facts",
        calls: &["getcpu", "getrusage", "sysinfo", "times"],
    },
    // Keeping memory in RAM.
    Group {
        name: "memory-locks",
        calls: &["mlock", "mlock2", "munlock"],
    },
    // What lies in the page cache, which tells what others read.
    Group {
        name: "page-cache",
        calls: &["fadvise64", "mincore"],
    },
    // Pipes within the process.
    Group {
        name: "pipes",
        calls: &["pipe", "pipe2"],
    },
    // Vectored reads, and writes at a place of a file.
    Group {
        name: "positioned-io",
        calls: &["preadv", "preadv2", "pwrite64", "pwritev", "pwritev2"],
    },
    // Priorities, and which CPUs threads run on.
    Group {
        name: "scheduling",
        calls: &[
            "getpriority",
            "sched_get_priority_max",
            "sched_get_priority_min",
            "sched_getattr",
            "sched_setaffinity",
        ],
    },
    // Signals to others in the container, and waiting for signals.
    Group {
        name: "signals",
        calls: &[
            "kill",
            "pause",
            "rt_sigpending",
            "rt_sigqueueinfo",
            "rt_sigsuspend",
            "rt_sigtimedwait",
            "rt_tgsigqueueinfo",
            "tkill",
        ],
    },
    // Options, names and batches of sockets the process was given.
    Group {
        name: "sockets",
        calls: &[
            "accept",
            "getpeername",
            "getsockname",
            "recvmmsg",
            "sendmmsg",
            "setsockopt",
        ],
    },
    // Interval timers, and timers as descriptors.
    Group {
        name: "timers",
        calls: &[
            "alarm",
            "getitimer",
            "setitimer",
            "timerfd_create",
            "timerfd_gettime",
            "timerfd_settime",
        ],
    },
    // Older and vectored ways to wait.
    Group {
        name: "waiting",
        calls: &["epoll_pwait2", "futex_waitv", "pselect6", "select"],
    },
];

#[cfg(test)]
mod tests {
    use lazaret_protocol::REPORTED_SYSTEM_CALLS;

    use super::*;

    #[test]
    fn the_language_has_a_word_for_each_group_and_no_other() {
        let words = SyscallGroup::ALL.iter().map(|word| word.as_str());
        assert!(words.eq(GROUPS.iter().map(|group| group.name)));
    }

    #[test]
    fn names_and_calls_are_sorted_and_what_is_reported_is_in_no_group() {
        assert!(GROUPS.is_sorted_by_key(|group| group.name));
        for group in GROUPS {
            assert!(group.calls.is_sorted(), "{}", group.name);
            for call in group.calls {
                assert!(!REPORTED_SYSTEM_CALLS.contains(call), "{call}");
                assert_eq!(optional(call), Some(group));
            }
        }
        for call in ["clone", "mount", "read", "socket", ""] {
            assert_eq!(optional(call), None, "{call}");
        }
    }
}
