//! Bounds on what a shim may say. Our own shim stays well below each; one that does not is in
//! other hands.

use lazaret_protocol::{
    Act, CallError, Difference, KvAct, MAX_ACT_BYTES, MAX_ARGUMENT_BYTES, MAX_KEY_BYTES,
    MAX_PROGRAM_BYTES, MAX_VALUE_BYTES, Payload, PluginError, ShimMessage,
};

const PERMISSION_BYTES: usize = 8 * 1024;
const FUNCTION_BYTES: usize = 1024;
const DIFFERENCE_BYTES: usize = 8 * 1024;
const ERROR_NAME_BYTES: usize = 1024;
const ERROR_MESSAGE_BYTES: usize = 32 * 1024;
const ERROR_STACK_BYTES: usize = 64 * 1024;
const ENGINE_BYTES: usize = 64;
const PATH_BYTES: usize = 4 * 1024;

/// Checks every text in a message but results, items and log lines, which the policy bounds. Lists were
/// held to theirs while they were read. Says what is too large.
pub(super) fn check(message: &ShimMessage) -> Result<(), &'static str> {
    match message {
        ShimMessage::Hello { engine, .. } => text(engine, ENGINE_BYTES, "engine name"),
        ShimMessage::Refused { differences } => differences.iter().try_for_each(difference),
        ShimMessage::Ready { functions: names } => functions(names),
        ShimMessage::Reply { result, .. } => result.as_ref().err().map_or(Ok(()), call_error),
        ShimMessage::Violation { permission, .. } => {
            text(permission, PERMISSION_BYTES, "refused permission")
        }
        ShimMessage::Used { permission, .. } => {
            text(permission, PERMISSION_BYTES, "used permission")
        }
        ShimMessage::Crash { error } => plugin_error(error),
        ShimMessage::Ask { act: asked, .. } => act(asked),
        ShimMessage::Measured { measures } => measures.iter().try_for_each(|measure| {
            let checked = measure.series.check();
            checked.map_err(|_| "name of a measure")
        }),
        ShimMessage::Log { .. }
        | ShimMessage::Metrics(_)
        | ShimMessage::Item { .. }
        | ShimMessage::StreamEnd { .. } => Ok(()),
    }
}

fn text(text: &str, most: usize, what: &'static str) -> Result<(), &'static str> {
    if text.len() > most { Err(what) } else { Ok(()) }
}

fn difference(difference: &Difference) -> Result<(), &'static str> {
    let Difference {
        what,
        expected,
        found,
    } = difference;
    [what, expected, found]
        .into_iter()
        .try_for_each(|part| text(part, DIFFERENCE_BYTES, "difference"))
}

fn functions(names: &[String]) -> Result<(), &'static str> {
    names
        .iter()
        .try_for_each(|name| text(name, FUNCTION_BYTES, "name of a function"))
}

fn plugin_error(error: &PluginError) -> Result<(), &'static str> {
    text(&error.name, ERROR_NAME_BYTES, "name of an error")?;
    text(&error.message, ERROR_MESSAGE_BYTES, "message of an error")?;
    text(&error.stack, ERROR_STACK_BYTES, "stack of an error")?;
    let location = error.location.as_deref().unwrap_or_default();
    text(location, PERMISSION_BYTES, "place of an error")
}

fn act(act: &Act) -> Result<(), &'static str> {
    let path = |path: &str| text(path, PATH_BYTES, "path");
    let bytes = |bytes: &[u8], what| {
        if bytes.len() > MAX_ACT_BYTES {
            Err(what)
        } else {
            Ok(())
        }
    };
    match act {
        Act::Write {
            path: file,
            content,
            ..
        } => {
            path(file)?;
            bytes(content, "content of a file")
        }
        Act::Remove { path: name }
        | Act::RemoveAll { path: name }
        | Act::MakeDirectory { path: name, .. } => path(name),
        Act::Rename { from, to } => {
            path(from)?;
            path(to)
        }
        Act::Kv(act) => kv(act),
        // Numbers, and no more of them than there are.
        Act::Window(_) => Ok(()),
        Act::Run {
            program,
            arguments,
            input,
        } => {
            text(program, MAX_PROGRAM_BYTES, "name of a program")?;
            bytes(input, "input of a program")?;
            let together: usize = arguments.iter().map(String::len).sum();
            if together > MAX_ARGUMENT_BYTES {
                Err("list of arguments")
            } else {
                Ok(())
            }
        }
    }
}

fn kv(act: &KvAct) -> Result<(), &'static str> {
    let key = |key: &str| text(key, MAX_KEY_BYTES, "key");
    let value = |value: &Option<Payload>| match value {
        Some(value) if value.bytes() > MAX_VALUE_BYTES as u64 => Err("value of a key"),
        _ => Ok(()),
    };
    match act {
        KvAct::Get { key: name } => key(name),
        KvAct::Put {
            key: name,
            value: new,
        } => key(name).and_then(|()| value(new)),
        KvAct::Swap {
            key: name,
            expected,
            value: new,
        } => {
            key(name)?;
            value(expected)?;
            value(new)
        }
        KvAct::List { prefix, after } => {
            key(prefix)?;
            key(after.as_deref().unwrap_or_default())
        }
    }
}

fn call_error(error: &CallError) -> Result<(), &'static str> {
    match error {
        CallError::NoSuchFunction { functions: names } => functions(names),
        CallError::Exception(error) => plugin_error(error),
        CallError::Denied { permission, error } => {
            text(permission, PERMISSION_BYTES, "refused permission")?;
            plugin_error(error)
        }
        CallError::InvalidArguments { message } | CallError::InvalidResult { message } => {
            text(message, ERROR_MESSAGE_BYTES, "message of an error")
        }
        CallError::CpuTime { .. }
        | CallError::WallTime { .. }
        | CallError::Cancelled
        | CallError::ResultTooLarge { .. }
        | CallError::ShuttingDown
        | CallError::Stream => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use lazaret_protocol::{AskId, CallId, Presence, WriteMode};

    use super::*;

    fn error(bytes: usize) -> PluginError {
        PluginError {
            name: "Error".into(),
            message: String::new(),
            stack: "x".repeat(bytes),
            location: None,
        }
    }

    fn ask(act: Act) -> ShimMessage {
        ShimMessage::Ask {
            id: AskId(1),
            call: None,
            act,
        }
    }

    #[test]
    fn what_our_shim_sends_passes() {
        let id = CallId(1);
        let stack = error(16 * 1024);
        let result = Err(CallError::Exception(stack.clone()));
        assert_eq!(check(&ShimMessage::Reply { id, result }), Ok(()));
        assert_eq!(check(&ShimMessage::Crash { error: stack }), Ok(()));
    }

    #[test]
    fn every_text_has_a_bound() {
        let large = "x".repeat(100 * 1024);
        let id = CallId(1);
        let difference = Difference {
            what: large.clone(),
            expected: String::new(),
            found: String::new(),
        };
        for message in [
            ShimMessage::Hello {
                version: 1,
                engine: large.clone(),
            },
            ShimMessage::Refused {
                differences: vec![difference],
            },
            ShimMessage::Ready {
                functions: vec![large.clone()],
            },
            ShimMessage::Violation {
                permission: large.clone(),
                call: None,
            },
            ShimMessage::Crash {
                error: error(large.len()),
            },
            ask(Act::Write {
                path: large.clone(),
                mode: WriteMode::Replace,
                presence: Presence::Any,
                content: Vec::new(),
            }),
            ask(Act::Write {
                path: "/a".into(),
                mode: WriteMode::Append,
                presence: Presence::Any,
                content: vec![0; MAX_ACT_BYTES + 1],
            }),
            ask(Act::Remove {
                path: large.clone(),
            }),
            ask(Act::Rename {
                from: "/a".into(),
                to: large.clone(),
            }),
            ask(Act::Run {
                program: large.clone(),
                arguments: Vec::new(),
                input: Vec::new(),
            }),
            ask(Act::Run {
                program: "p".into(),
                arguments: vec![large.clone(); 2],
                input: Vec::new(),
            }),
            ask(Act::Run {
                program: "p".into(),
                arguments: Vec::new(),
                input: vec![0; MAX_ACT_BYTES + 1],
            }),
            ShimMessage::Reply {
                id,
                result: Err(CallError::NoSuchFunction {
                    functions: vec![large.clone()],
                }),
            },
            ShimMessage::Reply {
                id,
                result: Err(CallError::InvalidResult { message: large }),
            },
        ] {
            assert!(check(&message).is_err(), "{message:?}");
        }
    }
}
