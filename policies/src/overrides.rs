use std::ops::RangeInclusive;

use serde::Serialize;

use crate::origin::{Origin, Setting};
use crate::problem::Invalid;
use crate::range::{count_of, within};
use crate::resource_key::ResourceKey;
use crate::resources::{Cpu, CpuWeight, Files, Memory, Output, Pids, Resources, Time, Tmp};
use crate::units::{ByteSize, CpuShare, TimeLimit};

const MEMORY: RangeInclusive<ByteSize> = ByteSize::from_mib(24)..=ByteSize::from_mib(64 << 10);
const CPU: RangeInclusive<CpuShare> =
    CpuShare::from_percent(1)..=CpuShare::from_percent(100 * 1024);
const WEIGHT: RangeInclusive<u32> = 1..=10_000;
const PIDS: RangeInclusive<u32> = 8..=4096;
const OPEN_FILES: RangeInclusive<u32> = 32..=65_536;
const TMP: RangeInclusive<ByteSize> = ByteSize::from_kib(4)..=ByteSize::from_mib(64 << 10);
const LOG: RangeInclusive<ByteSize> = ByteSize::from_kib(1)..=ByteSize::from_mib(64);
const LINE: RangeInclusive<ByteSize> = ByteSize::from_bytes(128)..=ByteSize::from_mib(1);
const RESULT: RangeInclusive<ByteSize> = ByteSize::from_kib(1)..=ByteSize::from_mib(4);
const TIME: RangeInclusive<TimeLimit> =
    TimeLimit::from_millis(1)..=TimeLimit::from_millis(24 * 60 * 60 * 1000);

/// The limits one policy names; the layer below holds for the others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ResourceOverrides {
    /// `memory.max`
    pub memory_max: Option<Setting<ByteSize>>,
    /// `memory.high`
    pub memory_high: Option<Setting<ByteSize>>,
    /// `cpu.max`
    pub cpu_max: Option<Setting<CpuShare>>,
    /// `cpu.weight`
    pub cpu_weight: Option<Setting<CpuWeight>>,
    /// `pids.max`
    pub pids_max: Option<Setting<u32>>,
    /// `files.open`
    pub files_open: Option<Setting<u32>>,
    /// `tmp.size`
    pub tmp_size: Option<Setting<ByteSize>>,
    /// `output.log`
    pub output_log: Option<Setting<ByteSize>>,
    /// `output.line`
    pub output_line: Option<Setting<ByteSize>>,
    /// `output.result`
    pub output_result: Option<Setting<ByteSize>>,
    /// `time.startup`
    pub time_startup: Option<Setting<TimeLimit>>,
    /// `time.call`
    pub time_call: Option<Setting<TimeLimit>>,
    /// `time.cpu_per_call`
    pub time_cpu_per_call: Option<Setting<TimeLimit>>,
}

impl ResourceOverrides {
    /// Reads the value of one key and checks it against the key's limits.
    pub(crate) fn set(
        &mut self,
        key: ResourceKey,
        text: &str,
        plain: bool,
        origin: Origin,
    ) -> Result<(), Invalid> {
        use ResourceKey as Key;
        let size = |range, why| within(text.parse()?, range, why);
        let count = |range, why| count_of(text, plain, range, why);
        let time = || within(text.parse()?, TIME, "");
        match key {
            Key::MemoryMax => put(
                &mut self.memory_max,
                size(MEMORY, "a JavaScript runtime needs 24MiB to run")?,
                origin,
            ),
            Key::MemoryHigh => put(
                &mut self.memory_high,
                size(MEMORY, "a JavaScript runtime needs 24MiB to run")?,
                origin,
            ),
            Key::CpuMax => put(
                &mut self.cpu_max,
                within(text.parse()?, CPU, "100% is one CPU")?,
                origin,
            ),
            Key::CpuWeight => put(
                &mut self.cpu_weight,
                CpuWeight(count(WEIGHT, "100 is usual")?),
                origin,
            ),
            Key::PidsMax => put(
                &mut self.pids_max,
                count(PIDS, "the runtime itself needs up to 7")?,
                origin,
            ),
            Key::FilesOpen => put(
                &mut self.files_open,
                count(OPEN_FILES, "a container needs 18 to start")?,
                origin,
            ),
            Key::TmpSize => put(
                &mut self.tmp_size,
                size(TMP, "`4KiB` is one page of memory")?,
                origin,
            ),
            Key::OutputLog => put(
                &mut self.output_log,
                size(LOG, "it counts log bytes a second")?,
                origin,
            ),
            Key::OutputLine => put(
                &mut self.output_line,
                size(LINE, "longer lines are cut")?,
                origin,
            ),
            Key::OutputResult => {
                put(
                    &mut self.output_result,
                    size(
                        RESULT,
                        "a message of the protocol holds 8MiB, escaped text included",
                    )?,
                    origin,
                );
            }
            Key::TimeStartup => put(&mut self.time_startup, time()?, origin),
            Key::TimeCall => put(&mut self.time_call, time()?, origin),
            Key::TimeCpuPerCall => put(&mut self.time_cpu_per_call, time()?, origin),
        }
        Ok(())
    }

    /// These, and those of `below` where these say nothing.
    pub(crate) fn or(self, below: Self) -> Self {
        Self {
            memory_max: self.memory_max.or(below.memory_max),
            memory_high: self.memory_high.or(below.memory_high),
            cpu_max: self.cpu_max.or(below.cpu_max),
            cpu_weight: self.cpu_weight.or(below.cpu_weight),
            pids_max: self.pids_max.or(below.pids_max),
            files_open: self.files_open.or(below.files_open),
            tmp_size: self.tmp_size.or(below.tmp_size),
            output_log: self.output_log.or(below.output_log),
            output_line: self.output_line.or(below.output_line),
            output_result: self.output_result.or(below.output_result),
            time_startup: self.time_startup.or(below.time_startup),
            time_call: self.time_call.or(below.time_call),
            time_cpu_per_call: self.time_cpu_per_call.or(below.time_cpu_per_call),
        }
    }

    /// All limits, if every one but `memory.high` is named.
    pub(crate) fn complete(self) -> Option<Resources> {
        Some(Resources {
            memory: Memory {
                max: self.memory_max?,
                high: self.memory_high,
            },
            cpu: Cpu {
                max: self.cpu_max?,
                weight: self.cpu_weight?,
            },
            pids: Pids {
                max: self.pids_max?,
            },
            files: Files {
                open: self.files_open?,
            },
            tmp: Tmp {
                size: self.tmp_size?,
            },
            output: Output {
                log: self.output_log?,
                line: self.output_line?,
                result: self.output_result?,
            },
            time: Time {
                startup: self.time_startup?,
                call: self.time_call?,
                cpu_per_call: self.time_cpu_per_call?,
            },
        })
    }
}

fn put<T>(slot: &mut Option<Setting<T>>, value: T, origin: Origin) {
    *slot = Some(Setting { value, origin });
}
