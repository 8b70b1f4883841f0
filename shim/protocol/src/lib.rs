//! The channel between the engine and the shim of one plugin.
//!
//! Two ends, one stream socket that the launcher hands to the shim as descriptor
//! [`CHANNEL_FD`]. The shim speaks first ([`ShimMessage::Hello`]), the engine answers
//! with its own hello, and the lower of the two versions must be one that both know. Then the
//! shim reads back what the kernel enforces and says [`ShimMessage::Ready`] or
//! [`ShimMessage::Refused`]. From there on calls, replies, log lines and figures travel in any
//! order; a reply names its call, and so does each item of a stream.
//!
//! The engine believes nothing it reads here: a frame is bounded before it is read, decoded by
//! a strict decoder, and anything out of turn ends the plugin.

mod act;
mod bounded;
mod compile;
mod frame;
mod given;
mod kv;
mod measure;
mod message;
mod reported;
mod settings;
mod stream;
mod window;

pub use act::{
    Act, ActError, ActResult, AskId, Failure, MAX_ACT_BYTES, MAX_ARGUMENT_BYTES, MAX_PROGRAM_BYTES,
    Presence, ProgramStatus, TEMPORARY_NAME, WriteMode,
};
pub use compile::{COMPILED_DIRECTORY, Compiled, IMPORTS_FILE, Problem, Source};
pub use frame::{FrameDecoder, FrameError, HEADER_BYTES, MAX_FRAME_BYTES, encode};
pub use given::{Given, GivenSecret};
pub use kv::{KvAct, KvEntry, MAX_KEY_BYTES, MAX_VALUE_BYTES};
pub use measure::{
    BUCKETS, MAX_LABEL_BYTES, MAX_LABELS, MAX_MEASURES, MAX_NAME_BYTES, MAX_SERIES,
    MAX_SERIES_BYTES, Measure, MeasureChange, Series, SeriesError,
};
pub use message::{
    CallError, CallId, CallLimits, Difference, EngineMessage, Figures, LiveLimits, LogLevel,
    MAX_ASKS, Payload, PluginError, ShimMessage, TOLD_ONE_BY_ONE,
};
pub use reported::REPORTED_SYSTEM_CALLS;
pub use settings::{
    EGRESS_REFUSAL, EGRESS_SOCKET_PATH, EGRESS_TLS_END, EGRESS_UNREACHABLE, Environment, Expected,
    ExpectedLimit, ExpectedMount, FileGrant, FileLimits, HttpsEndpoint, Landlock, SETTINGS_PATH,
    ShimSettings, StateLimits, TimeLimits,
};
pub use stream::{Credit, ITEM_BYTES};
pub use window::{Window, WindowAct};

/// Version of the messages in this crate. Raised when a message changes shape.
pub const PROTOCOL_VERSION: u16 = 4;

/// The descriptor at which the shim finds its end of the channel.
pub const CHANNEL_FD: i32 = 3;
