//! The command line under test, run with a deadline.

use std::ffi::OsStr;
use std::io::Read;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use lazaret::cli::ExitCode;

use crate::world::until;

/// How a command ended and what it wrote.
#[derive(Debug)]
pub struct Finished {
    /// Its exit status; `None` where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

/// A command under way.
pub struct Started {
    child: Child,
    readers: [std::thread::JoinHandle<Vec<u8>>; 2],
}

/// A program with these arguments and nothing on its standard input.
pub fn command<A: AsRef<OsStr>>(
    program: &std::path::Path,
    arguments: impl IntoIterator<Item = A>,
) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Starts a command; what it writes is read while it runs.
///
/// # Errors
/// Where it cannot be started.
pub fn start(mut command: Command) -> anyhow::Result<Started> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("failed to run {command:?}"))?;
    let output = read(child.stdout.take());
    let errors = read(child.stderr.take());
    Ok(Started {
        child,
        readers: [output, errors],
    })
}

/// Runs a command to its end.
///
/// # Errors
/// Where it cannot be started, or does not end in time.
pub fn run(command: Command) -> anyhow::Result<Finished> {
    start(command)?.finish()
}

impl Started {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// Where that is not possible.
    pub fn signal(&self, signal: rustix::process::Signal) -> anyhow::Result<()> {
        let id = rustix::process::Pid::from_child(&self.child);
        Ok(rustix::process::kill_process(id, signal)?)
    }

    /// Waits for its end; it is killed where it does not come.
    ///
    /// # Errors
    /// Where it does not end in time.
    pub fn finish(mut self) -> anyhow::Result<Finished> {
        let ended = until("a command ended", || {
            matches!(self.child.try_wait(), Ok(Some(_)))
        });
        if ended.is_err() {
            self.child.kill()?;
        }
        let status = self.child.wait()?;
        let [output, errors] = self.readers.map(|reader| {
            let bytes = reader.join().unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        ended.with_context(|| format!("it wrote: {output}{errors}"))?;
        Ok(Finished {
            code: status.code(),
            output,
            errors,
        })
    }
}

fn read(from: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from {
            // What was read until an error is what there is to show.
            drop(from.read_to_end(&mut bytes));
        }
        bytes
    })
}

impl Finished {
    /// Holds that the command failed in this way and no other, with all of these in its message.
    ///
    /// # Errors
    /// Where it did not.
    pub fn failed(&self, code: ExitCode, parts: &[&str]) -> anyhow::Result<()> {
        ensure!(
            self.code == Some(code as i32),
            "exit status {code:?} ({}) expected: {self:?}",
            code as i32
        );
        ensure!(
            self.output.is_empty(),
            "standard output is not empty: {self:?}"
        );
        let first = self.errors.lines().find(|line| line.starts_with("error: "));
        ensure!(first.is_some(), "no line says `error: `: {self:?}");
        let errors = self
            .errors
            .lines()
            .filter(|line| line.starts_with("error: "));
        ensure!(errors.count() == 1, "more than one error: {self:?}");
        for part in parts {
            ensure!(
                self.errors.contains(part),
                "`{part}` is not in {}",
                self.errors
            );
        }
        Ok(())
    }

    /// Holds that the command did what it was asked for and wrote this.
    ///
    /// # Errors
    /// Where it did not.
    pub fn answered(&self, output: &str) -> anyhow::Result<()> {
        ensure!(self.code == Some(0), "it failed: {self:?}");
        ensure!(self.output == output, "`{output}` expected: {self:?}");
        Ok(())
    }
}
