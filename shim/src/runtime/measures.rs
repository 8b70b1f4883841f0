//! What a plugin measures, gathered here so that a counter in a busy loop costs no message each.

use std::collections::HashMap;

use lazaret_protocol::{
    BUCKETS, MAX_MEASURES, MAX_SERIES, MAX_SERIES_BYTES, Measure, MeasureChange, Series,
    SeriesError,
};

/// Why nothing is measured.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MeasureError {
    /// The name or a label is none.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// The name is in use for something else.
    #[error("`{0}` is measured as another kind already")]
    Kind(String),
    /// There are too many.
    #[error(
        "a plugin has {MAX_SERIES} measures at most, with names and labels of {MAX_SERIES_BYTES} bytes together"
    )]
    TooMany,
    /// No such value of that kind.
    #[error("{0}")]
    Value(&'static str),
}

/// What kind of thing is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// All that is measured, and what of it was not told yet.
#[derive(Debug, Default)]
pub(super) struct Measures {
    known: Vec<Known>,
    numbers: HashMap<Series, u32>,
    kinds: HashMap<String, Kind>,
    bytes: usize,
    waiting: Vec<u32>,
}

#[derive(Debug)]
struct Known {
    series: Series,
    kind: Kind,
    change: Option<MeasureChange>,
}

impl Measures {
    /// The number of what is measured under a name and labels in any order.
    pub(super) fn number(
        &mut self,
        kind: Kind,
        name: String,
        mut labels: Vec<(String, String)>,
    ) -> Result<u32, MeasureError> {
        labels.sort();
        let series = Series { name, labels };
        series.check()?;
        if kind == Kind::Histogram {
            series.check_histogram()?;
        }
        if self
            .kinds
            .get(&series.name)
            .is_some_and(|known| *known != kind)
        {
            return Err(MeasureError::Kind(series.name));
        }
        if let Some(number) = self.numbers.get(&series) {
            return Ok(*number);
        }
        let bytes = self.bytes + series.bytes();
        let number = u32::try_from(self.known.len()).map_err(|_| MeasureError::TooMany)?;
        if self.known.len() >= MAX_SERIES || bytes > MAX_SERIES_BYTES {
            return Err(MeasureError::TooMany);
        }
        self.bytes = bytes;
        self.kinds.insert(series.name.clone(), kind);
        self.numbers.insert(series.clone(), number);
        self.known.push(Known {
            series,
            kind,
            change: None,
        });
        Ok(number)
    }

    /// Adds a value to it. True where nothing waited to be told before.
    pub(super) fn add(&mut self, number: u32, value: f64) -> Result<bool, MeasureError> {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        let known = self.known.get_mut(place);
        let known = known.ok_or(MeasureError::Value("nothing is measured by that number"))?;
        if !value.is_finite() {
            return Err(MeasureError::Value("a measure takes a finite number"));
        }
        let change = match (known.kind, known.change) {
            (Kind::Counter, _) if value < 0.0 => {
                return Err(MeasureError::Value("a counter only rises"));
            }
            (Kind::Counter, Some(MeasureChange::Counter(by))) => {
                MeasureChange::Counter(sum(by, value))
            }
            (Kind::Counter, _) => MeasureChange::Counter(value),
            (Kind::Gauge, _) => MeasureChange::Gauge(value),
            (Kind::Histogram, change) => {
                let (mut buckets, before) = match change {
                    Some(MeasureChange::Histogram { buckets, sum }) => (buckets, sum),
                    _ => ([0; BUCKETS.len() + 1], 0.0),
                };
                let bucket = BUCKETS.partition_point(|end| *end < value);
                buckets[bucket] = buckets[bucket].saturating_add(1);
                let sum = sum(before, value);
                MeasureChange::Histogram { buckets, sum }
            }
        };
        let first = self.waiting.is_empty();
        if known.change.replace(change).is_none() {
            self.waiting.push(number);
        }
        Ok(first)
    }

    /// What waits to be told, a message's worth at a time; nothing waits then.
    pub(super) fn take(&mut self) -> Vec<Vec<Measure>> {
        let waiting = std::mem::take(&mut self.waiting);
        let take = |number: &u32| {
            let known = self.known.get_mut(usize::try_from(*number).ok()?)?;
            let series = known.series.clone();
            let change = known.change.take()?;
            Some(Measure { series, change })
        };
        let measures: Vec<Measure> = waiting.iter().filter_map(take).collect();
        measures
            .chunks(MAX_MEASURES)
            .map(<[Measure]>::to_vec)
            .collect()
    }
}

fn sum(one: f64, other: f64) -> f64 {
    (one + other).clamp(f64::MIN, f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_million_additions_are_one_measure_to_tell() {
        let mut measures = Measures::default();
        let counter = measures
            .number(Kind::Counter, "n".into(), vec![])
            .expect("number");
        let gauge = measures
            .number(Kind::Gauge, "g".into(), vec![])
            .expect("number");
        assert_eq!(measures.add(counter, 1.0), Ok(true));
        for number in 1..1_000_000 {
            assert_eq!(measures.add(counter, 1.0), Ok(false));
            measures.add(gauge, f64::from(number)).expect("set");
        }
        let told = measures.take().concat();
        let changes: Vec<_> = told.iter().map(|measure| measure.change).collect();
        let expected = [MeasureChange::Counter(1e6), MeasureChange::Gauge(999_999.0)];
        assert_eq!(changes, expected);
        assert!(measures.take().is_empty());
        assert_eq!(measures.add(counter, 2.0), Ok(true));
        assert_eq!(measures.take()[0][0].change, MeasureChange::Counter(2.0));
    }

    #[test]
    fn a_value_falls_into_the_first_bucket_that_holds_it() {
        let mut measures = Measures::default();
        let number = measures
            .number(Kind::Histogram, "h".into(), vec![])
            .expect("number");
        for value in [-1.0, 0.001, 0.0011, 60.0, 60.1] {
            measures.add(number, value).expect("added");
        }
        let told = measures.take();
        let MeasureChange::Histogram { buckets, sum } = told[0][0].change else {
            panic!("{told:?}");
        };
        assert_eq!(buckets[..2], [2, 1]);
        assert_eq!(buckets[14..], [1, 1]);
        assert!((sum - 119.1021).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn labels_name_the_same_in_any_order_and_a_name_has_one_kind() {
        let mut measures = Measures::default();
        let mut number = |kind, labels| measures.number(kind, "n".into(), labels);
        let ab = number(Kind::Counter, vec![label("a", "1"), label("b", "2")]);
        assert_eq!(
            number(Kind::Counter, vec![label("b", "2"), label("a", "1")]),
            ab
        );
        assert_ne!(number(Kind::Counter, vec![]), ab);
        let other = number(Kind::Gauge, vec![]);
        assert_eq!(other, Err(MeasureError::Kind("n".into())));
        let twice = number(Kind::Counter, vec![label("a", "1"), label("a", "2")]);
        assert_eq!(twice, Err(MeasureError::Series(SeriesError::Labels)));
    }

    #[test]
    fn no_histogram_is_named_as_a_part_of_another_one() {
        let mut measures = Measures::default();
        for end in ["_bucket", "_sum", "_count"] {
            let mut number = |kind| measures.number(kind, format!("size{end}"), vec![]);
            let refused = Err(MeasureError::Series(SeriesError::Histogram));
            assert_eq!(number(Kind::Histogram), refused);
            assert!(number(Kind::Counter).is_ok());
        }
        let name = "size_counted".to_owned();
        assert!(measures.number(Kind::Histogram, name, vec![]).is_ok());
    }

    #[test]
    fn there_are_no_more_than_the_engine_takes() {
        let mut measures = Measures::default();
        for number in 0..MAX_SERIES {
            measures
                .number(Kind::Counter, format!("n{number}"), vec![])
                .expect("number");
        }
        let more = measures.number(Kind::Counter, "more".into(), vec![]);
        assert_eq!(more, Err(MeasureError::TooMany));
        assert_eq!(measures.number(Kind::Counter, "n7".into(), vec![]), Ok(7));
        for number in 0..MAX_SERIES {
            measures
                .add(u32::try_from(number).expect("small"), 1.0)
                .expect("added");
        }
        let sizes: Vec<_> = measures.take().iter().map(Vec::len).collect();
        assert_eq!(sizes, [256, 256, 256, 232]);
        assert!(measures.add(0, -1.0).is_err() && measures.add(0, f64::NAN).is_err());
        assert!(measures.add(u32::MAX, 1.0).is_err());
    }
}
