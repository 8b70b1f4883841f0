use std::fmt;

use serde::Serialize;

use crate::name::{EnvName, PluginName, name};
use crate::origin::{Granted, Origin};
use crate::path::GrantPath;
use crate::units::{ByteSize, CpuShare, TimeLimit};
use crate::word::Words;

/// An entry of `filesystem.write`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Write {
    /// Its permission, reason and origin.
    pub granted: Granted,
    /// Most bytes written there in a plugin's life.
    pub size: ByteSize,
}

impl Write {
    /// What holds where no `size` is written, and for a permission `file:write:PATH`.
    pub const USUAL_SIZE: ByteSize = ByteSize::from_mib(64);
}

/// An entry of `exec.programs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Program {
    /// Its permission, reason and origin.
    pub granted: Granted,
    /// The host directory that holds the program's root file system.
    pub rootfs: GrantPath,
    /// The program's path within it.
    pub path: GrantPath,
    /// What one run may take.
    pub limits: ProgramLimits,
}

/// What one run of a program may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ProgramLimits {
    /// Most memory.
    pub memory: ByteSize,
    /// Most CPU time per time.
    pub cpu: CpuShare,
    /// Most processes and threads.
    pub pids: u32,
    /// Longest run, by the clock.
    pub time: TimeLimit,
    /// Most bytes of its standard input.
    pub input: ByteSize,
    /// Most bytes of its standard output, and as many of its standard error.
    pub output: ByteSize,
}

impl ProgramLimits {
    /// What holds where a limit is not written.
    pub const USUAL: Self = Self {
        memory: ByteSize::from_mib(64),
        cpu: CpuShare::from_percent(100),
        pids: 16,
        time: TimeLimit::from_millis(10_000),
        input: ByteSize::from_mib(1),
        output: ByteSize::from_mib(1),
    };

    /// The lower one of each.
    pub(crate) fn least(&self, other: &Self) -> Self {
        Self {
            memory: self.memory.min(other.memory),
            cpu: self.cpu.min(other.cpu),
            pids: self.pids.min(other.pids),
            time: self.time.min(other.time),
            input: self.input.min(other.input),
            output: self.output.min(other.output),
        }
    }
}

impl fmt::Display for ProgramLimits {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            memory,
            cpu,
            pids,
            time,
            input,
            output,
        } = self;
        write!(
            out,
            "memory {memory}, cpu {cpu}, pids {pids}, time {time}, input {input}, output {output}"
        )
    }
}

/// An entry of `messaging.send`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Send {
    /// Its permission, reason and origin.
    pub granted: Granted,
    /// What may be sent.
    pub terms: MessageTerms,
}

/// Which messages may be sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct MessageTerms {
    /// Of which types.
    pub types: Types,
    /// Most of them a second.
    pub rate: u32,
    /// Most bytes of one.
    pub size: ByteSize,
}

impl MessageTerms {
    /// What holds where nothing is written, and for a permission `message:send:PLUGIN`.
    #[must_use]
    pub const fn usual() -> Self {
        Self {
            types: Types(None),
            rate: 100,
            size: ByteSize::from_kib(64),
        }
    }
}

impl fmt::Display for MessageTerms {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { types, rate, size } = self;
        write!(out, "{types}, {rate} a second, {size} each")
    }
}

name!(
    /// The type of a message.
    MessageType, "type of message", 64,
    |byte| byte.is_ascii_alphanumeric(),
    |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte),
    "use letters, digits, `_`, `.` and `-`, at most 64, a letter or digit first"
);

/// Which types of messages: those named, or any where none is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Types(pub(crate) Option<Words<MessageType>>);

impl Types {
    /// Whether messages of the type are allowed.
    #[must_use]
    pub fn allow(&self, name: &str) -> bool {
        let named = |words: &Words<MessageType>| words.iter().any(|word| word.as_str() == name);
        self.0.as_ref().is_none_or(named)
    }

    pub(crate) fn cover(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(theirs)) => theirs.0.is_subset(&mine.0),
        }
    }

    /// What both allow, if anything.
    pub(crate) fn narrowed(&self, other: &Self) -> Option<Self> {
        let both = match (&self.0, &other.0) {
            (None, only) | (only, None) => only.clone(),
            (Some(mine), Some(theirs)) => {
                let both = Words(&mine.0 & &theirs.0);
                if both.is_empty() {
                    return None;
                }
                Some(both)
            }
        };
        Some(Self(both))
    }
}

impl fmt::Display for Types {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => out.write_str("any type"),
            Some(types) => write!(out, "types {types}"),
        }
    }
}

/// An entry of `messaging.receive`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receive {
    /// From whom.
    pub plugin: PluginName,
    /// Messages of which types.
    pub types: Types,
    /// Why, in the words of the policy's author.
    pub reason: Option<String>,
    /// Who said so.
    pub origin: Origin,
}

/// An entry of `env.set`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnvValue {
    /// The variable.
    pub name: EnvName,
    /// Its value.
    pub value: String,
    /// Who said so.
    pub origin: Origin,
}
