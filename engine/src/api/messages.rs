//! What goes over the control socket, as both ends know it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::store::RevisionOrigin;

/// Whether a plugin takes calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginState {
    /// It does.
    Running,
    /// Somebody stopped it.
    Stopped,
    /// It ended by itself.
    Ended,
    /// It did what its policy has it quarantined for.
    Quarantined,
}

/// A plugin with its figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginReport {
    /// Its name.
    pub plugin: String,
    /// Whether it takes calls.
    pub state: PluginState,
    /// Why it does not.
    pub reason: Option<String>,
    /// Its first process on the host.
    pub pid: u32,
    /// Its functions.
    pub functions: Vec<String>,
    /// When its container got ready, in milliseconds since 1970.
    pub since_unix_ms: u64,
    /// The file or text its policy came from; `null` for level `standard` with nothing over it.
    pub policy: Option<String>,
    /// The number of that policy.
    pub revision: Option<u64>,
    /// Calls so far.
    pub calls: u64,
    /// Calls under way.
    pub calls_under_way: u64,
    /// Containers whose place was taken and that finish their calls.
    pub draining: usize,
    /// Bytes of memory in use.
    pub memory_bytes: Option<u64>,
    /// CPU time so far, in microseconds.
    pub cpu_us: Option<u64>,
    /// Processes and threads.
    pub tasks: Option<u64>,
    /// Violations that `violations` lists.
    pub violations: usize,
}

/// A function to call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallRequest {
    /// Its name.
    pub function: String,
    /// An array is the list of arguments, anything else the only argument; none if left out.
    #[serde(default = "no_arguments")]
    pub arguments: Box<RawValue>,
    /// Bytes as the only argument, in place of `arguments`: base64 (RFC 4648, section 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<String>,
    /// How long it may take, in milliseconds; the policy's limit holds as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Answer with a line for each item, as the function gives them.
    #[serde(default)]
    pub stream: bool,
}

fn no_arguments() -> Box<RawValue> {
    RawValue::from_string("[]".to_owned()).expect("it is JSON")
}

/// What a function gave back.
#[derive(Clone, Debug)]
pub enum CallResult {
    /// JSON text; travels as `application/json`.
    Json(String),
    /// Bytes; travel as `application/octet-stream`.
    Bytes(Vec<u8>),
}

/// A policy to apply.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    /// What problems and origins call it by.
    pub name: String,
    /// The whole policy. One that extends a file is refused.
    pub text: String,
    /// Start a new container where the running one cannot be held to it.
    #[serde(default)]
    pub restart: bool,
    /// Change nothing where the plugin would be allowed more.
    #[serde(default)]
    pub refuse_wider: bool,
    /// Change nothing, tell what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// A policy to go back to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollbackRequest {
    /// Its number; the one before the last where there is none.
    pub revision: Option<u64>,
    /// As in [`ChangeRequest`].
    #[serde(default)]
    pub restart: bool,
    /// As in [`ChangeRequest`].
    #[serde(default)]
    pub refuse_wider: bool,
    /// As in [`ChangeRequest`].
    #[serde(default)]
    pub dry_run: bool,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeReport {
    /// The plugin's name.
    pub plugin: String,
    /// The number of the policy that holds now; `null` where nothing was changed.
    pub revision: Option<u64>,
    /// A new container runs.
    pub restarted: bool,
    /// Milliseconds from the request until it was in force on every layer.
    pub in_force_ms: f64,
    /// What is other than before, or would be.
    pub changes: Vec<ChangeLine>,
    /// What the policy asks for and a floor does not give.
    pub cuts: Vec<String>,
    /// What the policy grants and the plugin does not ask for.
    pub unasked: Vec<String>,
    /// What this host does not hold, and the policy does without.
    pub unenforced: Vec<String>,
}

/// One thing that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeLine {
    /// A key or a permission.
    pub what: String,
    /// What held; `null` where there was nothing.
    pub before: Option<String>,
    /// What is to hold.
    pub after: Option<String>,
    /// It allows more.
    pub widens: bool,
    /// The container that runs can be held to it.
    pub live: bool,
}

/// A policy that held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionReport {
    /// Its number.
    pub number: u64,
    /// It holds now.
    pub holds: bool,
    /// When it was applied, in milliseconds since 1970.
    pub at_unix_ms: u64,
    /// Who applied it.
    pub by_uid: u32,
    /// How it came to hold.
    pub origin: RevisionOrigin,
    /// The revision gone back to.
    pub of: Option<u64>,
    /// The file or text it came from.
    pub name: String,
    /// SHA-256 of the text.
    pub digest: String,
    /// The policy.
    pub text: String,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The request is not understood.
    Request,
    /// There is no plugin of that name.
    NoSuchPlugin,
    /// The plugin cannot be read, or is not what its `plugin.yaml` says.
    Plugin,
    /// The plugin has ended or was stopped.
    NotRunning,
    /// It is in quarantine.
    Quarantined,
    /// It has no such function.
    NoSuchFunction,
    /// The arguments are no JSON, or too large.
    Arguments,
    /// The function threw.
    Exception,
    /// An act was denied.
    Denied,
    /// CPU time used up.
    CpuTime,
    /// Wall time used up.
    WallTime,
    /// The caller's own deadline was over.
    Deadline,
    /// The call was given up.
    Cancelled,
    /// The result cannot be sent or is too large.
    Result,
    /// Out of memory: the plugin ended.
    OutOfMemory,
    /// A forbidden system call: the plugin ended.
    ForbiddenSyscall,
    /// It did what its policy has it ended for.
    Violation,
    /// The plugin did not get ready in time.
    StartupTimeout,
    /// The kernel does not enforce what the policy asks for.
    ReadBack,
    /// The plugin's shim was lost, or broke the channel's rules.
    ShimLost,
    /// The plugin's process exited by itself.
    Ended,
    /// Too much is under way, or what is asked for is in use: to be tried again.
    Busy,
    /// The policy is wrong, or grants what cannot be held.
    Policy,
    /// Some of the changes need a new container.
    NeedsRestart,
    /// Some of the changes allow more.
    Wider,
    /// There is no such revision.
    NoSuchRevision,
    /// A root file system is not there, or not what its manifest says.
    Rootfs,
    /// The state directory, or what is kept in it, cannot be used.
    State,
    /// The host, the kernel or the launcher refused.
    Host,
    /// Something of lazaret's own failed. A kind that a newer engine has and this client does not know is read as this one.
    #[serde(other)]
    Internal,
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of failure it is.
    pub kind: Kind,
    /// In words; hints are on lines of their own.
    pub message: String,
    /// What would change, where that is the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ChangeLine>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_a_kind_that_is_not_known_keeps_its_words() {
        let read = |text| serde_json::from_str::<Refusal>(text).unwrap();
        let newer = read(r#"{ "kind": "not_yet_known", "message": "why", "more": 1 }"#);
        assert_eq!((newer.kind, &*newer.message), (Kind::Internal, "why"));
        let known = read(r#"{ "kind": "busy", "message": "why" }"#);
        assert_eq!(known.kind, Kind::Busy);
        assert_eq!(
            serde_json::to_string(&Kind::Internal).unwrap(),
            "\"internal\""
        );
        assert_eq!(
            read(r#"{ "kind": "internal", "message": "" }"#).kind,
            Kind::Internal
        );
    }
}
