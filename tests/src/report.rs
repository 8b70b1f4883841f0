//! How all cases went: told on standard output, and in a file for whoever asks for one.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use crate::case::Outcome;

/// Names the file: fields between tabs. A line `host` and its name comes first, then for each case
/// how it went, its seconds, its name, and why it was skipped; then a line `end`.
const REPORT: &str = "LAZARET_TESTS_REPORT";

/// How all cases went.
pub(crate) struct Report {
    passed: usize,
    failed: Vec<String>,
    skipped: Vec<(String, String)>,
    file: Option<fs_err::File>,
}

impl Report {
    /// Begins one for this host.
    pub(crate) fn new(host: &str) -> std::io::Result<Self> {
        let mut this = Self {
            passed: 0,
            failed: Vec::new(),
            skipped: Vec::new(),
            file: std::env::var_os(REPORT)
                .map(fs_err::File::create)
                .transpose()?,
        };
        this.note(&["host", host])?;
        Ok(this)
    }

    fn note(&mut self, fields: &[&str]) -> std::io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let plain = |field: &&str| field.replace(['\t', '\n'], " ");
        let fields: Vec<_> = fields.iter().map(plain).collect();
        writeln!(file, "{}", fields.join("\t"))
    }

    pub(crate) fn add(
        &mut self,
        name: &str,
        outcome: Outcome,
        took: Duration,
    ) -> std::io::Result<()> {
        let seconds = format!("{:.1}", took.as_secs_f64());
        let mut output = std::io::stdout();
        match outcome {
            Outcome::Passed => {
                self.passed += 1;
                self.note(&["passed", &seconds, name])?;
                writeln!(output, "passed")
            }
            Outcome::Failed(error) => {
                self.failed.push(name.to_owned());
                self.note(&["failed", &seconds, name])?;
                writeln!(output, "FAILED\n  {}", error.replace('\n', "\n  "))
            }
            Outcome::Skipped(reason) => {
                self.note(&["skipped", &seconds, name, &reason])?;
                self.skipped.push((name.to_owned(), reason));
                writeln!(output, "skipped")
            }
        }
    }

    pub(crate) fn close(mut self) -> anyhow::Result<ExitCode> {
        self.note(&["end"])?;
        let mut output = std::io::stdout().lock();
        writeln!(output)?;
        for name in &self.failed {
            writeln!(output, "failed: {name}")?;
        }
        writeln!(
            output,
            "{} passed, {} failed, {} skipped",
            self.passed,
            self.failed.len(),
            self.skipped.len()
        )?;
        for (name, reason) in &self.skipped {
            writeln!(output, "skipped: {name}: {reason}")?;
        }
        Ok(if self.failed.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
