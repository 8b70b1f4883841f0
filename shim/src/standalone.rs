//! Without an engine: one call, its result on standard output.
//!
//! This is what a bundle does when a container host starts it: same read-back, same filter, same
//! limits, but the arguments come from the command line and the answer goes to the terminal.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use lazaret_protocol::{
    CallError, CallId, CallLimits, Difference, Given, Payload, PluginError, ShimMessage,
    ShimSettings,
};

use crate::boot::{budgets, confine, fail, filter_difference};
use crate::exit;
use crate::javascript::{self, Job};
use crate::runtime::{Config, Sink};
use crate::warden::watch::Watch;
use crate::warden::{Backlog, Guard, Work};

/// The only call there is.
const CALL: CallId = CallId(1);

/// How often the limits are looked at even if nothing says so.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    function: Option<String>,
    arguments: Option<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("argument `{0}` not understood\n  hint: [--call FUNCTION] [--args JSON]")]
struct ArgumentError(String);

/// Loads the plugin, makes the call and prints its result. Returns the exit code.
#[must_use]
pub fn run(settings: ShimSettings, arguments: &[String]) -> i32 {
    let request = match parse(arguments) {
        Ok(request) => request,
        Err(error) => return fail(&error, exit::CONFIG),
    };
    let filter = match confine(&settings) {
        Ok(filter) => filter,
        Err(differences) => return refuse(&differences),
    };
    let (say, said) = std::sync::mpsc::channel();
    let guard = Arc::new(Guard::new(Watch::new(budgets(&settings)), None));
    let backlog = Arc::new(Backlog::default());
    let job = Job {
        config: Config::of(&settings, Given::default(), Arc::new(Terminal(say)), None),
        deny_executable_memory: settings.deny_executable_memory,
        entry: settings.entry.clone(),
        guard: guard.clone(),
        backlog: backlog.clone(),
        intake: None,
        // The plugin's end drops the sink, which ends the loop below.
        end: Box::new(|_| {}),
    };
    let thread = match javascript::start(job) {
        Ok(thread) => thread,
        Err(error) => return fail(&error, exit::SYSTEM),
    };
    if let Err(error) = filter.install() {
        return refuse(&[filter_difference(&error)]);
    }
    thread.go();
    let limits = CallLimits {
        wall_ms: settings.time.call_ms,
        cpu_ms: settings.time.cpu_per_call_ms,
    };
    follow(&guard, &said, &backlog, request, limits)
}

fn parse(arguments: &[String]) -> Result<Request, ArgumentError> {
    let mut request = Request::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let place = match argument.as_str() {
            "--call" => &mut request.function,
            "--args" => &mut request.arguments,
            _ => return Err(ArgumentError(argument.clone())),
        };
        let value = rest.next().ok_or_else(|| ArgumentError(argument.clone()))?;
        if place.replace(value.clone()).is_some() {
            return Err(ArgumentError(argument.clone()));
        }
    }
    Ok(request)
}

/// Watches the limits and prints what the plugin says until there is an answer.
fn follow(
    guard: &Guard,
    said: &Receiver<ShimMessage>,
    backlog: &Backlog,
    mut request: Request,
    limits: CallLimits,
) -> i32 {
    loop {
        let verdict = guard.tick();
        if let Some((_, error)) = verdict.ended.into_iter().next() {
            return print_call_error(&error);
        }
        if verdict.stuck {
            print_error("error: a built-in function does not end");
            return exit::PLUGIN;
        }
        let wait = verdict.again.unwrap_or(LOOK_EVERY).min(LOOK_EVERY);
        match said.recv_timeout(wait) {
            Ok(ShimMessage::Log {
                fields,
                text,
                dropped,
                ..
            }) => {
                if dropped > 0 {
                    print_error(&format!("({dropped} lines dropped)"));
                }
                let fields = fields
                    .map(|fields| format!(" {fields}"))
                    .unwrap_or_default();
                print_error(&escaped(&(text + &fields)));
            }
            Ok(ShimMessage::Ready { .. }) => {
                let Some(function) = request.function.take() else {
                    return exit::OK;
                };
                let arguments = request.arguments.take().unwrap_or_else(|| "[]".to_owned());
                guard.begin_call(CALL, limits);
                backlog.push(Work::Call {
                    id: CALL,
                    function,
                    arguments: Payload::Json(arguments),
                    window: None,
                });
            }
            Ok(ShimMessage::Reply { result, .. }) => {
                return match result {
                    Ok(payload) => print_result(payload),
                    Err(error) => print_call_error(&error),
                };
            }
            Ok(ShimMessage::Crash { error }) => {
                print_plugin_error(&error);
                return exit::PLUGIN;
            }
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return exit::SYSTEM,
        }
    }
}

fn print_result(payload: Payload) -> i32 {
    let mut bytes = match payload {
        Payload::Json(text) => text.into_bytes(),
        Payload::Bytes(bytes) => bytes,
    };
    bytes.push(b'\n');
    match std::io::stdout().write_all(&bytes) {
        Ok(()) => exit::OK,
        Err(error) => fail(&error, exit::SYSTEM),
    }
}

fn print_call_error(error: &CallError) -> i32 {
    match error {
        CallError::Exception(error) | CallError::Denied { error, .. } => print_plugin_error(error),
        CallError::NoSuchFunction { functions } => print_error(&format!(
            "error: no such function\n  hint: the plugin exports {}",
            escaped(&functions.join(", "))
        )),
        CallError::CpuTime { limit_ms } => {
            print_error(&format!(
                "error: call took more than {limit_ms} ms of CPU time"
            ));
        }
        CallError::WallTime { limit_ms } => {
            print_error(&format!("error: call took more than {limit_ms} ms"));
        }
        CallError::InvalidArguments { message } => {
            print_error(&format!(
                "error: arguments are no JSON: {}",
                escaped(message)
            ));
        }
        CallError::InvalidResult { message } => {
            print_error(&format!("error: result is no JSON: {}", escaped(message)));
        }
        CallError::ResultTooLarge { bytes, limit } => print_error(&format!(
            "error: result of {bytes} bytes exceeds the limit of {limit} bytes"
        )),
        CallError::Stream => print_error("error: result is a stream, which needs an engine"),
        CallError::Cancelled | CallError::ShuttingDown => print_error("error: call was given up"),
    }
    exit::PLUGIN
}

fn print_plugin_error(error: &PluginError) {
    let place = error.location.as_deref().map(|place| format!(" ({place})"));
    print_error(&format!(
        "error: {}: {}{}",
        escaped(&error.name),
        escaped(&error.message),
        escaped(&place.unwrap_or_default())
    ));
    for line in error.stack.lines() {
        print_error(&escaped(line));
    }
}

fn refuse(differences: &[Difference]) -> i32 {
    print_error("error: the container is not as the policy asks");
    for Difference {
        what,
        expected,
        found,
    } in differences
    {
        print_error(&format!("  {what}: expected `{expected}`, found `{found}`"));
    }
    exit::REFUSED
}

fn print_error(line: &str) {
    // Nobody may be listening; the exit code tells as well.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The plugin's text with nothing in it that moves a cursor or ends a line.
fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|character| {
            let escape = character.is_control().then(|| character.escape_default());
            let plain = escape.is_none().then_some(character);
            escape.into_iter().flatten().chain(plain)
        })
        .collect()
}

/// Takes what the plugin says to the main thread.
struct Terminal(Sender<ShimMessage>);

impl Sink for Terminal {
    fn send(&self, message: ShimMessage) {
        // The main thread is gone only when the process is about to end.
        let _ = self.0.send(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &[&str]) -> Result<Request, ArgumentError> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        parse(&words)
    }

    #[test]
    fn the_call_and_its_arguments_are_read_from_the_command_line() {
        let request = parse_words(&["--args", "[1]", "--call", "f"]).expect("request");
        assert_eq!(request.function.as_deref(), Some("f"));
        assert_eq!(request.arguments.as_deref(), Some("[1]"));
        assert_eq!(parse_words(&[]).expect("request"), Request::default());
    }

    #[test]
    fn anything_else_on_the_command_line_is_refused() {
        for words in [&["--call"][..], &["x"], &["--call", "f", "--call", "g"]] {
            parse_words(words).expect_err("refused");
        }
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(escaped("a\u{1b}[2J\r\nb\u{e9}"), "a\\u{1b}[2J\\r\\nb\u{e9}");
    }
}
