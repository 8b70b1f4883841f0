//! Mounts, masked and read-only paths, and what of them the shim reads back.

use std::path::{Path, PathBuf};

use lazaret_launcher_wire::{GRANTS_DIRECTORY, PLUGIN_DIRECTORY, SETTINGS_DIRECTORY};
use lazaret_protocol::ExpectedMount;
use oci_spec::OciSpecError;
use oci_spec::runtime::{Mount, MountBuilder};

/// Parts of `/proc` that tell about the host or its other users; unreadable.
pub(super) const MASKED_PATHS: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/latency_stats",
    "/proc/modules",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/version_signature",
];

/// Parts of `/proc` that are switches of the kernel.
pub(super) const READ_ONLY_PATHS: &[&str] = &[
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// Device nodes every runtime binds from the host (config-linux.md, default devices).
pub(super) const DEVICES: &[&str] = &[
    "/dev/full",
    "/dev/null",
    "/dev/random",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
];

/// Room for device nodes and for mount points: 64 KiB, in bytes.
const SMALL: u64 = 64 * 1024;

/// One mount of the container.
pub(super) struct Planned {
    target: String,
    kind: &'static str,
    source: PathBuf,
    /// Flags, which the kernel shows again.
    flags: Vec<&'static str>,
    /// Options of the file system.
    data: Vec<String>,
    /// Bytes it holds.
    bytes: Option<u64>,
    /// Files and directories it holds.
    inodes: Option<u64>,
}

const GUARDED: [&str; 3] = ["nosuid", "nodev", "noexec"];

/// A tmpfs with room for device nodes or mount points.
fn small(target: &str, flags: &[&'static str]) -> Planned {
    Planned {
        target: target.to_owned(),
        kind: "tmpfs",
        source: PathBuf::from("tmpfs"),
        flags: flags.to_vec(),
        data: vec!["mode=755".into(), "size=64k".into()],
        bytes: Some(SMALL),
        inodes: None,
    }
}

/// The mounts of every container: of nothing but its own.
pub(super) fn own(tmp_bytes: u64) -> Vec<Planned> {
    // A page for each inode at the least: empty files cannot use up more than the size.
    let tmp_inodes = (tmp_bytes / 4096).max(16);
    vec![
        Planned {
            target: "/proc".to_owned(),
            kind: "proc",
            source: PathBuf::from("proc"),
            flags: GUARDED.to_vec(),
            data: Vec::new(),
            bytes: None,
            inodes: None,
        },
        // Holds the bound device nodes null, zero, full, random, urandom and tty, so not `nodev`.
        small("/dev", &["nosuid", "noexec"]),
        Planned {
            target: "/tmp".to_owned(),
            kind: "tmpfs",
            source: PathBuf::from("tmpfs"),
            flags: GUARDED.to_vec(),
            data: vec![
                "mode=1777".into(),
                format!("size={tmp_bytes}"),
                format!("nr_inodes={tmp_inodes}"),
            ],
            bytes: Some(tmp_bytes),
            inodes: Some(tmp_inodes),
        },
    ]
}

/// Every mount of a plugin's container, in the order they are made.
pub(super) fn plan(directory: &Path, tmp_bytes: u64, grants: usize) -> Vec<Planned> {
    let bind = |target: String, name: String| Planned {
        target,
        kind: "bind",
        source: directory.join(name),
        flags: ["ro"].into_iter().chain(GUARDED).collect(),
        data: Vec::new(),
        bytes: None,
        inodes: None,
    };
    let mut mounts = own(tmp_bytes);
    mounts.extend([
        bind("/plugin".to_owned(), PLUGIN_DIRECTORY.to_owned()),
        bind("/run/lazaret".to_owned(), SETTINGS_DIRECTORY.to_owned()),
    ]);
    if grants > 0 {
        mounts.push(small("/granted", &GUARDED));
    }
    for number in 0..grants {
        mounts.push(bind(
            granted_target(number),
            format!("{GRANTS_DIRECTORY}/{number}"),
        ));
    }
    mounts
}

/// Where the `number`th granted host path is seen in the container.
pub(super) fn granted_target(number: usize) -> String {
    format!("/granted/{number}")
}

impl Planned {
    /// As the runtime is told.
    pub(super) fn mount(&self) -> Result<Mount, OciSpecError> {
        let bind = (self.kind == "bind").then_some("bind");
        let options = bind
            .into_iter()
            .chain(self.flags.iter().copied())
            .map(str::to_owned);
        MountBuilder::default()
            .destination(&self.target)
            .typ(self.kind)
            .source(&self.source)
            .options(options.chain(self.data.iter().cloned()).collect::<Vec<_>>())
            .build()
    }

    /// As the shim must find it.
    pub(super) fn expected(&self) -> ExpectedMount {
        ExpectedMount {
            target: self.target.clone(),
            options: self.flags.iter().map(|&flag| flag.to_owned()).collect(),
            fstype: (self.kind != "bind").then(|| self.kind.to_owned()),
            bytes: self.bytes,
            inodes: self.inodes,
        }
    }
}
