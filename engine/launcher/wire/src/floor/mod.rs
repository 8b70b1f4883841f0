//! What every bundle must be, whatever the engine says: checked by the launcher before it acts.
//!
//! The engine derives bundles from policies; a mistake there, or an engine that is no longer its
//! own master, must not become root. So the launcher reads the `config.json` again and refuses
//! whatever is not known to it: a key, a mount, a mount's option, a resource. What the engine may
//! choose is named here, value by value; all else is compared with the one value there is. The
//! keys are those of the OCI runtime specification (config.md, config-linux.md).
//!
//! The check is of the JSON, not of types: a key that this version knows nothing of must not slip
//! by to a runtime that does. The launcher hands on the value it checked, written anew.

mod findings;
mod linux;
mod mounts;
mod process;
pub mod program;
mod resources;
mod seccomp;

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{ContainerId, ROOTFS_DIRECTORY};
use findings::Findings;

pub use resources::check_update;
pub use seccomp::{MAY_BE_ALLOWED, NEVER_ALLOWED};

/// What the launcher set aside for the container.
#[derive(Clone, Debug)]
pub struct Reservation {
    /// Its id.
    pub id: ContainerId,
    /// Its directory.
    pub directory: PathBuf,
    /// The first host id of its block.
    pub first_host_id: u32,
    /// How many granted host paths it has.
    pub grants: usize,
    /// There is a socket to the engine's egress broker in it.
    pub egress: bool,
}

impl Reservation {
    /// A path in the container's directory, as `config.json` has it.
    fn path(&self, name: &str) -> Value {
        self.directory.join(name).to_string_lossy().into()
    }
}

/// The two kinds of bundles there are. Nothing that one may be makes the other wider.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The shim with a plugin.
    Plugin,
    /// A program that a policy names.
    Program,
}

/// A bundle below the floor: the rules it breaks, the first twenty at most.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bundle breaks the launcher's floor: {}", .0.join("; "))]
pub struct BelowFloor(pub Vec<String>);

/// Checks the `config.json` of a plugin's bundle.
///
/// # Errors
/// [`BelowFloor`] with the rules broken.
pub fn check(config: &Value, reservation: &Reservation) -> Result<(), BelowFloor> {
    check_kind(Kind::Plugin, config, reservation)
}

/// Checks the `config.json` of a program's bundle; see [`program`].
///
/// # Errors
/// [`BelowFloor`] with the rules broken.
pub fn check_program(config: &Value, reservation: &Reservation) -> Result<(), BelowFloor> {
    check_kind(Kind::Program, config, reservation)
}

fn check_kind(kind: Kind, config: &Value, reservation: &Reservation) -> Result<(), BelowFloor> {
    let hostname = match kind {
        Kind::Plugin => "plugin",
        Kind::Program => "program",
    };
    let mut findings = Findings::default();
    findings.keys(
        "",
        config,
        &[
            "ociVersion",
            "root",
            "hostname",
            "mounts",
            "process",
            "linux",
            "annotations",
        ],
    );
    for (key, known) in [
        ("ociVersion", json!("1.0.2")),
        (
            "root",
            json!({ "path": reservation.path(ROOTFS_DIRECTORY), "readonly": true }),
        ),
        ("hostname", json!(hostname)),
        ("annotations", json!({})),
    ] {
        findings.equal(key, &config[key], &known);
    }
    process::check(kind, &config["process"], &mut findings);
    linux::check(kind, &config["linux"], reservation, &mut findings);
    mounts::check(kind, &config["mounts"], reservation, &mut findings);
    findings.result()
}
