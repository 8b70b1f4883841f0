//! The border between the engine, which decides, and the launcher, which is root.
//!
//! Both ends hold one `SOCK_SEQPACKET` socket. The engine sends a [`Request`], the launcher
//! answers each with one [`Response`], in order; between answers it sends [`Event`]s when a
//! container ends. Descriptors travel beside the packets.
//!
//! The launcher does not trust the engine with root: it checks every bundle against [`floor`]
//! before it acts on it.

pub mod floor;
mod members;
mod packet;
mod snapshot;
mod verbs;

pub use members::kill_members;
pub use packet::{MAX_PACKET_BYTES, Packet, PacketError, PacketSocket};
pub use snapshot::{
    MAX_SNAPSHOT_BYTES, MAX_SNAPSHOT_FILES, SnapshotError, SnapshotFile, decode_snapshot,
    encode_snapshot,
};
pub use verbs::{
    CPU_PERIOD_US, CgroupLimits, ContainerId, Event, ExitStatus, FileMount, FromLauncher,
    ID_BLOCK_SIZE, InvalidContainerId, Request, Response, cpu_shares,
};

/// Directory below a container's directory that is mounted at `/run/lazaret`.
pub const SETTINGS_DIRECTORY: &str = "settings";
/// Directory below a container's directory that is mounted at `/plugin`.
pub const PLUGIN_DIRECTORY: &str = "plugin";
/// Directory below a container's directory that is the root file system.
pub const ROOTFS_DIRECTORY: &str = "rootfs";
/// Directory below a container's directory with one entry for each granted host path.
pub const GRANTS_DIRECTORY: &str = "granted";
/// Socket in [`SETTINGS_DIRECTORY`] at which a plugin finds the engine's egress broker.
pub const EGRESS_SOCKET: &str = "egress.sock";
/// Socket below a container's directory to which the seccomp listener is handed.
pub const LISTENER_SOCKET: &str = "seccomp.sock";
