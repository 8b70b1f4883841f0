use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::breadth::measured;
use crate::fields::Written;
use crate::problem::{Invalid, quoted};
use crate::range::{count, time};
use crate::settings::section::section;
use crate::units::TimeLimit;
use crate::word::words;

const HOUR: u64 = 60 * 60 * 1000;

section! {
    /// The section `health`.
    Health, HealthOverrides {
        /// From one question to the next.
        interval: TimeLimit = "health.interval", one, Most, Live, interval;
        /// How long an answer may take.
        timeout: TimeLimit = "health.timeout", one, Most, Live, timeout;
        /// So many failures in a row end the plugin.
        failures: u32 = "health.failures", one, Most, Live, failures;
        /// Which function of the plugin is called.
        function: HealthFunction = "health.function", one, Same, Live, function;
    }
}

words! {
    /// After which end a plugin is started again; a later one more often.
    RestartOn, "reason to start a plugin again" {
        /// After none.
        Never = "never",
        /// Where it failed: crashed, ran out of something, gave no sign.
        Failure = "failure",
        /// Whatever it ended by, but a request to stop.
        Always = "always",
    }
}

measured! {
    RestartOn: |on| *on as u64;
}

section! {
    /// The section `restart`.
    Restart, RestartOverrides {
        /// After which end.
        on: RestartOn = "restart.on", one, Most, Live, on;
        /// The first wait; each further one is twice as long.
        first: TimeLimit = "restart.first", one, Least, Live, wait;
        /// The longest wait.
        most: TimeLimit = "restart.most", one, Least, Live, wait;
        /// So many starts in a row that fail are the last.
        attempts: u32 = "restart.attempts", one, Most, Live, attempts;
        /// Who runs this long is counted from nought again.
        stable: TimeLimit = "restart.stable", one, Least, Live, wait;
    }
}

section! {
    /// The section `quarantine`: what ends a plugin that is not to start again unless somebody says so.
    Quarantine, QuarantineOverrides {
        /// So many violations; 0 is no bound.
        violations: Bound = "quarantine.violations", one, Most, Live, bound;
        /// So many errors of calls; 0 is no bound.
        errors: Bound = "quarantine.errors", one, Most, Live, bound;
        /// The span of time in which they are counted.
        within: TimeLimit = "quarantine.within", one, Least, Live, within;
    }
}

/// A number of events, or none that is too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Bound(u32);

impl Bound {
    /// The number, where there is one.
    #[must_use]
    pub const fn get(self) -> Option<u32> {
        match self.0 {
            0 => None,
            number => Some(number),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

measured! {
    Bound: |bound| bound.get().map_or(u64::MAX, u64::from);
}

fn interval(written: &Written) -> Result<TimeLimit, Invalid> {
    time(written, 100..=HOUR, "each question is a call of the plugin")
}

fn timeout(written: &Written) -> Result<TimeLimit, Invalid> {
    time(written, 10..=HOUR, "the plugin answers between its calls")
}

fn failures(written: &Written) -> Result<u32, Invalid> {
    count(written, 1..=100, "it counts failures in a row")
}

fn function(written: &Written) -> Result<HealthFunction, Invalid> {
    written.text.parse()
}

fn on(written: &Written) -> Result<RestartOn, Invalid> {
    written.text.parse()
}

fn wait(written: &Written) -> Result<TimeLimit, Invalid> {
    time(
        written,
        10..=24 * HOUR,
        "a start takes some ten milliseconds",
    )
}

fn attempts(written: &Written) -> Result<u32, Invalid> {
    count(written, 1..=1000, "it counts starts in a row that fail")
}

fn bound(written: &Written) -> Result<Bound, Invalid> {
    count(written, 0..=1_000_000, "0 is no bound").map(Bound)
}

fn within(written: &Written) -> Result<TimeLimit, Invalid> {
    time(
        written,
        1000..=24 * HOUR,
        "it is the span in which they are counted",
    )
}

/// The function a plugin is asked by, if it is asked at all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HealthFunction(Option<String>);

impl HealthFunction {
    const LONGEST: usize = 128;
    const NONE: &'static str = "none";

    /// The name of the function; without one nobody asks.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl FromStr for HealthFunction {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == Self::NONE {
            return Ok(Self(None));
        }
        let first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '$';
        let shaped = text.starts_with(first)
            && text.chars().all(|c| first(c) || c.is_ascii_digit())
            && text.len() <= Self::LONGEST;
        if shaped {
            return Ok(Self(Some(text.to_owned())));
        }
        let hint = "write the name of a function the plugin exports, such as `health`, or `none`";
        Err(Invalid::new(format!("{} is no name of a function", quoted(text))).hint(hint))
    }
}

impl fmt::Display for HealthFunction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name().unwrap_or(Self::NONE))
    }
}

impl Serialize for HealthFunction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
