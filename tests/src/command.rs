//! The command line under test, run with a deadline.

use std::ffi::OsStr;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use anyhow::{Context, ensure};
use lazaret::cli::ExitCode;

use crate::host::lock;
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
    output: Reader,
    errors: Reader,
}

/// What is read from a pipe, and the thread that reads.
struct Reader {
    text: Arc<Mutex<Vec<u8>>>,
    thread: std::thread::JoinHandle<()>,
}

/// A program with these arguments and nothing on its standard input.
pub fn command<A: AsRef<OsStr>>(
    program: &std::path::Path,
    arguments: impl IntoIterator<Item = A>,
) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("TMPDIR", crate::temporary::directory())
        .stdin(Stdio::null());
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
    let output = Reader::start(child.stdout.take());
    let errors = Reader::start(child.stderr.take());
    Ok(Started {
        child,
        output,
        errors,
    })
}

/// Runs a command that nobody listens to, so that nothing waits for processes it leaves.
///
/// # Errors
/// Where it cannot be started.
pub fn start_unheard(mut command: Command) -> anyhow::Result<Child> {
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command
        .spawn()
        .with_context(|| format!("failed to run {command:?}"))
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

    /// What it wrote to standard error so far.
    pub fn errors(&self) -> String {
        self.errors.so_far()
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
        let closed = until("nobody held its output any more", || {
            self.output.is_done() && self.errors.is_done()
        });
        let [output, errors] = [self.output.so_far(), self.errors.so_far()];
        let wrote = || format!("it wrote: {output}{errors}");
        ended.and(closed).with_context(wrote)?;
        Ok(Finished {
            code: status.code(),
            output,
            errors,
        })
    }
}

impl Reader {
    fn start(from: Option<impl Read + Send + 'static>) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&text);
        let thread = std::thread::spawn(move || {
            let mut chunk = [0; 16 * 1024];
            if let Some(mut from) = from {
                // What was read until an error is what there is to show.
                while let Ok(count @ 1..) = from.read(&mut chunk) {
                    lock(&shared).extend_from_slice(&chunk[..count]);
                }
            }
        });
        Self { text, thread }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&lock(&self.text)).into_owned()
    }

    /// Nobody writes any more.
    fn is_done(&self) -> bool {
        self.thread.is_finished()
    }
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
