//! What the two ends say to each other.

use serde::{Deserialize, Serialize};

use crate::act::{Act, ActError, ActResult, AskId};
use crate::given::Given;
use crate::measure::Measure;
use crate::settings::{FileLimits, StateLimits};

/// The most asks one shim may have under way; those beyond are answered with
/// [`Failure::Busy`](crate::Failure::Busy).
pub const MAX_ASKS: usize = 64;

/// Of one permission, so many uses are told one by one ([`ShimMessage::Used`]); after them each
/// doubling of their number is.
pub const TOLD_ONE_BY_ONE: u64 = 64;

/// Names one call on one channel. Chosen by the engine, never reused on that channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallId(pub u64);

/// Arguments or a result: JSON text or plain bytes.
///
/// JSON stays text: the engine hands it on and never needs its shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// One JSON value as text. Arguments: any value but an array is passed as the only
    /// argument; an array is passed as the list of arguments.
    Json(String),
    /// Bytes: a `Uint8Array` in the plugin.
    Bytes(#[serde(with = "serde_bytes")] Vec<u8>),
}

/// How long one call may take. The shim's watchdog ends the call softly at these; the engine
/// ends the plugin if it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallLimits {
    /// Wall time from arrival at the shim to the reply, in milliseconds.
    pub wall_ms: u64,
    /// CPU time of the JavaScript thread charged to the call, in milliseconds.
    pub cpu_ms: u64,
}

/// What the shim holds of a policy and takes other values of while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveLimits {
    /// The longest log line in bytes; the rest is cut.
    pub log_line_bytes: u64,
    /// Log bytes a second; lines beyond are dropped and counted.
    pub log_bytes_per_second: u64,
    /// The largest result of a call in bytes.
    pub result_bytes: u64,
    /// CPU time of one round of the event loop that no call pays for, in milliseconds.
    pub background_ms: u64,
    /// What may be asked of hosts by HTTPS, as [`crate::ShimSettings::https`].
    pub https: Vec<crate::HttpsEndpoint>,
    /// How many connections the plugin may have at a time.
    pub connections: u32,
    /// What holds for reading the host paths.
    pub files: FileLimits,
    /// What holds for what the plugin keeps and logs.
    pub state: StateLimits,
}

/// From the engine to the shim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EngineMessage {
    /// The answer to [`ShimMessage::Hello`].
    Hello {
        /// The engine's [`crate::PROTOCOL_VERSION`].
        version: u16,
        /// What the plugin is given that is written to no file.
        given: Given,
    },
    /// Call an exported function.
    Call {
        /// Names the call in its reply.
        id: CallId,
        /// Name of the export; `default` is the default export.
        function: String,
        /// What the function is called with.
        arguments: Payload,
        /// When to give up on it.
        limits: CallLimits,
        /// What a stream may cost before more is granted, in bytes, as [`crate::Credit`] counts;
        /// without it none is taken for a result.
        window: Option<u64>,
    },
    /// Give up on a call; it is answered with [`CallError::Cancelled`] unless its reply is
    /// already on the way.
    Cancel {
        /// The call to give up on.
        id: CallId,
    },
    /// Answer no more calls and exit with status 0.
    Shutdown,
    /// What holds from here on in place of the settings. Calls that come later in the channel begin
    /// under it; those under way keep their times, and have their logs and results held to it.
    Limits(LiveLimits),
    /// The answer to [`ShimMessage::Ask`]. Every ask is answered once, unless the plugin ends
    /// first.
    Answer {
        /// The ask answered.
        id: AskId,
        /// What came of it.
        result: Result<ActResult, ActError>,
    },
    /// More may be sent of a stream: so much was taken by whoever reads it.
    Credit {
        /// The call that streams.
        id: CallId,
        /// In bytes, as [`crate::Credit`] counts.
        bytes: u64,
    },
}

/// From the shim to the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ShimMessage {
    /// The first message on the channel.
    Hello {
        /// The shim's [`crate::PROTOCOL_VERSION`].
        version: u16,
        /// `quickjs` or `v8`.
        engine: String,
    },
    /// What the kernel enforces differs from the settings: no plugin code was read. The last
    /// message; the shim then exits.
    Refused {
        /// Every difference found, 1024 at most.
        #[serde(deserialize_with = "crate::bounded::differences")]
        differences: Vec<Difference>,
    },
    /// The plugin's modules are loaded and calls may come.
    Ready {
        /// Names of the exported functions, sorted, 1024 at most.
        #[serde(deserialize_with = "crate::bounded::functions")]
        functions: Vec<String>,
    },
    /// The answer to a call.
    Reply {
        /// The call answered.
        id: CallId,
        /// Its result.
        result: Result<Payload, CallError>,
    },
    /// A line the plugin wrote to its console or its log. Control characters are still in it.
    Log {
        /// As chosen by the console function used.
        level: LogLevel,
        /// What belongs to it, as the text of a JSON object; within the line limit together with
        /// the text.
        fields: Option<String>,
        /// The text, cut to the settings' line limit.
        text: String,
        /// Lines dropped since the one before this, because of the settings' rate.
        dropped: u64,
    },
    /// Figures of the runtime, sent after a call and from time to time.
    Metrics(Figures),
    /// What the plugin measured since that was told last, 256 measures at most.
    Measured {
        /// Each at most once.
        #[serde(deserialize_with = "crate::bounded::measures")]
        measures: Vec<Measure>,
    },
    /// An op was refused because no permission grants the act.
    Violation {
        /// The permission that would have been needed, as `file:read:/etc/shadow`.
        permission: String,
        /// The call during which it happened, where that is known.
        call: Option<CallId>,
    },
    /// The plugin cannot go on: its module does not load, or an error nobody caught ended it
    /// outside any call. The last message; the shim then exits.
    Crash {
        /// What was thrown.
        error: PluginError,
    },
    /// Something the container cannot do: the engine decides, and does it. At most
    /// [`MAX_ASKS`] may be under way.
    Ask {
        /// Names the ask in its answer.
        id: AskId,
        /// The call it is done for, where that is known; it is given up with that call.
        call: Option<CallId>,
        /// What is asked for.
        act: Act,
    },
    /// Permissions of the policy were used that only the shim sees used: files that were read,
    /// variables that were seen. Sent where the settings ask for it.
    Used {
        /// Which, as `file:read:/srv/data/a.csv`.
        permission: String,
        /// How often since that was told last, at least.
        times: u64,
    },
    /// An item of a stream, for a call that takes one. No more are sent than there is
    /// [credit](crate::Credit) for; all together cost no more than a result may have.
    Item {
        /// The call that streams.
        id: CallId,
        /// The item.
        item: Payload,
    },
    /// A stream has come to its end: the answer to its call, in place of a result. One that fails
    /// is answered with the error, as any call.
    StreamEnd {
        /// The call answered.
        id: CallId,
    },
}

/// One thing the kernel enforces otherwise than the settings ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What was read, as `NoNewPrivs` or `mount /plugin`.
    pub what: String,
    /// What the settings ask for.
    pub expected: String,
    /// What the kernel says.
    pub found: String,
}

/// How important a line of the log is; a later one is more so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LogLevel {
    /// `console.debug`
    Debug,
    /// `console.log`, `console.info`
    Info,
    /// `console.warn`
    Warn,
    /// `console.error`
    Error,
}

/// What the runtime says of its own use. Shown as the plugin's own word, never decided upon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Bytes in use on the JavaScript heap.
    pub heap_used: u64,
    /// Bytes the runtime holds for array buffers and the like, outside the heap.
    pub external: u64,
    /// Calls answered since the start.
    pub calls: u64,
    /// CPU time of the JavaScript thread since the start, in microseconds.
    pub cpu_us: u64,
}

/// An error thrown by the plugin's code. Every field is the plugin's text: capped by the shim,
/// escaped by whoever prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginError {
    /// `TypeError`, `SyntaxError`, or the class the plugin gave it.
    pub name: String,
    /// The message without the name.
    pub message: String,
    /// One line a frame, as `    at forecast (file:///plugin/main.js:3:9)`; may be empty.
    pub stack: String,
    /// Where it was thrown, as `main.js:3:9` relative to the plugin, where that is known.
    pub location: Option<String>,
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallError {
    /// The plugin has no function of this name.
    NoSuchFunction {
        /// Its functions, sorted, 1024 at most.
        #[serde(deserialize_with = "crate::bounded::functions")]
        functions: Vec<String>,
    },
    /// The function threw, or its promise was rejected.
    Exception(PluginError),
    /// The function did not handle the refusal of an act that no permission grants.
    Denied {
        /// The permission that would have been needed, as `file:read:/etc/shadow`.
        permission: String,
        /// The error as the plugin saw it.
        error: PluginError,
    },
    /// The call used up its CPU time and was interrupted.
    CpuTime {
        /// The limit in milliseconds.
        limit_ms: u64,
    },
    /// The call took longer than its wall time.
    WallTime {
        /// The limit in milliseconds.
        limit_ms: u64,
    },
    /// The engine gave up on it.
    Cancelled,
    /// The arguments are no JSON.
    InvalidArguments {
        /// What the JSON parser said.
        message: String,
    },
    /// The result cannot be sent: a cycle, a BigInt, a function.
    InvalidResult {
        /// What was in the way.
        message: String,
    },
    /// The result is larger than the policy lets it be.
    ResultTooLarge {
        /// Size of the result in bytes.
        bytes: u64,
        /// The policy's limit in bytes.
        limit: u64,
    },
    /// The shim is going down and takes no more calls.
    ShuttingDown,
    /// The result is a stream, and the call takes none.
    Stream,
}
