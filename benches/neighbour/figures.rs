//! What one attack did to the plugin beside it.

use std::fmt;
use std::time::Duration;

use lazaret_tests::resident::MOST_GROWTH;

/// The median beside an attack is less than so many quiet ones.
const MOST_RATIO: f64 = 2.0;

/// Above the lines that are shown.
pub(crate) const HEADING: &str = "beside                                          quiet  attacked    ratio  \
                                  p90 ratio   calls lost   idle MB  growth MB  rounds";

/// Of one attack.
pub(crate) struct Figures {
    /// The attack.
    pub(crate) name: String,
    /// Times of calls, sorted.
    pub(crate) quiet: Vec<Duration>,
    /// Times of calls, sorted.
    pub(crate) attacked: Vec<Duration>,
    /// Calls without their answer.
    pub(crate) lost: u64,
    /// The engine's memory before the attacks, in bytes.
    pub(crate) idle_bytes: u64,
    /// By how much more it ever was, in bytes.
    pub(crate) growth_bytes: u64,
    /// How often the attack was made.
    pub(crate) rounds: u64,
}

impl Figures {
    /// Whether the plugin beside it noticed no more than it may.
    pub(crate) fn hold(&self) -> bool {
        self.ratio(1, 2) < MOST_RATIO && self.lost == 0 && self.growth_bytes < MOST_GROWTH
    }

    fn ratio(&self, part: usize, of: usize) -> f64 {
        let quiet = quantile(&self.quiet, part, of).as_secs_f64();
        quantile(&self.attacked, part, of).as_secs_f64() / quiet
    }
}

fn quantile(times: &[Duration], part: usize, of: usize) -> Duration {
    times
        .get(times.len() * part / of)
        .copied()
        .unwrap_or_default()
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:42}{:>8.0} us{:>7.0} us{:>9.2}{:>11.2}{:>8}{:>5}{:>10.1}{:>11.1}{:>8}{}",
            self.name,
            quantile(&self.quiet, 1, 2).as_secs_f64() * 1e6,
            quantile(&self.attacked, 1, 2).as_secs_f64() * 1e6,
            self.ratio(1, 2),
            self.ratio(9, 10),
            self.quiet.len() + self.attacked.len(),
            self.lost,
            self.idle_bytes as f64 / 1e6,
            self.growth_bytes as f64 / 1e6,
            self.rounds,
            if self.hold() { "" } else { "  NOT HELD" },
        )
    }
}
