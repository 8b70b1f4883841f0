//! Exit statuses: one for each kind of end.

use crate::api::Kind;

/// How a command ended. Listed in `docs/cli.md`; a number is never given a new meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// It did what it was asked for.
    Success = 0,
    /// The plugin threw an error, or its modules do not load.
    Exception = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The policy is wrong, or grants what cannot be held.
    Policy = 3,
    /// There is no such plugin, or it cannot be read.
    Plugin = 4,
    /// The host lacks something.
    Host = 5,
    /// The plugin has no function of that name.
    NoSuchFunction = 6,
    /// The arguments are no JSON.
    Arguments = 7,
    /// The result cannot be sent or is too large.
    Result = 8,
    /// An act was denied.
    Denied = 10,
    /// Out of memory.
    OutOfMemory = 11,
    /// CPU time used up.
    CpuTime = 12,
    /// Wall time used up.
    WallTime = 13,
    /// A forbidden system call.
    ForbiddenSyscall = 14,
    /// Not ready in time.
    StartupTimeout = 15,
    /// The kernel does not enforce what the policy asks for.
    ReadBack = 16,
    /// The shim was lost or broke the channel's rules.
    ShimLost = 17,
    /// The plugin's process exited by itself.
    Exited = 18,
    /// It did what its policy has it ended for.
    Violation = 19,
    /// A root file system is not what its manifest says.
    Rootfs = 20,
    /// A file cannot be written, or the state directory not be used.
    Output = 21,
    /// No `lazaret serve` answers, or it answers to others only.
    Server = 22,
    /// The policy needs a new container, and that was not asked for.
    NeedsRestart = 23,
    /// The plugin of that `lazaret serve` has ended or was stopped.
    NotRunning = 24,
    /// What is asked for is in use, or too much is under way: to be tried again.
    Busy = 25,
    /// Something of lazaret's own failed.
    Internal = 70,
    /// Interrupted by a signal from the terminal.
    Interrupted = 130,
}

impl From<Kind> for ExitCode {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Request => Self::Server,
            Kind::NoSuchPlugin | Kind::Plugin => Self::Plugin,
            Kind::NotRunning => Self::NotRunning,
            Kind::Quarantined | Kind::Violation => Self::Violation,
            Kind::NoSuchFunction => Self::NoSuchFunction,
            Kind::Arguments => Self::Arguments,
            Kind::Exception => Self::Exception,
            Kind::Denied => Self::Denied,
            Kind::OutOfMemory => Self::OutOfMemory,
            Kind::ForbiddenSyscall => Self::ForbiddenSyscall,
            Kind::CpuTime => Self::CpuTime,
            Kind::WallTime | Kind::Deadline => Self::WallTime,
            Kind::Cancelled => Self::Interrupted,
            Kind::Result => Self::Result,
            Kind::StartupTimeout => Self::StartupTimeout,
            Kind::ReadBack => Self::ReadBack,
            Kind::ShimLost => Self::ShimLost,
            Kind::Ended => Self::Exited,
            Kind::Policy | Kind::Wider | Kind::NoSuchRevision => Self::Policy,
            Kind::NeedsRestart => Self::NeedsRestart,
            Kind::Busy => Self::Busy,
            Kind::Rootfs => Self::Rootfs,
            Kind::State => Self::Output,
            Kind::Host => Self::Host,
            Kind::Internal => Self::Internal,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
