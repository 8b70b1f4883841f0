//! `lazaret metrics`

use clap::Args;

use super::ExitCode;
use super::control::{SocketArguments, or_json};
use super::failure::Failure;
use super::print::{print, print_json};
use crate::event::escape;
use crate::metrics::{Metric, MetricKind, MetricsReport};

#[derive(Debug, Args)]
pub(super) struct MetricsArguments {
    /// The plugin's name, as `lazaret list` shows it.
    plugin: String,
    #[command(flatten)]
    control: SocketArguments,
    /// Print what it measured as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &MetricsArguments) -> Result<ExitCode, Failure> {
    let plugin = &arguments.plugin;
    let asked = arguments
        .control
        .ask(async |client| client.metrics(plugin).await);
    let report = match or_json(arguments.json, asked)? {
        Ok(report) => report,
        Err(code) => return Ok(code),
    };
    if arguments.json {
        print_json(&report)?;
    } else {
        print(&as_text(&report))?;
    }
    Ok(ExitCode::Success)
}

fn as_text(report: &MetricsReport) -> String {
    let mut text: String = report.metrics.iter().map(line).collect();
    if report.refused > 0 {
        text.push_str(&format!("({} measures left out)\n", report.refused));
    }
    text
}

/// `requests{city="Kobe"} 3`
fn line(metric: &Metric) -> String {
    let labels = metric.labels.iter();
    let labels: Vec<String> = labels
        .map(|(name, value)| format!("{name}=\"{}\"", escape(value)))
        .collect();
    let labels = match labels.as_slice() {
        [] => String::new(),
        labels => format!("{{{}}}", labels.join(",")),
    };
    let Metric {
        name, kind, value, ..
    } = metric;
    if *kind != MetricKind::Histogram {
        return format!("{name}{labels} {value}\n");
    }
    let count = metric.buckets.last().map_or(0, |(_, count)| *count);
    format!("{name}{labels} {count} values, {value} in all\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_measure_is_a_line_and_what_was_left_out_is_said() {
        let labels = [("city".to_owned(), "a\u{1b}b".to_owned())];
        let metric = |kind, buckets| Metric {
            name: "n".to_owned(),
            kind,
            labels: labels.clone().into(),
            value: 2.5,
            buckets,
        };
        let report = MetricsReport {
            metrics: vec![
                metric(MetricKind::Counter, Vec::new()),
                metric(MetricKind::Histogram, vec![(Some(1.0), 1), (None, 3)]),
            ],
            refused: 4,
        };
        let labels = format!("{{city=\"{}\"}}", escape("a\u{1b}b"));
        let expected =
            format!("n{labels} 2.5\nn{labels} 3 values, 2.5 in all\n(4 measures left out)\n");
        assert_eq!(as_text(&report), expected);
    }
}
