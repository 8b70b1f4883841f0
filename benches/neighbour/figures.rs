//! What one attack did to the plugin beside it.

use std::fmt;
use std::time::Duration;

use lazaret_tests::resident::MOST_GROWTH;

/// The median beside an attack is less than so many quiet ones.
const MOST_RATIO: f64 = 2.0;

/// Above the lines that are shown.
pub(crate) const HEADING: &str = "beside                                          quiet  attacked    ratio  \
                                  p90 ratio   calls lost   idle MB  growth MB  rounds";

/// A quiet time and the attack right after it: how long each call took.
#[derive(Default)]
pub(crate) struct Turn {
    /// While the attacker was idle.
    pub(crate) quiet: Vec<Duration>,
    /// While it attacked.
    pub(crate) attacked: Vec<Duration>,
}

/// Of one attack.
pub(crate) struct Figures {
    /// The attack.
    pub(crate) name: String,
    /// In their order.
    pub(crate) turns: Vec<Turn>,
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
        self.ratio(0.5) < MOST_RATIO && self.lost == 0 && self.growth_bytes < MOST_GROWTH
    }

    /// How many times as long calls took beside the attack: the median of what it was in each turn,
    /// in which whatever else the machine had to do was the same.
    fn ratio(&self, part: f64) -> f64 {
        let ratio = |turn: &Turn| quantile(&turn.attacked, part) / quantile(&turn.quiet, part);
        let mut ratios: Vec<f64> = self.turns.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn all(&self, of: impl Fn(&Turn) -> &[Duration]) -> Vec<Duration> {
        self.turns.iter().flat_map(of).copied().collect()
    }
}

/// In microseconds.
fn quantile(times: &[Duration], part: f64) -> f64 {
    let mut times = times.to_vec();
    times.sort();
    let place = (times.len() as f64 * part) as usize;
    times
        .get(place)
        .map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quiet = self.all(|turn| &turn.quiet);
        let attacked = self.all(|turn| &turn.attacked);
        write!(
            formatter,
            "{:42}{:>8.0} us{:>7.0} us{:>9.2}{:>11.2}{:>8}{:>5}{:>10.1}{:>11.1}{:>8}{}",
            self.name,
            quantile(&quiet, 0.5),
            quantile(&attacked, 0.5),
            self.ratio(0.5),
            self.ratio(0.9),
            quiet.len() + attacked.len(),
            self.lost,
            self.idle_bytes as f64 / 1e6,
            self.growth_bytes as f64 / 1e6,
            self.rounds,
            if self.hold() { "" } else { "  NOT HELD" },
        )
    }
}
