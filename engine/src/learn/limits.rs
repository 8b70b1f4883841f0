//! From a peak to a limit: a margin on top, a number people would write, and never more than the
//! limit under which the peak was seen.

use lazaret_policy::{EffectivePolicy, Resources};

use super::Peaks;

/// Room above what was seen, in percent: memory, tasks and sizes depend on what the plugin is
/// given to do.
pub const MARGIN_PERCENT: u64 = 150;

/// Room above a time that was seen, in percent: times depend on what else the machine does.
pub const TIME_MARGIN_PERCENT: u64 = 500;

/// Nobody's call is ended sooner than this, in milliseconds, however short those seen were: a busy
/// machine halts for as long now and then.
const LEAST_CALL_MS: u64 = 1000;
const LEAST_CPU_MS: u64 = 500;
const LEAST_STARTUP_MS: u64 = 2000;

/// The least a policy may say.
const LEAST_MEMORY: u64 = 24 << 20;
const LEAST_PIDS: u64 = 8;
const LEAST_SIZE: u64 = 1 << 10;
const LEAST_LINE: u64 = 128;

/// One limit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// The section below `resources`, and the key in it.
    pub(super) key: (&'static str, &'static str),
    /// As a policy says it.
    pub(super) value: String,
    /// What it rests on.
    pub(super) seen: String,
}

/// The limits that what was seen gives, section by section.
pub(super) fn limits(peaks: &Peaks, policy: &EffectivePolicy) -> Vec<Limit> {
    let held = policy.resources();
    let Resources {
        memory,
        pids,
        output,
        time,
        ..
    } = held;
    let size = |section, name, seen: Option<u64>, unit, least, most| {
        seen.map(|seen| Limit {
            key: (section, name),
            value: bytes(rounded(seen, MARGIN_PERCENT, unit, least, most)),
            seen: format!("peak {}", shown_bytes(seen)),
        })
    };
    let time_of = |name, what, seen: Option<u64>, least, most| {
        seen.map(|seen| {
            let unit = match with_margin(seen, TIME_MARGIN_PERCENT) {
                10_000.. => 1000,
                1000.. => 500,
                _ => 100,
            };
            Limit {
                key: ("time", name),
                value: milliseconds(rounded(seen, TIME_MARGIN_PERCENT, unit, least, most)),
                seen: format!("{what} {seen} ms"),
            }
        })
    };
    let tasks = peaks.pids.map(|seen| {
        let most = u64::from(pids.max.value);
        Limit {
            key: ("pids", "max"),
            value: rounded(seen, MARGIN_PERCENT, 2, LEAST_PIDS, most).to_string(),
            seen: format!("peak {seen}"),
        }
    });
    let memory_max = memory.max.value.bytes();
    [
        size(
            "memory",
            "max",
            peaks.memory_bytes,
            4 << 20,
            LEAST_MEMORY,
            memory_max,
        ),
        tasks,
        size(
            "output",
            "log",
            peaks.log_bytes,
            1 << 10,
            LEAST_SIZE,
            output.log.value.bytes(),
        ),
        size(
            "output",
            "line",
            peaks.line_bytes,
            128,
            LEAST_LINE,
            output.line.value.bytes(),
        ),
        size(
            "output",
            "result",
            peaks.result_bytes,
            1 << 10,
            LEAST_SIZE,
            output.result.value.bytes(),
        ),
        time_of(
            "startup",
            "took",
            peaks.startup_ms,
            LEAST_STARTUP_MS,
            time.startup.value.millis(),
        ),
        time_of(
            "call",
            "longest",
            peaks.call_ms,
            LEAST_CALL_MS,
            time.call.value.millis(),
        ),
        time_of(
            "cpu_per_call",
            "most",
            peaks.call_cpu_ms,
            LEAST_CPU_MS,
            time.cpu_per_call.value.millis(),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn with_margin(seen: u64, percent: u64) -> u64 {
    seen.saturating_mul(percent).div_ceil(100)
}

/// With its margin, a multiple of the unit. What was held while it was seen is the most, also
/// where it is no multiple.
fn rounded(seen: u64, percent: u64, unit: u64, least: u64, most: u64) -> u64 {
    let wanted = with_margin(seen, percent).max(least);
    wanted
        .checked_next_multiple_of(unit)
        .unwrap_or(most)
        .min(most)
}

fn bytes(bytes: u64) -> String {
    for (unit, name) in [(1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes.is_multiple_of(unit) {
            return format!("{}{name}", bytes / unit);
        }
    }
    format!("{bytes}B")
}

fn milliseconds(milliseconds: u64) -> String {
    match milliseconds.is_multiple_of(1000) {
        true => format!("{}s", milliseconds / 1000),
        false => format!("{milliseconds}ms"),
    }
}

/// For people: one decimal place at most.
fn shown_bytes(bytes: u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} B"),
        0x400..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0)),
    }
}

#[cfg(test)]
mod tests {
    use lazaret_policy::SecurityLevel;

    use super::*;

    fn shown(peaks: &Peaks) -> Vec<String> {
        let policy = EffectivePolicy::of(SecurityLevel::Standard);
        let limits = limits(peaks, &policy);
        let line = |limit: &Limit| {
            let Limit {
                key: (section, name),
                value,
                seen,
            } = limit;
            format!("{section}.{name} {value} ({seen})")
        };
        limits.iter().map(line).collect()
    }

    #[test]
    fn a_limit_is_the_peak_with_its_margin_in_friendly_units() {
        let peaks = Peaks {
            startup_ms: Some(612),
            memory_bytes: Some((30 << 20) + 1),
            pids: Some(9),
            call_ms: Some(300),
            call_cpu_ms: Some(2100),
            result_bytes: Some(3000),
            line_bytes: Some(100),
            log_bytes: Some(1500),
        };
        assert_eq!(
            shown(&peaks),
            [
                "memory.max 48MiB (peak 30.0 MiB)",
                "pids.max 14 (peak 9)",
                "output.log 3KiB (peak 1.5 KiB)",
                "output.line 256B (peak 100 B)",
                "output.result 5KiB (peak 2.9 KiB)",
                "time.startup 3500ms (took 612 ms)",
                "time.call 1500ms (longest 300 ms)",
                "time.cpu_per_call 5s (most 2100 ms)",
            ]
        );
    }

    #[test]
    fn little_gives_the_least_there_may_be_and_nothing_no_limit() {
        let least = Peaks {
            startup_ms: Some(1),
            memory_bytes: Some(1),
            pids: Some(1),
            call_ms: Some(0),
            call_cpu_ms: Some(0),
            result_bytes: Some(0),
            line_bytes: Some(0),
            log_bytes: Some(0),
        };
        assert_eq!(
            shown(&least).join(", "),
            "memory.max 24MiB (peak 1 B), pids.max 8 (peak 1), output.log 1KiB (peak 0 B), \
             output.line 128B (peak 0 B), output.result 1KiB (peak 0 B), time.startup 2s (took 1 ms), \
             time.call 1s (longest 0 ms), time.cpu_per_call 500ms (most 0 ms)"
        );
        assert_eq!(shown(&Peaks::default()), [""; 0]);
    }

    #[test]
    fn no_limit_is_wider_than_the_one_that_held() {
        let much = Peaks {
            memory_bytes: Some(63 << 20),
            pids: Some(u64::MAX),
            call_ms: Some(u64::MAX),
            ..Peaks::default()
        };
        assert_eq!(
            shown(&much)[..2],
            [
                "memory.max 64MiB (peak 63.0 MiB)".to_owned(),
                format!("pids.max 32 (peak {})", u64::MAX)
            ]
        );
        assert!(shown(&much)[2].starts_with("time.call 30s "));
    }
}
