//! What the bundle tells the shim: read once, from a read-only file, before anything else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::message::LogLevel;

/// Where the shim finds its [`ShimSettings`] as JSON: a read-only bind mount from the bundle.
pub const SETTINGS_PATH: &str = "/run/lazaret/settings.json";

/// Where a plugin with any grant of the network finds the engine's egress broker: a unix stream
/// socket that speaks HTTP/1.1, `CONNECT host:port` for TLS and other bytes, a request in absolute
/// form for plain HTTP. What it refuses it answers with status 403 and [`EGRESS_REFUSAL`].
///
/// The filters allow one way to make such a socket: `AF_UNIX`, `SOCK_STREAM | SOCK_CLOEXEC |
/// SOCK_NONBLOCK`, protocol 0.
pub const EGRESS_SOCKET_PATH: &str = "/run/lazaret/egress.sock";

/// The header field in which the egress broker names the permission that is missing, or else why
/// it refuses.
pub const EGRESS_REFUSAL: &str = "lazaret-refusal";

/// The header field in which it says why a granted host cannot be reached.
pub const EGRESS_UNREACHABLE: &str = "lazaret-unreachable";

/// The header field in which it says, where it grants a connection, that TLS within ends with it
/// and not with the host: its answers there are its own.
pub const EGRESS_TLS_END: &str = "lazaret-tls-end";

/// Everything the shim needs to know about its plugin and its policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShimSettings {
    /// Name of the plugin, for messages.
    pub plugin: String,
    /// The entry module, relative to `/plugin`, as `main.js`.
    pub entry: String,
    /// What the kernel must be enforcing before plugin code is read.
    pub expected: Expected,
    /// Host paths the policy lets the plugin see, and where each is mounted.
    pub files: Vec<FileGrant>,
    /// What holds for reading the host paths.
    pub file_limits: FileLimits,
    /// What the plugin sees of an environment.
    pub environment: Environment,
    /// What the operator gives the plugin: the text of a JSON object, 64 KiB at most.
    pub config: String,
    /// What holds for what the plugin keeps and logs.
    pub state: StateLimits,
    /// What may be asked of hosts by HTTPS, where the policy says more than that they may be
    /// reached: nobody but the shim sees it.
    pub https: Vec<HttpsEndpoint>,
    /// How many connections the plugin may have at a time.
    pub connections: u32,
    /// There is an egress broker at [`EGRESS_SOCKET_PATH`].
    pub egress: bool,
    /// Time limits.
    pub time: TimeLimits,
    /// The longest log line in bytes; the rest is cut.
    pub log_line_bytes: u64,
    /// Log bytes a second; lines beyond are dropped and counted.
    pub log_bytes_per_second: u64,
    /// The largest result of a call in bytes.
    pub result_bytes: u64,
    /// Refuse executable memory in the second filter.
    pub deny_executable_memory: bool,
    /// What Landlock leaves to the process.
    pub landlock: Landlock,
    /// Tell which permissions are used.
    pub learns: bool,
}

/// What the read-back compares with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The user inside the container (all of real, effective, saved, file system).
    pub uid: u32,
    /// The group inside the container, likewise.
    pub gid: u32,
    /// Each line of `/proc/self/uid_map` as `(inside, outside, count)`.
    pub uid_map: Vec<(u32, u32, u32)>,
    /// Likewise for `/proc/self/gid_map`.
    pub gid_map: Vec<(u32, u32, u32)>,
    /// Every mount there may be, by mount point; besides them only `masked`, `read_only` and
    /// `devices` may be mount points.
    pub mounts: Vec<ExpectedMount>,
    /// Paths that must be empty, or not be there at all.
    pub masked: Vec<String>,
    /// Paths that must be read-only, where they are there.
    pub read_only: Vec<String>,
    /// Device nodes the runtime may bind from the host, as `/dev/null`.
    pub devices: Vec<String>,
    /// Limits of the process.
    pub limits: Vec<ExpectedLimit>,
    /// Host name inside the container.
    pub hostname: String,
}

/// A mount as `/proc/self/mountinfo` must show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedMount {
    /// Mount point, as `/plugin`.
    pub target: String,
    /// Options that must be set, out of `ro`, `nosuid`, `nodev`, `noexec`.
    pub options: Vec<String>,
    /// File system type, where it must be a certain one (`tmpfs`, `proc`).
    pub fstype: Option<String>,
    /// How many bytes the file system holds, where that must be so many; whole pages count.
    pub bytes: Option<u64>,
    /// How many files and directories it holds, where that must be so many.
    pub inodes: Option<u64>,
}

/// A limit as getrlimit(2) must tell it, soft and hard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedLimit {
    /// Its name, as `RLIMIT_NOFILE`.
    pub name: String,
    /// Its value, in the unit of that limit.
    pub value: u64,
}

/// What the policy lets the plugin ask of a host by HTTPS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpsEndpoint {
    /// The host as the policy has it: a name, `*.example.com` for every name below it, or
    /// `.example.com` for both.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The methods that may be used, in upper case; all if there is no list.
    pub methods: Option<Vec<String>>,
    /// The paths that may be asked for, those that end in `*` with all they begin; all if there is
    /// no list.
    pub paths: Option<Vec<String>>,
}

/// A part of the host's file system that the plugin may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileGrant {
    /// The path as the policy and the plugin name it, as `/srv/data`.
    pub path: String,
    /// Where it is mounted in the container, as `/granted/0`.
    pub mounted_at: String,
    /// The granted thing is a directory.
    pub directory: bool,
}

/// What holds for reading granted host paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileLimits {
    /// Names that do not exist for the plugin, in which `*` stands for any run of characters.
    pub ignore: Vec<String>,
    /// The most bytes read at once.
    pub read_bytes: u64,
}

/// What holds for what the plugin keeps and logs, and for windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateLimits {
    /// The policy lets it keep something, and there is an engine to do so.
    pub kv: bool,
    /// The policy lets it do something with windows, and there is an engine to do so.
    pub windows: bool,
    /// Lines of a lower level are dropped.
    pub log_level: LogLevel,
}

/// What the plugin sees of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Values by name: those the policy sets, and those of the host it lets the plugin read.
    pub values: BTreeMap<String, String>,
    /// Names the policy lets the plugin read that have no value on the host.
    pub unset: BTreeSet<String>,
}

/// What Landlock leaves to the process (landlock(7)): everything it can deny is denied but reading
/// these files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Landlock {
    /// The ABI the kernel must have, exactly; 0 where it has no Landlock and the policy does
    /// without.
    pub abi: u32,
    /// Paths in the container that may be read; a directory with all below it.
    pub readable: Vec<String>,
    /// Sockets in the container that may be connected to.
    pub sockets: Vec<String>,
}

/// Time limits, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeLimits {
    /// CPU time for loading the plugin's modules; the engine holds the wall time.
    pub startup_ms: u64,
    /// Wall time of a call.
    pub call_ms: u64,
    /// CPU time of a call.
    pub cpu_per_call_ms: u64,
}
