//! `lazaret-compile`: sources on standard input, outcomes on standard output.

use std::io::Write;
use std::process::ExitCode;

/// Sources nest as deep as their author likes, and the parser with them. Pages that are not touched cost nothing.
const STACK_BYTES: usize = 64 * 1024 * 1024;

fn main() -> ExitCode {
    let serve = || lazaret_compile::serve(std::io::stdin().lock(), std::io::stdout().lock());
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    let why = match thread.spawn(serve).map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => return ExitCode::SUCCESS,
        Ok(Ok(Err(error))) => error.to_string(),
        // It has said so itself.
        Ok(Err(_panicked)) => return ExitCode::FAILURE,
        Err(error) => error.to_string(),
    };
    // Nobody is left to tell where standard error is closed.
    drop(writeln!(std::io::stderr(), "{why}"));
    ExitCode::FAILURE
}
