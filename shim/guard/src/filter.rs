//! The second seccomp filter (seccomp(2)), on top of the container's own.
//!
//! The container's filter must let a runtime start; this one knows that it has started. It is
//! two programs, put on all threads at once: one ends the process on `execve`, the other answers
//! `EPERM` to whatever a running engine with its channel open does not need. A filter can only
//! take away, so an error in these lists cannot undo the first stage.
//!
//! Of all filters the strictest action wins, and an error number is stricter than a notification.
//! So what the first filter reports to the engine must pass this one, or the engine would never
//! hear of it. It is refused all the same: by the first filter, whether anybody listens or not.

mod ahead;
mod verdict;

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

use crate::readback::tasks;
use crate::reported::REPORTED;

pub use ahead::{Waiting, ahead};
pub use verdict::{Verdict, verdict};

/// How many programs [`install`] adds to every task.
pub const PROGRAMS: u64 = 2;

/// System calls that are let through whatever their arguments.
const ALLOWED: &[c_long] = &[
    // The channel, the console of a standalone run, files already open.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    // Waiting.
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_ctl,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    // V8's locks look these up of the thread that waits.
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_restart_syscall,
    // Time, chance, and who am I.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_sched_getaffinity,
    // Reading files; what may be opened is the mounts' business.
    libc::SYS_openat2,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_getdents64,
    libc::SYS_readlink,
    libc::SYS_readlinkat,
    // Memory that is not executable; `mmap` and `mprotect` have rules below.
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Signals a thread sets up for itself, and its end.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_rseq,
    libc::SYS_membarrier,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Calls that end the process: nothing in a plugin's container is ever executed. `execveat` does
/// the same, but is reported.
const FATAL: &[c_long] = &[libc::SYS_execve];

/// The flags glibc makes a thread with, and no others (clone(2)).
const NEW_THREAD: u64 = (libc::CLONE_VM
    | libc::CLONE_FS
    | libc::CLONE_FILES
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_SYSVSEM
    | libc::CLONE_SETTLS
    | libc::CLONE_PARENT_SETTID
    | libc::CLONE_CHILD_CLEARTID) as u64;

/// What a plugin's runtime is left beside what every one needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Memory that is executable: an engine that compiles to machine code cannot live without.
    pub executable_memory: bool,
    /// The socket to the engine's egress broker: to end one direction of a connection, and to ask
    /// how connecting went. Making and connecting it is the first filter's to allow or to report.
    pub egress: bool,
}

/// Why the filter is not on.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// The programs could not be put together.
    #[error("failed to compile the second system call filter")]
    Compile(#[source] seccompiler::BackendError),
    /// The kernel did not take a program.
    #[error("failed to install the second system call filter")]
    Install(#[source] seccompiler::Error),
    /// The thread that installs them could not be made, or was lost.
    #[error("failed to run the thread that installs the second system call filter")]
    Thread(#[source] std::io::Error),
    /// The tasks could not be looked at.
    #[error("failed to read back the system call filters")]
    ReadBack(#[source] std::io::Error),
    /// A task has fewer programs than it must have.
    #[error(
        "task `{task}` has `{found}` system call filters after the second stage, `{expected}` expected"
    )]
    NotEnforced {
        /// Its thread id.
        task: String,
        /// What the kernel says.
        found: String,
        /// What it should say.
        expected: u64,
    },
}

/// Puts the second filter on every thread of this process and reads back that it is there.
///
/// # Errors
///
/// [`FilterError`]; then the process must not go on, since some of it may be installed.
pub fn install(needs: Needs) -> Result<(), FilterError> {
    put_on(programs(needs).map_err(FilterError::Compile)?)
}

fn put_on(programs: [BpfProgram; 2]) -> Result<(), FilterError> {
    let before = tasks()
        .map_err(FilterError::ReadBack)?
        .iter()
        .filter_map(|(_, status)| status.seccomp_filters)
        .max();
    for program in programs {
        apply_filter_all_threads(&program).map_err(FilterError::Install)?;
    }
    for (task, status) in tasks().map_err(FilterError::ReadBack)? {
        let expected = before.map_or(PROGRAMS, |before| before + PROGRAMS);
        let counted = match (before, status.seccomp_filters) {
            (Some(_), found) => found.is_some_and(|found| found >= expected),
            // Kernels before 5.9 do not count.
            (None, _) => true,
        };
        if status.seccomp != Some(2) || !counted {
            let found = status
                .seccomp_filters
                .map_or("no".to_owned(), |found| found.to_string());
            return Err(FilterError::NotEnforced {
                task,
                found,
                expected,
            });
        }
    }
    Ok(())
}

/// The numbers of the system calls that the second filter lets through, sorted; some only with
/// certain arguments, and some only so that the first filter reports and refuses them.
#[must_use]
pub fn allowed_system_calls(needs: Needs) -> Vec<c_long> {
    // The conditions are well formed: a unit test compiles them.
    rules(needs)
        .map(|rules| rules.into_keys().collect())
        .unwrap_or_default()
}

fn programs(needs: Needs) -> Result<[BpfProgram; 2], seccompiler::BackendError> {
    let fatal = FATAL.iter().map(|call| (*call, Vec::new())).collect();
    let fatal = SeccompFilter::new(
        fatal,
        SeccompAction::Allow,
        SeccompAction::KillProcess,
        ARCHITECTURE,
    )?;
    let allowed = SeccompFilter::new(
        rules(needs)?,
        SeccompAction::Errno(libc::EPERM.cast_unsigned()),
        SeccompAction::Allow,
        ARCHITECTURE,
    )?;
    Ok([fatal.try_into()?, allowed.try_into()?])
}

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: TargetArch = TargetArch::x86_64;

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

fn rules(needs: Needs) -> Result<Rules, seccompiler::BackendError> {
    let reported = REPORTED.iter().map(|(_, call)| call);
    let mut rules: Rules = ALLOWED
        .iter()
        .chain(reported)
        .map(|call| (*call, Vec::new()))
        .collect();
    // The first filter allows the flags of a new thread and reports all others, comparing all 64
    // bits; this one refuses what that one allows.
    let no_thread =
        SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, NEW_THREAD)?;
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![no_thread])?]);
    let protection = |argument| {
        if needs.executable_memory {
            Ok(Vec::new())
        } else {
            let executable = libc::PROT_EXEC.cast_unsigned().into();
            let none = SeccompCmpOp::MaskedEq(executable);
            Ok(vec![when(&[(argument, none, 0)])?])
        }
    };
    rules.insert(libc::SYS_mmap, protection(2)?);
    rules.insert(libc::SYS_mprotect, protection(2)?);
    if needs.executable_memory {
        // V8 guards its code pages with a protection key where the processor has them.
        rules.insert(libc::SYS_pkey_mprotect, Vec::new());
    }
    if needs.egress {
        rules.insert(libc::SYS_shutdown, Vec::new());
        let level = libc::SOL_SOCKET.cast_unsigned().into();
        let error = libc::SO_ERROR.cast_unsigned().into();
        let asked = when(&[(1, SeccompCmpOp::Eq, level), (2, SeccompCmpOp::Eq, error)])?;
        rules.insert(libc::SYS_getsockopt, vec![asked]);
    }
    let writing = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC).cast_unsigned();
    let read_only = SeccompCmpOp::MaskedEq(writing.into());
    rules.insert(libc::SYS_openat, vec![when(&[(2, read_only, 0)])?]);
    rules.insert(
        libc::SYS_fcntl,
        [libc::F_GETFD, libc::F_GETFL]
            .into_iter()
            .map(|command| when(&[(1, SeccompCmpOp::Eq, command.cast_unsigned().into())]))
            .collect::<Result<_, _>>()?,
    );
    // Reading this process's own limits: threads look up their stack.
    let own_limits = when(&[(0, SeccompCmpOp::Eq, 0), (2, SeccompCmpOp::Eq, 0)])?;
    rules.insert(libc::SYS_prlimit64, vec![own_limits]);
    // `abort` signals this process, and only this one.
    let own = when(&[(0, SeccompCmpOp::Eq, std::process::id().into())])?;
    rules.insert(libc::SYS_tgkill, vec![own]);
    Ok(rules)
}

/// A rule that holds when all conditions `(argument, operator, value)` do.
fn when(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, seccompiler::BackendError> {
    let conditions = conditions
        .iter()
        .map(|(argument, operator, value)| {
            // The kernel reads these as 32 bits but for the pointer of `prlimit64`, of which no
            // half may be set; a `Qword` comparison with 0 covers that.
            let width = match value {
                0 if matches!(operator, SeccompCmpOp::Eq) => SeccompCmpArgLen::Qword,
                _ => SeccompCmpArgLen::Dword,
            };
            SeccompCondition::new(*argument, width, operator.clone(), *value)
        })
        .collect::<Result<_, _>>()?;
    SeccompRule::new(conditions)
}

#[cfg(test)]
mod tests;
