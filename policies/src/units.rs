use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::problem::{Invalid, one_of, quoted};

/// One kind of quantity: its name, an example, and its units in terms of the smallest, smallest first.
struct Quantity {
    noun: &'static str,
    example: &'static str,
    units: &'static [(&'static str, u64)],
}

const SIZE: Quantity = Quantity {
    noun: "size",
    example: "64MiB",
    units: &[
        ("B", 1),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ],
};
const TIME: Quantity = Quantity {
    noun: "time",
    example: "30s",
    units: &[("ms", 1), ("s", 1000), ("m", 60_000)],
};
const KEEP: Quantity = Quantity {
    noun: "time to keep something",
    example: "30d",
    units: &[("h", 1), ("d", 24)],
};
const SHARE: Quantity = Quantity {
    noun: "CPU share",
    example: "50%",
    units: &[("%", 1)],
};

impl Quantity {
    fn parse(&self, text: &str) -> Result<u64, Invalid> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let such_as = format!(
            "write a whole number and a unit, such as `{}`",
            self.example
        );
        if number.is_empty() || (number.len() > 1 && number.starts_with('0')) {
            return Err(
                Invalid::new(format!("{} is no {}", quoted(text), self.noun)).hint(such_as),
            );
        }
        let names: Vec<&str> = self.units.iter().map(|(name, _)| *name).collect();
        if unit.is_empty() {
            let hint = format!("add {}, such as `{}`", one_of(&names), self.example);
            return Err(Invalid::new(format!("{} has no unit", quoted(text))).hint(hint));
        }
        if unit.starts_with(['.', ',']) {
            let hint = format!("write a whole number of {}", one_of(&names));
            return Err(Invalid::new(format!("{} is a fraction", quoted(text))).hint(hint));
        }
        let Some((_, factor)) = self.units.iter().find(|(name, _)| *name == unit) else {
            let hint = format!("use {}, without a space before it", one_of(&names));
            return Err(
                Invalid::new(format!("{} is no unit of {}", quoted(unit), self.noun)).hint(hint),
            );
        };
        let value = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*factor));
        value.ok_or_else(|| {
            Invalid::new(format!("{} is larger than any {}", quoted(text), self.noun)).hint(such_as)
        })
    }

    /// The value in the largest unit that holds it as a whole number.
    fn write(&self, value: u64, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, factor): &&(&str, u64)| value != 0 && value.is_multiple_of(*factor);
        let (name, factor) = self.units.iter().rev().find(fits).unwrap_or(&self.units[0]);
        out.pad(&format!("{}{name}", value / factor))
    }
}

/// A whole number without sign, leading zero or unit.
pub(crate) fn whole_number(text: &str) -> Result<u64, Invalid> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits && (text == "0" || !text.starts_with('0')) {
        text.parse().ok()
    } else {
        None
    };
    number.ok_or_else(|| {
        Invalid::new(format!("{} is no whole number", quoted(text)))
            .hint("write digits only, such as `32`")
    })
}

/// An amount of bytes, written `64MiB` (`B`, `KiB`, `MiB`, `GiB`: powers of 1024).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// So many bytes.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many times 1024 bytes; the largest size where that does not fit.
    #[must_use]
    pub const fn from_kib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 10))
    }

    /// So many times 1024 KiB; the largest size where that does not fit.
    #[must_use]
    pub const fn from_mib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 20))
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// A span of time, written `250ms`, `30s` or `2m`; kept in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeLimit(u64);

impl TimeLimit {
    /// So many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// In milliseconds.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// As the standard library's type.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

/// How long something is kept, written `12h` or `30d`; kept in hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeepTime(u64);

impl KeepTime {
    /// So many hours.
    #[must_use]
    pub const fn from_hours(hours: u64) -> Self {
        Self(hours)
    }

    /// In hours.
    #[must_use]
    pub const fn hours(self) -> u64 {
        self.0
    }
}

/// CPU time per time, in percent of one CPU, written `50%`; above `100%` it is more than one CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CpuShare(u64);

impl CpuShare {
    /// So many percent of one CPU.
    #[must_use]
    pub const fn from_percent(percent: u64) -> Self {
        Self(percent)
    }

    /// In percent of one CPU.
    #[must_use]
    pub const fn percent(self) -> u64 {
        self.0
    }

    /// The CPU time allowed in each `period`, in the period's unit; the largest number where that does not fit.
    #[must_use]
    pub const fn quota(self, period: u64) -> u64 {
        self.0.saturating_mul(period) / 100
    }
}

macro_rules! quantity {
    ($type:ident, $quantity:ident) => {
        impl FromStr for $type {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                $quantity.parse(text).map(Self)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                $quantity.write(self.0, out)
            }
        }

        impl Serialize for $type {
            /// As it is written in a policy.
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

quantity!(ByteSize, SIZE);
quantity!(TimeLimit, TIME);
quantity!(KeepTime, KEEP);
quantity!(CpuShare, SHARE);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_times_and_shares_are_read() {
        assert_eq!("64MiB".parse(), Ok(ByteSize::from_mib(64)));
        assert_eq!("0B".parse(), Ok(ByteSize::from_bytes(0)));
        assert_eq!(
            "2m".parse::<TimeLimit>().expect("a time").duration(),
            Duration::from_secs(120)
        );
        assert_eq!("150%".parse(), Ok(CpuShare::from_percent(150)));
        assert_eq!(CpuShare::from_percent(50).quota(100_000), 50_000);
    }

    #[test]
    fn what_has_no_clear_meaning_is_refused_with_the_reason() {
        let cases = [
            ("64", "`64` has no unit"),
            ("", "`` is no size"),
            ("MiB", "`MiB` is no size"),
            ("-1MiB", "`-1MiB` is no size"),
            ("+1MiB", "`+1MiB` is no size"),
            ("064MiB", "`064MiB` is no size"),
            ("1.5MiB", "`1.5MiB` is a fraction"),
            ("64MB", "`MB` is no unit of size"),
            ("64mib", "`mib` is no unit of size"),
            ("64 MiB", "` MiB` is no unit of size"),
            ("٣MiB", "`٣MiB` is no size"),
            ("99999999999GiB", "`99999999999GiB` is larger than any size"),
            (
                "99999999999999999999999B",
                "`99999999999999999999999B` is larger than any size",
            ),
        ];
        for (text, message) in cases {
            let error = text.parse::<ByteSize>().expect_err(text);
            assert_eq!(error.to_string(), message);
            assert!(error.advice().is_some(), "{text} has a hint");
        }
    }

    #[test]
    fn whole_numbers_are_digits_only() {
        assert_eq!(whole_number("0"), Ok(0));
        assert_eq!(whole_number("4096"), Ok(4096));
        for text in [
            "",
            "+1",
            "-1",
            "01",
            "1e3",
            "0x10",
            "1_000",
            "99999999999999999999",
        ] {
            assert!(whole_number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_largest_whole_unit_is_shown() {
        assert_eq!(ByteSize::from_kib(1536).to_string(), "1536KiB");
        assert_eq!(ByteSize::from_mib(1024).to_string(), "1GiB");
        assert_eq!(TimeLimit::from_millis(90_000).to_string(), "90s");
        assert_eq!(TimeLimit::from_millis(0).to_string(), "0ms");
    }
}
