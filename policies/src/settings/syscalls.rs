use crate::breadth::measured;
use crate::fields::Written;
use crate::level::SecurityLevel;
use crate::problem::Invalid;
use crate::settings::section::section;
use crate::word::{Words, words};

words! {
    /// Optional system calls that are allowed or refused together. The engine knows which calls each holds.
    SyscallGroup, "group of system calls" {
        /// Waiting for child processes.
        Children = "children",
        /// Duplicates of open descriptors.
        Descriptors = "descriptors",
        /// Making, renaming and removing files and directories.
        DirectoryChanges = "directory-changes",
        /// Modes and times of files.
        FileAttributes = "file-attributes",
        /// Moving bytes between descriptors within the kernel.
        FileCopies = "file-copies",
        /// Locks of whole files.
        FileLocks = "file-locks",
        /// Cutting, growing and reserving files.
        FileSizes = "file-sizes",
        /// Waiting until a file is on its disk.
        FileSync = "file-sync",
        /// Watching files for changes.
        Inotify = "inotify",
        /// Load, memory, uptime and CPU of the machine.
        MachineFacts = "machine-facts",
        /// Keeping memory in RAM.
        MemoryLocks = "memory-locks",
        /// What lies in the page cache.
        PageCache = "page-cache",
        /// Pipes within the process.
        Pipes = "pipes",
        /// Vectored reads, and writes at a place of a file.
        PositionedIo = "positioned-io",
        /// Priorities, and which CPUs threads run on.
        Scheduling = "scheduling",
        /// Signals to others in the container.
        Signals = "signals",
        /// Options, names and batches of sockets.
        Sockets = "sockets",
        /// Timers.
        Timers = "timers",
        /// Further ways to wait.
        Waiting = "waiting",
    }
}

measured! {
    // The strictest comes last and allows least.
    SecurityLevel: |level| SecurityLevel::Maximum as u64 - *level as u64;
}

section! {
    /// The section `syscalls`, but for its mode.
    Syscalls, SyscallOverrides {
        /// Whose filters hold.
        level: SecurityLevel = "syscalls.level", one, Most, Recreate, level;
        /// Groups that are allowed beyond the level's.
        allow: Words<SyscallGroup> = "syscalls.allow", many, Adding, Recreate, Words::read;
        /// Groups that are refused, whatever else allows them.
        deny: Words<SyscallGroup> = "syscalls.deny", many, Taking, Recreate, Words::read;
    }
}

fn level(written: &Written) -> Result<SecurityLevel, Invalid> {
    written.text.parse()
}
