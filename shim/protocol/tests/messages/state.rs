//! What a plugin keeps and measures.

use lazaret_protocol::{ActResult, BUCKETS, KvAct, KvEntry, Measure, MeasureChange, Series};
use proptest::{array, collection::vec, option, prelude::*};

use super::{payload, text};

pub(super) fn act() -> impl Strategy<Value = KvAct> {
    let value = || option::of(payload());
    prop_oneof![
        text().prop_map(|key| KvAct::Get { key }),
        (text(), value()).prop_map(|(key, value)| KvAct::Put { key, value }),
        (text(), value(), value()).prop_map(|(key, expected, value)| KvAct::Swap {
            key,
            expected,
            value
        }),
        (text(), option::of(text())).prop_map(|(prefix, after)| KvAct::List { prefix, after }),
    ]
}

pub(super) fn result() -> impl Strategy<Value = ActResult> {
    let entry = (text(), payload()).prop_map(|(key, value)| KvEntry { key, value });
    prop_oneof![
        option::of(payload()).prop_map(ActResult::Value),
        any::<bool>().prop_map(ActResult::Found),
        (vec(entry, 0..5), any::<bool>())
            .prop_map(|(entries, more)| ActResult::Entries { entries, more }),
    ]
}

pub(super) fn measure() -> impl Strategy<Value = Measure> {
    let change = prop_oneof![
        any::<f64>().prop_map(MeasureChange::Counter),
        any::<f64>().prop_map(MeasureChange::Gauge),
        (
            array::uniform::<_, { BUCKETS.len() + 1 }>(any::<u32>()),
            any::<f64>()
        )
            .prop_map(|(buckets, sum)| MeasureChange::Histogram { buckets, sum }),
    ];
    (text(), vec((text(), text()), 0..8), change).prop_map(|(name, labels, change)| Measure {
        series: Series { name, labels },
        change,
    })
}
