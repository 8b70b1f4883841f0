//! What a plugin measures, gathered by the shim and told now and then.

use serde::{Deserialize, Serialize};

/// The longest name of a measure or a label, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// The most labels of one measure.
pub const MAX_LABELS: usize = 8;

/// The longest value of a label, in bytes.
pub const MAX_LABEL_BYTES: usize = 128;

/// The most different measures of one plugin: names with the values of their labels.
pub const MAX_SERIES: usize = 1000;

/// The most bytes that their names and labels have together.
pub const MAX_SERIES_BYTES: usize = 128 * 1024;

/// The most measures told in one message.
pub const MAX_MEASURES: usize = 256;

/// The upper ends of what a histogram tells apart; above the last there is one more bucket.
pub const BUCKETS: [f64; 15] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// Names what is measured.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Series {
    /// The name: a letter or `_`, then letters, digits and `_`.
    pub name: String,
    /// Names and values of its labels, sorted by names, none twice, 8 at most.
    #[serde(deserialize_with = "crate::bounded::labels")]
    pub labels: Vec<(String, String)>,
}

/// Why nothing is measured under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// The name is none.
    #[error(
        "no name of a measure: a letter or `_`, then letters, digits and `_`, {MAX_NAME_BYTES} bytes at most"
    )]
    Name,
    /// A label has no fitting name, or one that is taken.
    #[error(
        "no name of a label: as of a measure, and neither `le` nor `plugin` nor one that begins with `__`"
    )]
    Label,
    /// A label's value is too long.
    #[error("the value of a label has more than {MAX_LABEL_BYTES} bytes")]
    LabelValue,
    /// What is told of a histogram has such names.
    #[error("no name of a histogram: it ends in `_bucket`, `_sum` or `_count`, as parts of one do")]
    Histogram,
    /// There are too many labels, one is there twice, or they are in no order.
    #[error("a measure has {MAX_LABELS} labels at most, none twice")]
    Labels,
}

impl Series {
    /// Holds names and labels to what they may be.
    ///
    /// # Errors
    /// [`SeriesError`].
    pub fn check(&self) -> Result<(), SeriesError> {
        if !is_name(&self.name) {
            return Err(SeriesError::Name);
        }
        let sorted = self.labels.is_sorted_by(|one, other| one.0 < other.0);
        if self.labels.len() > MAX_LABELS || !sorted {
            return Err(SeriesError::Labels);
        }
        for (name, value) in &self.labels {
            let taken = name.starts_with("__") || name == "le" || name == "plugin";
            if !is_name(name) || taken {
                return Err(SeriesError::Label);
            }
            if value.len() > MAX_LABEL_BYTES {
                return Err(SeriesError::LabelValue);
            }
        }
        Ok(())
    }

    /// Holds the name to what may name a histogram: `a_count` would be one of its own and a part of
    /// histogram `a`.
    ///
    /// # Errors
    /// [`SeriesError::Histogram`].
    pub fn check_histogram(&self) -> Result<(), SeriesError> {
        let parts = ["_bucket", "_sum", "_count"];
        match parts.iter().any(|end| self.name.ends_with(end)) {
            true => Err(SeriesError::Histogram),
            false => Ok(()),
        }
    }

    /// Bytes of its name and labels.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let labels = self.labels.iter();
        let labels: usize = labels.map(|(name, value)| name.len() + value.len()).sum();
        self.name.len() + labels
    }
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes
        .next()
        .is_some_and(|byte| byte == b'_' || byte.is_ascii_alphabetic());
    first
        && text.len() <= MAX_NAME_BYTES
        && bytes.all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

/// What was measured since that was told last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Of what.
    pub series: Series,
    /// How much.
    pub change: MeasureChange,
}

/// How much.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum MeasureChange {
    /// A counter rose by so much: not negative, and finite.
    Counter(f64),
    /// A gauge stands at this.
    Gauge(f64),
    /// A histogram took these in.
    Histogram {
        /// So many more in each of [`BUCKETS`], and above them.
        buckets: [u32; BUCKETS.len() + 1],
        /// Their sum.
        sum: f64,
    },
}
