//! What plugins measure, added up for each over all its containers. Nothing of it is decided upon.

mod text;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lazaret_protocol::{BUCKETS, MAX_SERIES, MAX_SERIES_BYTES, Measure, MeasureChange, Series};
use serde::{Deserialize, Serialize};

pub use text::exposition;

/// What one plugin measured, its own word.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    series: BTreeMap<Series, Value>,
    bytes: usize,
    refused: u64,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Counter(f64),
    Gauge(f64),
    Histogram([u64; BUCKETS.len() + 1], f64),
}

/// What kind of thing is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// It only rises.
    Counter,
    /// It rises and falls.
    Gauge,
    /// Many values, counted by their size.
    Histogram,
}

/// All that a plugin measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricsReport {
    /// In the order of their names, then of their labels.
    pub metrics: Vec<Metric>,
    /// Measures that were left out: there were too many different ones, one of that name is of
    /// another kind, or a histogram's name ends as what is told of one.
    pub refused: u64,
}

/// One thing that is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// What kind it is.
    pub kind: MetricKind,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Where it stands; of a histogram the sum.
    pub value: f64,
    /// Of a histogram: how many were no larger than each bound, and `null` for how many in all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<(Option<f64>, u64)>,
}

impl Metrics {
    /// Adds what a shim told. What does not fit is counted and left out.
    pub(crate) fn take(&self, measures: Vec<Measure>) {
        let mut state = self.lock();
        for measure in measures {
            if !state.add(measure) {
                state.refused = state.refused.saturating_add(1);
            }
        }
    }

    /// All of it.
    pub fn report(&self) -> MetricsReport {
        let state = self.lock();
        let metrics = state.series.iter().map(|(series, value)| {
            let (kind, value, buckets) = match value {
                Value::Counter(value) => (MetricKind::Counter, *value, Vec::new()),
                Value::Gauge(value) => (MetricKind::Gauge, *value, Vec::new()),
                Value::Histogram(buckets, sum) => (MetricKind::Histogram, *sum, up_to(buckets)),
            };
            Metric {
                name: series.name.clone(),
                kind,
                labels: series.labels.iter().cloned().collect(),
                value,
                buckets,
            }
        });
        MetricsReport {
            metrics: metrics.collect(),
            refused: state.refused,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, measure: Measure) -> bool {
        let Measure { series, change } = measure;
        let finite = match change {
            MeasureChange::Counter(by) => by.is_finite() && by >= 0.0,
            MeasureChange::Gauge(value) => value.is_finite(),
            MeasureChange::Histogram { sum, .. } => sum.is_finite(),
        };
        if !finite || series.check().is_err() {
            return false;
        }
        if let Some(value) = self.series.get_mut(&series) {
            return value.add(change);
        }
        let bytes = self.bytes + series.bytes();
        if self.series.len() >= MAX_SERIES
            || bytes > MAX_SERIES_BYTES
            || !self.fits(&series, change)
        {
            return false;
        }
        self.bytes = bytes;
        self.series.insert(series, Value::of(change));
        true
    }

    /// Whether no other kind of thing has the name, nor a histogram what is told of another one.
    fn fits(&self, series: &Series, change: MeasureChange) -> bool {
        let histogram = matches!(change, MeasureChange::Histogram { .. });
        if histogram && series.check_histogram().is_err() {
            return false;
        }
        let first = Series {
            name: series.name.clone(),
            labels: Vec::new(),
        };
        match self.series.range(first..).next() {
            Some((other, value)) if other.name == series.name => {
                value.kind() == Value::of(change).kind()
            }
            _ => true,
        }
    }
}

impl Value {
    fn of(change: MeasureChange) -> Self {
        match change {
            MeasureChange::Counter(by) => Self::Counter(by),
            MeasureChange::Gauge(value) => Self::Gauge(value),
            MeasureChange::Histogram { buckets, sum } => {
                Self::Histogram(buckets.map(u64::from), sum)
            }
        }
    }

    fn kind(&self) -> MetricKind {
        match self {
            Self::Counter(_) => MetricKind::Counter,
            Self::Gauge(_) => MetricKind::Gauge,
            Self::Histogram(..) => MetricKind::Histogram,
        }
    }

    fn add(&mut self, change: MeasureChange) -> bool {
        match (self, change) {
            (Self::Counter(value), MeasureChange::Counter(by)) => *value = sum(*value, by),
            (Self::Gauge(value), MeasureChange::Gauge(new)) => *value = new,
            (Self::Histogram(all, total), MeasureChange::Histogram { buckets, sum: by }) => {
                for (bucket, more) in all.iter_mut().zip(buckets) {
                    *bucket = bucket.saturating_add(more.into());
                }
                *total = sum(*total, by);
            }
            _ => return false,
        }
        true
    }
}

/// JSON has no number for what is larger.
fn sum(one: f64, other: f64) -> f64 {
    (one + other).clamp(f64::MIN, f64::MAX)
}

/// Each bucket with all below it.
fn up_to(buckets: &[u64; BUCKETS.len() + 1]) -> Vec<(Option<f64>, u64)> {
    let ends = BUCKETS.into_iter().map(Some).chain([None]);
    let counts = buckets.iter().scan(0_u64, |all, count| {
        *all = all.saturating_add(*count);
        Some(*all)
    });
    ends.zip(counts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(name: &str, labels: &[(&str, &str)], change: MeasureChange) -> Measure {
        let labels = labels.iter();
        let labels = labels.map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Measure {
            series: Series {
                name: name.to_owned(),
                labels: labels.collect(),
            },
            change,
        }
    }

    fn taken(measures: Vec<Measure>) -> MetricsReport {
        let metrics = Metrics::default();
        metrics.take(measures);
        metrics.report()
    }

    #[test]
    fn counters_add_up_gauges_are_set_and_histograms_count_by_size() {
        let mut buckets = [0; BUCKETS.len() + 1];
        (buckets[0], buckets[15]) = (2, 1);
        let histogram = || MeasureChange::Histogram { buckets, sum: 61.0 };
        let report = taken(vec![
            measure("n", &[("kind", "a")], MeasureChange::Counter(1.5)),
            measure("n", &[("kind", "a")], MeasureChange::Counter(2.0)),
            measure("n", &[("kind", "b")], MeasureChange::Counter(1.0)),
            measure("g", &[], MeasureChange::Gauge(7.0)),
            measure("g", &[], MeasureChange::Gauge(-1.0)),
            measure("h", &[], histogram()),
            measure("h", &[], histogram()),
        ]);
        assert_eq!(report.refused, 0);
        let values = report
            .metrics
            .iter()
            .map(|metric| (metric.name.as_str(), metric.value));
        let expected = [("g", -1.0), ("h", 122.0), ("n", 3.5), ("n", 1.0)];
        assert_eq!(values.collect::<Vec<_>>(), expected);
        let buckets = &report.metrics[1].buckets;
        assert_eq!(buckets[0], (Some(0.001), 4));
        assert_eq!(buckets[14], (Some(60.0), 4));
        assert_eq!(buckets[15], (None, 6));
    }

    #[test]
    fn what_is_no_measure_is_counted_and_left_out() {
        let counter = MeasureChange::Counter(1.0);
        let good = || measure("a", &[], counter);
        for wrong in [
            measure("", &[], counter),
            measure("1a", &[], counter),
            measure("a b", &[], counter),
            measure("a\n", &[], counter),
            measure(&"a".repeat(65), &[], counter),
            measure("b", &[("le", "1")], counter),
            measure("b", &[("plugin", "x")], counter),
            measure("b", &[("__name__", "x")], counter),
            measure("b", &[("x", "1"), ("x", "2")], counter),
            measure("b", &[("y", "1"), ("x", "2")], counter),
            measure("b", &[("x", &"v".repeat(129))], counter),
            measure("b", &[], MeasureChange::Counter(-1.0)),
            measure("b", &[], MeasureChange::Counter(f64::NAN)),
            measure("b", &[], MeasureChange::Gauge(f64::INFINITY)),
            measure("a", &[], MeasureChange::Gauge(1.0)),
            measure("a", &[("x", "1")], MeasureChange::Gauge(1.0)),
        ] {
            let report = taken(vec![good(), wrong.clone()]);
            assert_eq!((report.refused, report.metrics.len()), (1, 1), "{wrong:?}");
        }
        let most = measure(&"a".repeat(64), &[("x", &"v".repeat(128))], counter);
        assert_eq!(taken(vec![good(), most]).metrics.len(), 2);
    }

    #[test]
    fn no_histogram_has_a_name_of_what_is_told_of_another() {
        let buckets = [1; BUCKETS.len() + 1];
        let histogram = MeasureChange::Histogram { buckets, sum: 1.0 };
        for end in ["_bucket", "_sum", "_count"] {
            let name = format!("a{end}");
            let counted = measure(&name, &[], MeasureChange::Counter(1.0));
            let report = taken(vec![measure("a", &[], histogram), counted]);
            assert_eq!((report.refused, report.metrics.len()), (0, 2), "{name}");
            let report = taken(vec![
                measure("a", &[], histogram),
                measure(&name, &[], histogram),
            ]);
            assert_eq!((report.refused, report.metrics.len()), (1, 1), "{name}");
        }
    }

    #[test]
    fn there_are_no_more_series_and_bytes_of_them_than_may_be_and_those_there_go_on() {
        let of = |number: usize| measure(&format!("m{number}"), &[], MeasureChange::Counter(1.0));
        let all = (0..=MAX_SERIES).chain([0]).map(of);
        let report = taken(all.collect());
        assert_eq!((report.refused, report.metrics.len()), (1, MAX_SERIES));
        assert_eq!(report.metrics[0].value, 2.0);
        let value = "v".repeat(128);
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let labels = names.map(|name| (name, value.as_str()));
        let large = |number: usize| {
            let gauge = MeasureChange::Gauge(1.0);
            measure(&format!("m{number:059}"), &labels, gauge)
        };
        let report = taken((0..200).map(large).collect());
        let each = 60 + 8 * 129;
        assert_eq!(report.metrics.len(), MAX_SERIES_BYTES / each);
        assert_eq!(report.refused as usize, 200 - MAX_SERIES_BYTES / each);
    }

    #[test]
    fn a_sum_stays_a_number_of_json() {
        let most = MeasureChange::Counter(f64::MAX);
        let report = taken(vec![measure("n", &[], most), measure("n", &[], most)]);
        assert_eq!(report.metrics[0].value, f64::MAX);
    }
}
