//! Every message there is, for property tests.

mod acts;
mod state;

use lazaret_protocol::{
    CallError, CallId, CallLimits, Difference, EngineMessage, Figures, FileLimits, Given,
    GivenSecret, HttpsEndpoint, LiveLimits, LogLevel, Payload, PluginError, ShimMessage,
    StateLimits,
};
use proptest::{collection::vec, option, prelude::*};

pub(super) fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..40).prop_map(String::from_iter)
}

fn call_id() -> impl Strategy<Value = CallId> {
    any::<u64>().prop_map(CallId)
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        text().prop_map(Payload::Json),
        vec(any::<u8>(), 0..300).prop_map(Payload::Bytes),
    ]
}

fn plugin_error() -> impl Strategy<Value = PluginError> {
    (text(), text(), text(), option::of(text())).prop_map(|(name, message, stack, location)| {
        PluginError {
            name,
            message,
            stack,
            location,
        }
    })
}

fn call_error() -> impl Strategy<Value = CallError> {
    prop_oneof![
        vec(text(), 0..5).prop_map(|functions| CallError::NoSuchFunction { functions }),
        plugin_error().prop_map(CallError::Exception),
        (text(), plugin_error())
            .prop_map(|(permission, error)| CallError::Denied { permission, error }),
        any::<u64>().prop_map(|limit_ms| CallError::CpuTime { limit_ms }),
        any::<u64>().prop_map(|limit_ms| CallError::WallTime { limit_ms }),
        Just(CallError::Cancelled),
        text().prop_map(|message| CallError::InvalidArguments { message }),
        text().prop_map(|message| CallError::InvalidResult { message }),
        any::<(u64, u64)>().prop_map(|(bytes, limit)| CallError::ResultTooLarge { bytes, limit }),
        Just(CallError::ShuttingDown),
        Just(CallError::Stream),
    ]
}

fn log_level() -> impl Strategy<Value = LogLevel> {
    prop_oneof![
        Just(LogLevel::Debug),
        Just(LogLevel::Info),
        Just(LogLevel::Warn),
        Just(LogLevel::Error),
    ]
}

fn difference() -> impl Strategy<Value = Difference> {
    (text(), text(), text()).prop_map(|(what, expected, found)| Difference {
        what,
        expected,
        found,
    })
}

/// Any message a shim may send.
pub(crate) fn shim_message() -> impl Strategy<Value = ShimMessage> {
    prop_oneof![
        (any::<u16>(), text()).prop_map(|(version, engine)| ShimMessage::Hello { version, engine }),
        vec(difference(), 0..5).prop_map(|differences| ShimMessage::Refused { differences }),
        vec(text(), 0..5).prop_map(|functions| ShimMessage::Ready { functions }),
        (call_id(), payload()).prop_map(|(id, result)| ShimMessage::Reply {
            id,
            result: Ok(result)
        }),
        (call_id(), call_error()).prop_map(|(id, error)| ShimMessage::Reply {
            id,
            result: Err(error)
        }),
        (log_level(), option::of(text()), text(), any::<u64>()).prop_map(
            |(level, fields, text, dropped)| ShimMessage::Log {
                level,
                fields,
                text,
                dropped
            }
        ),
        vec(state::measure(), 0..5).prop_map(|measures| ShimMessage::Measured { measures }),
        any::<[u64; 4]>().prop_map(|[heap_used, external, calls, cpu_us]| {
            ShimMessage::Metrics(Figures {
                heap_used,
                external,
                calls,
                cpu_us,
            })
        }),
        (text(), option::of(call_id()))
            .prop_map(|(permission, call)| ShimMessage::Violation { permission, call }),
        (text(), any::<u64>())
            .prop_map(|(permission, times)| ShimMessage::Used { permission, times }),
        plugin_error().prop_map(|error| ShimMessage::Crash { error }),
        (acts::ask_id(), option::of(call_id()), acts::act())
            .prop_map(|(id, call, act)| ShimMessage::Ask { id, call, act }),
        (call_id(), payload()).prop_map(|(id, item)| ShimMessage::Item { id, item }),
        call_id().prop_map(|id| ShimMessage::StreamEnd { id }),
    ]
}

/// Any message an engine may send.
pub(crate) fn engine_message() -> impl Strategy<Value = EngineMessage> {
    prop_oneof![
        (any::<u16>(), given())
            .prop_map(|(version, given)| EngineMessage::Hello { version, given }),
        (
            call_id(),
            text(),
            payload(),
            any::<(u64, u64)>(),
            any::<Option<u64>>()
        )
            .prop_map(|(id, function, arguments, (wall_ms, cpu_ms), window)| {
                EngineMessage::Call {
                    id,
                    function,
                    arguments,
                    limits: CallLimits { wall_ms, cpu_ms },
                    window,
                }
            }),
        (call_id(), any::<u64>()).prop_map(|(id, bytes)| EngineMessage::Credit { id, bytes }),
        call_id().prop_map(|id| EngineMessage::Cancel { id }),
        Just(EngineMessage::Shutdown),
        (any::<([u64; 4], u32)>(), vec(https(), 0..4)).prop_map(
            |((figures, connections), https)| {
                let [
                    log_line_bytes,
                    log_bytes_per_second,
                    result_bytes,
                    background_ms,
                ] = figures;
                EngineMessage::Limits(LiveLimits {
                    files: FileLimits {
                        ignore: vec![".git".to_owned()],
                        read_bytes: 7,
                    },
                    log_line_bytes,
                    log_bytes_per_second,
                    result_bytes,
                    background_ms,
                    https,
                    connections,
                    state: StateLimits {
                        kv: true,
                        windows: true,
                        log_level: LogLevel::Warn,
                    },
                })
            }
        ),
        (acts::ask_id(), acts::result())
            .prop_map(|(id, result)| EngineMessage::Answer { id, result }),
    ]
}

fn given() -> impl Strategy<Value = Given> {
    let secret = (text(), text()).prop_map(|(name, value)| GivenSecret { name, value });
    (vec(secret, 0..4), option::of(text()))
        .prop_map(|(secrets, authority)| Given { secrets, authority })
}

fn https() -> impl Strategy<Value = HttpsEndpoint> {
    let list = || option::of(vec(text(), 0..4));
    (text(), any::<u16>(), list(), list()).prop_map(|(host, port, methods, paths)| HttpsEndpoint {
        host,
        port,
        methods,
        paths,
    })
}
