//! Ops that have the engine do something.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{Extension, ExtensionFileSource, OpState, ascii_str_include, extension, op2};
use deno_error::JsErrorBox;
use lazaret_protocol::{Act, ActError, ActResult, Failure, Presence, ProgramStatus, WriteMode};

use super::extension::{Host, only_needed, to_js};

extension!(
    lazaret_acts,
    ops = [
        op_lazaret_act_make_directory,
        op_lazaret_act_remove,
        op_lazaret_act_remove_all,
        op_lazaret_act_rename,
        op_lazaret_act_run,
        op_lazaret_act_write_bytes,
        op_lazaret_act_write_text,
    ],
    middleware = only_needed,
);

const SOURCES: &[ExtensionFileSource] = &[ExtensionFileSource::new(
    "ext:lazaret/acts.js",
    ascii_str_include!("../../js/acts.js"),
)];

/// The extension; its ops need the state of [`super::extension`].
pub(super) fn extension() -> Extension {
    Extension {
        js_files: Cow::Borrowed(SOURCES),
        ..lazaret_acts::init()
    }
}

/// Bits of the last argument of a write, as `js/acts.js` has them.
const APPEND: u32 = 1;
const MUST_BE_NEW: u32 = 2;
const MUST_BE_THERE: u32 = 4;

fn write(path: String, content: Vec<u8>, options: u32) -> Act {
    let set = |bit| options & bit != 0;
    Act::Write {
        path,
        mode: if set(APPEND) {
            WriteMode::Append
        } else {
            WriteMode::Replace
        },
        presence: match (set(MUST_BE_NEW), set(MUST_BE_THERE)) {
            (true, _) => Presence::New,
            (false, true) => Presence::Old,
            (false, false) => Presence::Any,
        },
        content,
    }
}

#[op2]
async fn op_lazaret_act_write_text(
    state: Rc<RefCell<OpState>>,
    #[string] path: String,
    #[string] text: String,
    options: u32,
) -> Result<(), JsErrorBox> {
    let path = full(&state, &path)?;
    done(ask(state, write(path, text.into_bytes(), options)).await)
}

#[op2]
async fn op_lazaret_act_write_bytes(
    state: Rc<RefCell<OpState>>,
    #[string] path: String,
    #[buffer(copy)] bytes: Vec<u8>,
    options: u32,
) -> Result<(), JsErrorBox> {
    let path = full(&state, &path)?;
    done(ask(state, write(path, bytes, options)).await)
}

#[op2]
async fn op_lazaret_act_remove(
    state: Rc<RefCell<OpState>>,
    #[string] path: String,
) -> Result<(), JsErrorBox> {
    let path = full(&state, &path)?;
    done(ask(state, Act::Remove { path }).await)
}

#[op2]
async fn op_lazaret_act_remove_all(
    state: Rc<RefCell<OpState>>,
    #[string] path: String,
) -> Result<(), JsErrorBox> {
    let path = full(&state, &path)?;
    done(ask(state, Act::RemoveAll { path }).await)
}

#[op2]
async fn op_lazaret_act_make_directory(
    state: Rc<RefCell<OpState>>,
    #[string] path: String,
    parents: bool,
) -> Result<(), JsErrorBox> {
    let path = full(&state, &path)?;
    done(ask(state, Act::MakeDirectory { path, parents }).await)
}

#[op2]
async fn op_lazaret_act_rename(
    state: Rc<RefCell<OpState>>,
    #[string] from: String,
    #[string] to: String,
) -> Result<(), JsErrorBox> {
    let (from, to) = (full(&state, &from)?, full(&state, &to)?);
    done(ask(state, Act::Rename { from, to }).await)
}

/// Runs a program. Each of `arguments` has a NUL before it. What comes back: whether a signal
/// ended it, its status or that signal, the length of its standard output, each as four bytes from
/// the least; then its standard output and standard error.
#[op2]
#[buffer]
async fn op_lazaret_act_run(
    state: Rc<RefCell<OpState>>,
    #[string] program: String,
    #[string] arguments: String,
    #[buffer(copy)] input: Vec<u8>,
) -> Result<Vec<u8>, JsErrorBox> {
    let act = Act::Run {
        program,
        arguments: arguments.split('\0').skip(1).map(str::to_owned).collect(),
        input,
    };
    let (status, stdout, stderr) = match ask(state, act).await? {
        ActResult::Ran {
            status,
            stdout,
            stderr,
        } => (status, stdout, stderr),
        _ => return Err(odd()),
    };
    let (signal, number) = match status {
        ProgramStatus::Code(code) => (0_u32, code),
        ProgramStatus::Signal(signal) => (1, signal),
    };
    let length = u32::try_from(stdout.len()).unwrap_or(u32::MAX);
    let head = [
        signal.to_le_bytes(),
        number.to_le_bytes(),
        length.to_le_bytes(),
    ];
    Ok([head.as_flattened(), &stdout, &stderr].concat())
}

/// A path as the engine is told it.
fn full(state: &Rc<RefCell<OpState>>, path: &str) -> Result<String, JsErrorBox> {
    let state = state.borrow();
    let places = &state.borrow::<Host>().places;
    places.name(path).map_err(|error| to_js(&error))
}

/// Has the engine do something, for the call that asks.
pub(super) async fn ask(state: Rc<RefCell<OpState>>, act: Act) -> Result<ActResult, JsErrorBox> {
    let (asker, call) = {
        let state = state.borrow();
        let host = state.borrow::<Host>();
        (host.asker.clone(), host.call)
    };
    asker.ask(call, act).await.map_err(error)
}

fn done(outcome: Result<ActResult, JsErrorBox>) -> Result<(), JsErrorBox> {
    outcome.map(drop)
}

/// The engine's answer is none to what was asked.
pub(super) fn odd() -> JsErrorBox {
    JsErrorBox::generic("the engine answered something else")
}

/// The error as the plugin sees it; the classes are those of `js/acts.js`.
fn error(error: ActError) -> JsErrorBox {
    match error {
        // The class makes the message of it.
        ActError::Denied { permission } => JsErrorBox::new("LazaretDenied", permission),
        ActError::Limit { what, asked, limit } => JsErrorBox::new(
            "QuotaExceeded",
            format!("{what}: {asked} would exceed the limit of {limit}"),
        ),
        ActError::Failed { failure, message } => {
            let class = match failure {
                Failure::NotFound => "NotFound",
                Failure::AlreadyExists => "AlreadyExists",
                Failure::NotADirectory => "NotADirectory",
                Failure::IsADirectory => "IsADirectory",
                Failure::Busy => "Busy",
                Failure::TimedOut => "TimedOut",
                Failure::Interrupted => "Interrupted",
                Failure::Other => "Error",
            };
            JsErrorBox::new(class, message)
        }
    }
}
