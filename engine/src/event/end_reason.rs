//! Why a plugin ended, named from what the kernel and the channel say.

use std::fmt;

use lazaret_launcher_wire::ExitStatus;
use lazaret_policy::{ByteSize, TimeLimit};
use lazaret_protocol::{Difference, PluginError};
use serde::Serialize;

use super::{Act, KILLED_FOR, SyscallViolation, WITHDRAWN, escape};

/// Why a plugin ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum EndReason {
    /// It was asked to stop and did.
    Stopped,
    /// Its process exited by itself.
    Exit {
        /// The status.
        code: i32,
    },
    /// An error nobody caught, outside of any call.
    Exception {
        /// `TypeError`, or the class the plugin gave it.
        name: String,
        /// The message.
        message: String,
        /// One frame a line.
        stack: String,
        /// As `main.js:3:9`.
        location: Option<String>,
    },
    /// The kernel ended it for its use of memory.
    OutOfMemory {
        /// `memory.max` in bytes.
        limit_bytes: u64,
        /// The most the cgroup used, in bytes, where the kernel tells.
        peak_bytes: Option<u64>,
        /// The JavaScript heap by the shim's last word, in bytes.
        heap_bytes: Option<u64>,
    },
    /// It used up its CPU time and the shim did not stop it.
    CpuTime {
        /// The limit in milliseconds.
        limit_ms: u64,
    },
    /// A call took too long and the shim did not stop it.
    WallTime {
        /// The limit in milliseconds.
        limit_ms: u64,
    },
    /// It asked for a system call that no plugin has any business with.
    ForbiddenSyscall {
        /// The name, as `mount`, or what is known of it.
        name: String,
        /// The arguments as plain numbers, where the call was seen by the engine.
        arguments: Option<[u64; 6]>,
    },
    /// It did what the policy has it ended for, other than a system call.
    Violation {
        /// What it did.
        act: Act,
    },
    /// It was not ready in time.
    StartupTimeout {
        /// The limit in milliseconds.
        limit_ms: u64,
    },
    /// The kernel does not enforce what the policy asks for; no plugin code was read.
    ReadBack {
        /// Every difference.
        differences: Vec<ReadBackDifference>,
    },
    /// It broke the rules of the channel: its process is in somebody else's hands.
    Protocol {
        /// Which rule.
        what: String,
    },
    /// The shim went away without a reason anybody knows.
    ShimLost {
        /// How its process ended.
        status: String,
        /// The last of what it wrote to standard error.
        output: String,
    },
    /// The engine's own end of the plugin failed.
    Engine {
        /// What failed.
        what: String,
    },
}

/// One thing the kernel enforces otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadBackDifference {
    /// What was read.
    pub what: String,
    /// What the policy asks for.
    pub expected: String,
    /// What the kernel says.
    pub found: String,
}

impl From<&Difference> for ReadBackDifference {
    fn from(difference: &Difference) -> Self {
        Self {
            what: difference.what.clone(),
            expected: difference.expected.clone(),
            found: difference.found.clone(),
        }
    }
}

/// What the engine decided before the process ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It asked the plugin to stop.
    Stop,
    /// It ended the plugin for this reason.
    Kill(EndReason),
}

/// What there is to tell from.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// How the process ended, where that was seen.
    pub exit: Option<ExitStatus>,
    /// What the engine had decided.
    pub verdict: Option<Verdict>,
    /// How often the kernel killed in the cgroup for want of memory.
    pub oom_kills: u64,
    /// `memory.max` in bytes.
    pub memory_limit: u64,
    /// The most memory used, in bytes.
    pub memory_peak: Option<u64>,
    /// The JavaScript heap by the shim's last word.
    pub heap: Option<u64>,
    /// The shim's last words.
    pub crash: Option<PluginError>,
    /// The shim's refusal.
    pub refused: Option<Vec<Difference>>,
    /// The end of what the process wrote to standard error.
    pub output: String,
}

impl EndReason {
    /// Names the reason. What the kernel says goes before what the shim says; the shim's words
    /// count only where they speak against itself.
    pub fn from_evidence(evidence: &Evidence) -> Self {
        if evidence.oom_kills > 0 && evidence.exit == Some(ExitStatus::Signal(libc::SIGKILL)) {
            return Self::OutOfMemory {
                limit_bytes: evidence.memory_limit,
                peak_bytes: evidence.memory_peak,
                heap_bytes: evidence.heap,
            };
        }
        if evidence.exit == Some(ExitStatus::Signal(libc::SIGSYS)) {
            return Self::ForbiddenSyscall {
                name: KILLED_FOR.to_owned(),
                arguments: None,
            };
        }
        if let Some(Verdict::Kill(reason)) = &evidence.verdict {
            return reason.clone();
        }
        if let Some(differences) = &evidence.refused {
            return Self::ReadBack {
                differences: differences.iter().map(Into::into).collect(),
            };
        }
        if let Some(error) = &evidence.crash {
            return Self::Exception {
                name: error.name.clone(),
                message: error.message.clone(),
                stack: error.stack.clone(),
                location: error.location.clone(),
            };
        }
        match (evidence.exit, &evidence.verdict) {
            (Some(ExitStatus::Code(0)), Some(Verdict::Stop)) => Self::Stopped,
            (Some(ExitStatus::Code(code)), _) if evidence.output.is_empty() => Self::Exit { code },
            (exit, _) => Self::ShimLost {
                status: match exit {
                    Some(ExitStatus::Code(code)) => format!("exit status {code}"),
                    Some(ExitStatus::Signal(signal)) => format!("signal {signal}"),
                    None => "its end was not seen".to_owned(),
                },
                output: evidence.output.clone(),
            },
        }
    }

    /// A violation that the engine ends the plugin for.
    pub fn violation(act: &Act) -> Self {
        match act {
            Act::Syscall(SyscallViolation {
                name, arguments, ..
            }) => Self::ForbiddenSyscall {
                name: name.clone(),
                arguments: Some(*arguments),
            },
            Act::Withdrawn => Self::ForbiddenSyscall {
                name: WITHDRAWN.to_owned(),
                arguments: None,
            },
            other => Self::Violation { act: other.clone() },
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => write!(formatter, "stopped"),
            Self::Exit { code } => write!(formatter, "exited with status {code}"),
            Self::Exception {
                name,
                message,
                location,
                ..
            } => {
                write!(formatter, "uncaught {}: {}", escape(name), escape(message))?;
                match location {
                    Some(location) => write!(formatter, " (at {})", escape(location)),
                    None => Ok(()),
                }
            }
            Self::OutOfMemory {
                limit_bytes,
                peak_bytes,
                heap_bytes,
            } => {
                write!(
                    formatter,
                    "out of memory (memory.max {}",
                    ByteSize::from_bytes(*limit_bytes)
                )?;
                if let Some(peak) = peak_bytes {
                    write!(formatter, ", peak {}", rounded(*peak))?;
                }
                if let Some(heap) = heap_bytes {
                    write!(formatter, ", JavaScript heap {}", rounded(*heap))?;
                }
                write!(formatter, ")")
            }
            Self::CpuTime { limit_ms } => {
                write!(
                    formatter,
                    "CPU time (cpu_per_call {})",
                    TimeLimit::from_millis(*limit_ms)
                )
            }
            Self::WallTime { limit_ms } => {
                write!(
                    formatter,
                    "wall time (call {})",
                    TimeLimit::from_millis(*limit_ms)
                )
            }
            Self::ForbiddenSyscall { name, .. } => {
                write!(formatter, "forbidden system call `{}`", escape(name))
            }
            Self::Violation { act } => {
                let act = act.to_string();
                write!(formatter, "its policy ends it for this: {}", escape(&act))
            }
            Self::StartupTimeout { limit_ms } => {
                write!(
                    formatter,
                    "not ready in time (startup {})",
                    TimeLimit::from_millis(*limit_ms)
                )
            }
            Self::ReadBack { differences } => {
                write!(
                    formatter,
                    "the kernel does not enforce what the policy asks for"
                )?;
                for difference in differences {
                    write!(
                        formatter,
                        "\n  {}: expected `{}`, found `{}`",
                        escape(&difference.what),
                        escape(&difference.expected),
                        escape(&difference.found)
                    )?;
                }
                Ok(())
            }
            Self::Protocol { what } => {
                write!(formatter, "it broke the channel's rules: {}", escape(what))
            }
            Self::ShimLost { status, output } => {
                write!(formatter, "the shim was lost ({status})")?;
                let output = output.trim();
                if output.is_empty() {
                    Ok(())
                } else {
                    write!(formatter, ": {}", escape(output))
                }
            }
            Self::Engine { what } => write!(formatter, "{what}"),
        }
    }
}

/// Bytes in the largest unit that leaves a whole number after rounding: `58 MiB`.
fn rounded(bytes: u64) -> String {
    const UNITS: [(u64, &str); 2] = [(1 << 20, "MiB"), (1 << 10, "KiB")];
    for (size, unit) in UNITS {
        if bytes >= size {
            return format!("{}{unit}", bytes.saturating_add(size / 2) / size);
        }
    }
    format!("{bytes}B")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(exit: ExitStatus) -> Evidence {
        Evidence {
            exit: Some(exit),
            memory_limit: 64 << 20,
            ..Evidence::default()
        }
    }

    #[test]
    fn the_kernel_is_believed_before_the_shim() {
        let killed = Evidence {
            oom_kills: 1,
            memory_peak: Some(64 << 20),
            heap: Some(58 << 20),
            crash: Some(PluginError {
                name: "Error".into(),
                message: "all is well".into(),
                stack: String::new(),
                location: None,
            }),
            ..evidence(ExitStatus::Signal(libc::SIGKILL))
        };
        assert_eq!(
            EndReason::from_evidence(&killed).to_string(),
            "out of memory (memory.max 64MiB, peak 64MiB, JavaScript heap 58MiB)"
        );
    }

    #[test]
    fn an_earlier_oom_kill_does_not_name_a_later_exit() {
        let exited = Evidence {
            oom_kills: 1,
            ..evidence(ExitStatus::Code(3))
        };
        assert_eq!(
            EndReason::from_evidence(&exited),
            EndReason::Exit { code: 3 }
        );
    }

    #[test]
    fn what_the_engine_decided_is_the_reason_for_its_own_signal() {
        let reason = EndReason::WallTime { limit_ms: 30_000 };
        let killed = Evidence {
            verdict: Some(Verdict::Kill(reason.clone())),
            ..evidence(ExitStatus::Signal(libc::SIGKILL))
        };
        assert_eq!(EndReason::from_evidence(&killed), reason);
        assert_eq!(reason.to_string(), "wall time (call 30s)");
    }

    #[test]
    fn a_signal_nobody_sent_is_a_lost_shim() {
        let segfault = Evidence {
            output: "thread panicked\u{1b}[2J".into(),
            ..evidence(ExitStatus::Signal(libc::SIGSEGV))
        };
        assert_eq!(
            EndReason::from_evidence(&segfault).to_string(),
            "the shim was lost (signal 11): thread panicked\\u{1b}[2J"
        );
    }

    #[test]
    fn a_stop_that_was_asked_for_is_no_failure() {
        let stopped = Evidence {
            verdict: Some(Verdict::Stop),
            ..evidence(ExitStatus::Code(0))
        };
        assert_eq!(EndReason::from_evidence(&stopped), EndReason::Stopped);
        let unasked = evidence(ExitStatus::Code(0));
        assert_eq!(
            EndReason::from_evidence(&unasked),
            EndReason::Exit { code: 0 }
        );
    }
}
