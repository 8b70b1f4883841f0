use std::fmt;

use serde::Serialize;

use crate::origin::Setting;
use crate::overrides::ResourceOverrides;
use crate::units::{ByteSize, CpuShare, TimeLimit};

/// A share of the CPU against other groups when all want to run: 1 to 10000, 100 being usual (cgroup v2's `cpu.weight`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct CpuWeight(pub(crate) u32);

impl CpuWeight {
    /// As cgroup v2 takes it.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for CpuWeight {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Every limit that holds for a plugin. There is never swap, and a group that runs out of memory ends as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resources {
    /// `memory`
    pub memory: Memory,
    /// `cpu`
    pub cpu: Cpu,
    /// `pids`
    pub pids: Pids,
    /// `files`
    pub files: Files,
    /// `tmp`
    pub tmp: Tmp,
    /// `output`
    pub output: Output,
    /// `time`
    pub time: Time,
}

/// Memory of all processes of the plugin together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Above this the plugin is ended.
    pub max: Setting<ByteSize>,
    /// Above this the plugin is slowed down; at most `max`. Without it nothing slows the plugin down.
    pub high: Option<Setting<ByteSize>>,
}

/// CPU time of all processes of the plugin together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cpu {
    /// Most CPU time per time.
    pub max: Setting<CpuShare>,
    /// Share against others.
    pub weight: Setting<CpuWeight>,
}

/// Processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pids {
    /// Most processes and threads at a time.
    pub max: Setting<u32>,
}

/// Open files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Files {
    /// Most open file descriptors of one process.
    pub open: Setting<u32>,
}

/// The directory `/tmp`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tmp {
    /// Most bytes in it; they count as memory of the plugin as well.
    pub size: Setting<ByteSize>,
}

/// What the plugin hands out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Output {
    /// Most log bytes a second.
    pub log: Setting<ByteSize>,
    /// Longest line of the log.
    pub line: Setting<ByteSize>,
    /// Largest result of a call.
    pub result: Setting<ByteSize>,
}

/// How long things may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Time {
    /// From start to ready, by the clock.
    pub startup: Setting<TimeLimit>,
    /// One call, by the clock.
    pub call: Setting<TimeLimit>,
    /// One call, in CPU time.
    pub cpu_per_call: Setting<TimeLimit>,
}

impl Resources {
    pub(crate) fn override_by(&mut self, over: &ResourceOverrides) {
        lay(&mut self.memory.max, &over.memory_max);
        if over.memory_high.is_some() {
            self.memory.high.clone_from(&over.memory_high);
        }
        // Each file is checked on its own level; laid over another one, its high may come out above the maximum.
        if self
            .memory
            .high
            .as_ref()
            .is_some_and(|high| high.value > self.memory.max.value)
        {
            self.memory.high = Some(self.memory.max.clone());
        }
        lay(&mut self.cpu.max, &over.cpu_max);
        lay(&mut self.cpu.weight, &over.cpu_weight);
        lay(&mut self.pids.max, &over.pids_max);
        lay(&mut self.files.open, &over.files_open);
        lay(&mut self.tmp.size, &over.tmp_size);
        lay(&mut self.output.log, &over.output_log);
        lay(&mut self.output.line, &over.output_line);
        lay(&mut self.output.result, &over.output_result);
        lay(&mut self.time.startup, &over.time_startup);
        lay(&mut self.time.call, &over.time_call);
        lay(&mut self.time.cpu_per_call, &over.time_cpu_per_call);
    }
}

fn lay<T: Clone>(below: &mut Setting<T>, over: &Option<Setting<T>>) {
    if let Some(over) = over {
        below.clone_from(over);
    }
}
