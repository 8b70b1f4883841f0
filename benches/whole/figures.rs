//! A series of measurements and its spread.

use std::fmt;
use std::time::Duration;

/// One line of the report.
pub(crate) enum Row {
    /// Times of the same thing.
    Times {
        /// What was measured.
        what: String,
        /// Sorted.
        times: Vec<Duration>,
    },
    /// A figure that is no time.
    Text {
        /// What was measured.
        what: String,
        /// With its unit.
        value: String,
    },
}

impl Row {
    /// A series of times.
    pub(crate) fn times(what: impl Into<String>, mut times: Vec<Duration>) -> Self {
        times.sort();
        Self::Times {
            what: what.into(),
            times,
        }
    }

    /// Anything else.
    pub(crate) fn text(what: impl Into<String>, value: impl fmt::Display) -> Self {
        Self::Text {
            what: what.into(),
            value: value.to_string(),
        }
    }
}

/// The median of sorted times.
pub(crate) fn median(times: &[Duration]) -> Duration {
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn shown(time: Duration) -> String {
    if time < Duration::from_millis(1) {
        format!("{:.1} us", time.as_secs_f64() * 1e6)
    } else {
        format!("{:.1} ms", time.as_secs_f64() * 1e3)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times { what, times } => write!(
                formatter,
                "{what:44}{:>10}{:>10}{:>10}{:>7}",
                shown(median(times)),
                shown(times.first().copied().unwrap_or_default()),
                shown(times.get(times.len() * 9 / 10).copied().unwrap_or_default()),
                times.len()
            ),
            Self::Text { what, value } => write!(formatter, "{what:44}{value}"),
        }
    }
}
