//! The text format that Prometheus reads
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Metric, MetricKind, MetricsReport};

/// What plugins measured, each with its name. Kinds have names of their own, so that what one plugin
/// counts and another sets is never one thing of two kinds.
pub fn exposition(plugins: &[(String, MetricsReport)]) -> String {
    let mut families: BTreeMap<(MetricKind, &str), Vec<(&str, &Metric)>> = BTreeMap::new();
    for (plugin, report) in plugins {
        for metric in &report.metrics {
            let family = families.entry((metric.kind, &metric.name)).or_default();
            family.push((plugin, metric));
        }
    }
    let mut text = String::new();
    for ((kind, name), metrics) in families {
        let kind = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let name = format!("lazaret_plugin_{kind}_{name}");
        line(&mut text, format_args!("# TYPE {name} {kind}"));
        for (plugin, metric) in metrics {
            sample(&mut text, &name, plugin, metric);
        }
    }
    text
}

fn sample(text: &mut String, name: &str, plugin: &str, metric: &Metric) {
    let mut labels = format!("plugin=\"{}\"", escaped(plugin));
    for (label, value) in &metric.labels {
        labels.push_str(&format!(",{label}=\"{}\"", escaped(value)));
    }
    if metric.kind != MetricKind::Histogram {
        return line(text, format_args!("{name}{{{labels}}} {}", metric.value));
    }
    for (end, count) in &metric.buckets {
        let end = end.map_or("+Inf".to_owned(), |end| end.to_string());
        line(
            text,
            format_args!("{name}_bucket{{{labels},le=\"{end}\"}} {count}"),
        );
    }
    let count = metric.buckets.last().map_or(0, |(_, count)| *count);
    line(
        text,
        format_args!("{name}_sum{{{labels}}} {}", metric.value),
    );
    line(text, format_args!("{name}_count{{{labels}}} {count}"));
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a text does not fail.
    writeln!(text, "{line}").ok();
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str, kind: MetricKind, labels: &[(&str, &str)], value: f64) -> Metric {
        let labels = labels.iter();
        let labels = labels.map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Metric {
            name: name.to_owned(),
            kind,
            labels: labels.collect(),
            value,
            buckets: Vec::new(),
        }
    }

    #[test]
    fn plugins_that_name_the_same_in_two_kinds_are_told_apart_and_labels_cannot_break_out() {
        let report = |metrics| MetricsReport {
            metrics,
            refused: 0,
        };
        let hostile = [("label", "x\"} 1\nother 2\\")];
        let mut histogram = metric("x", MetricKind::Histogram, &[], 3.5);
        histogram.buckets = vec![(Some(0.5), 1), (None, 2)];
        let text = exposition(&[
            (
                "one".to_owned(),
                report(vec![metric("x", MetricKind::Counter, &[], 2.0)]),
            ),
            (
                "two".to_owned(),
                report(vec![metric("x", MetricKind::Gauge, &hostile, 0.5)]),
            ),
            ("three".to_owned(), report(vec![histogram])),
        ]);
        let expected = r#"# TYPE lazaret_plugin_counter_x counter
lazaret_plugin_counter_x{plugin="one"} 2
# TYPE lazaret_plugin_gauge_x gauge
lazaret_plugin_gauge_x{plugin="two",label="x\"} 1\nother 2\\"} 0.5
# TYPE lazaret_plugin_histogram_x histogram
lazaret_plugin_histogram_x_bucket{plugin="three",le="0.5"} 1
lazaret_plugin_histogram_x_bucket{plugin="three",le="+Inf"} 2
lazaret_plugin_histogram_x_sum{plugin="three"} 3.5
lazaret_plugin_histogram_x_count{plugin="three"} 2
"#;
        assert_eq!(text, expected);
    }
}
