//! Every act there is, and every outcome.

use lazaret_protocol::{
    Act, ActError, ActResult, AskId, Failure, Presence, ProgramStatus, Window, WindowAct, WriteMode,
};
use proptest::{collection::vec, option, prelude::*};

use super::{state, text};

pub(super) fn ask_id() -> impl Strategy<Value = AskId> {
    any::<u64>().prop_map(AskId)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..100)
}

fn write() -> impl Strategy<Value = Act> {
    let mode = prop_oneof![Just(WriteMode::Replace), Just(WriteMode::Append)];
    let presence = prop_oneof![
        Just(Presence::Any),
        Just(Presence::Old),
        Just(Presence::New)
    ];
    (text(), mode, presence, bytes()).prop_map(|(path, mode, presence, content)| Act::Write {
        path,
        mode,
        presence,
        content,
    })
}

pub(super) fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        write(),
        text().prop_map(|path| Act::Remove { path }),
        text().prop_map(|path| Act::RemoveAll { path }),
        (text(), any::<bool>()).prop_map(|(path, parents)| Act::MakeDirectory { path, parents }),
        (text(), text()).prop_map(|(from, to)| Act::Rename { from, to }),
        (text(), vec(text(), 0..5), bytes()).prop_map(|(program, arguments, input)| Act::Run {
            program,
            arguments,
            input
        }),
        state::act().prop_map(Act::Kv),
        window_act().prop_map(Act::Window),
    ]
}

fn window_act() -> impl Strategy<Value = WindowAct> {
    let id = any::<u32>;
    let sides = (option::of(any::<u16>()), option::of(any::<u16>()));
    let place = (option::of(any::<i16>()), option::of(any::<i16>()));
    prop_oneof![
        Just(WindowAct::List),
        id().prop_map(|id| WindowAct::Focus { id }),
        (id(), place, sides).prop_map(|(id, (x, y), (width, height))| WindowAct::Move {
            id,
            x,
            y,
            width,
            height
        }),
        id().prop_map(|id| WindowAct::Close { id }),
    ]
}

fn windows() -> impl Strategy<Value = Vec<Window>> {
    let shape = any::<(i16, i16, u16, u16)>();
    let one = (any::<u32>(), text(), text(), shape, any::<bool>());
    let one = one.prop_map(
        |(id, title, class, (x, y, width, height), focused)| Window {
            id,
            title,
            class,
            x,
            y,
            width,
            height,
            focused,
        },
    );
    vec(one, 0..4)
}

pub(super) fn result() -> impl Strategy<Value = Result<ActResult, ActError>> {
    let status = prop_oneof![
        any::<i32>().prop_map(ProgramStatus::Code),
        any::<i32>().prop_map(ProgramStatus::Signal),
    ];
    let failure = prop_oneof![
        Just(Failure::NotFound),
        Just(Failure::AlreadyExists),
        Just(Failure::NotADirectory),
        Just(Failure::IsADirectory),
        Just(Failure::Busy),
        Just(Failure::TimedOut),
        Just(Failure::Interrupted),
        Just(Failure::Other),
    ];
    prop_oneof![
        Just(Ok(ActResult::Done)),
        state::result().prop_map(Ok),
        windows().prop_map(|windows| Ok(ActResult::Windows(windows))),
        (status, bytes(), bytes()).prop_map(|(status, stdout, stderr)| Ok(ActResult::Ran {
            status,
            stdout,
            stderr
        })),
        text().prop_map(|permission| Err(ActError::Denied { permission })),
        (text(), any::<u64>(), any::<u64>())
            .prop_map(|(what, asked, limit)| Err(ActError::Limit { what, asked, limit })),
        (failure, text()).prop_map(|(failure, message)| Err(ActError::Failed { failure, message })),
    ]
}
