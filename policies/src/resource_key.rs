use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::problem::{Invalid, name_hint, quoted};

/// A key under `resources`, written as its path there: `memory.max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKey {
    /// `memory.max`
    MemoryMax,
    /// `memory.high`
    MemoryHigh,
    /// `cpu.max`
    CpuMax,
    /// `cpu.weight`
    CpuWeight,
    /// `pids.max`
    PidsMax,
    /// `files.open`
    FilesOpen,
    /// `tmp.size`
    TmpSize,
    /// `output.log`
    OutputLog,
    /// `output.line`
    OutputLine,
    /// `output.result`
    OutputResult,
    /// `time.startup`
    TimeStartup,
    /// `time.call`
    TimeCall,
    /// `time.cpu_per_call`
    TimeCpuPerCall,
}

impl ResourceKey {
    /// Every key, in the order of the language's description.
    pub const ALL: [Self; 13] = [
        Self::MemoryMax,
        Self::MemoryHigh,
        Self::CpuMax,
        Self::CpuWeight,
        Self::PidsMax,
        Self::FilesOpen,
        Self::TmpSize,
        Self::OutputLog,
        Self::OutputLine,
        Self::OutputResult,
        Self::TimeStartup,
        Self::TimeCall,
        Self::TimeCpuPerCall,
    ];

    /// The path of every key from the top, in the same order.
    pub(crate) const PATHS: [&'static str; 13] = [
        "resources.memory.max",
        "resources.memory.high",
        "resources.cpu.max",
        "resources.cpu.weight",
        "resources.pids.max",
        "resources.files.open",
        "resources.tmp.size",
        "resources.output.log",
        "resources.output.line",
        "resources.output.result",
        "resources.time.startup",
        "resources.time.call",
        "resources.time.cpu_per_call",
    ];

    /// The sections under `resources`.
    pub(crate) const SECTIONS: [&'static str; 7] =
        ["memory", "cpu", "pids", "files", "tmp", "output", "time"];

    /// Section and name within it.
    pub(crate) const fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::MemoryMax => ("memory", "max"),
            Self::MemoryHigh => ("memory", "high"),
            Self::CpuMax => ("cpu", "max"),
            Self::CpuWeight => ("cpu", "weight"),
            Self::PidsMax => ("pids", "max"),
            Self::FilesOpen => ("files", "open"),
            Self::TmpSize => ("tmp", "size"),
            Self::OutputLog => ("output", "log"),
            Self::OutputLine => ("output", "line"),
            Self::OutputResult => ("output", "result"),
            Self::TimeStartup => ("time", "startup"),
            Self::TimeCall => ("time", "call"),
            Self::TimeCpuPerCall => ("time", "cpu_per_call"),
        }
    }
}

impl FromStr for ResourceKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let paths = Self::ALL.map(|key| (key.to_string(), key));
        if let Some((_, key)) = paths.iter().find(|(path, _)| path == text) {
            return Ok(*key);
        }
        let known: Vec<&str> = paths.iter().map(|(path, _)| path.as_str()).collect();
        Err(
            Invalid::new(format!("{} is no key of `resources`", quoted(text)))
                .hint(name_hint(text, &known)),
        )
    }
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (section, name) = self.parts();
        write!(out, "{section}.{name}")
    }
}

impl Serialize for ResourceKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
