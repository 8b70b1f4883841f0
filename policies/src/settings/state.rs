use crate::breadth::measured;
use crate::fields::Written;
use crate::problem::Invalid;
use crate::range::{count, size};
use crate::settings::section::section;
use crate::units::ByteSize;
use crate::word::words;

words! {
    /// How important a line of the log is; a later one is more so.
    LogLevel, "level of the log" {
        /// For whoever looks for a fault.
        Debug = "debug",
        /// What happens.
        Info = "info",
        /// What should not.
        Warn = "warn",
        /// What failed.
        Error = "error",
    }
}

measured! {
    LogLevel: |level| *level as u64;
}

section! {
    /// The section `kv`: what the plugin keeps from one life to the next.
    Kv, KvOverrides {
        /// Most bytes of all keys and values together; with none there is nothing to keep anything in.
        size: ByteSize = "kv.size", one, Most, Live, all;
        /// Most keys.
        keys: u32 = "kv.keys", one, Most, Live, keys;
        /// Most bytes of one value.
        value: ByteSize = "kv.value", one, Most, Live, value;
    }
}

section! {
    /// The section `log`.
    Log, LogOverrides {
        /// Lines of a lower level are dropped.
        level: LogLevel = "log.level", one, Least, Live, level;
    }
}

fn all(written: &Written) -> Result<ByteSize, Invalid> {
    let range = ByteSize::from_bytes(0)..=ByteSize::from_mib(1 << 10);
    size(
        written,
        range,
        "it is kept on the engine's disk; `0B` keeps nothing",
    )
}

fn keys(written: &Written) -> Result<u32, Invalid> {
    count(
        written,
        1..=1_000_000,
        "each is looked up on the engine's disk",
    )
}

fn value(written: &Written) -> Result<ByteSize, Invalid> {
    let range = ByteSize::from_bytes(1)..=ByteSize::from_mib(1);
    size(written, range, "a message of the protocol carries several")
}

fn level(written: &Written) -> Result<LogLevel, Invalid> {
    written.text.parse()
}
