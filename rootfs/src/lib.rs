//! The read-only root file system of a container: the shim, the certificate authorities, the two
//! users and the mount points, and nothing else. No shell, no C library, nothing of the host.
//!
//! ```text
//! DIR/tree/          the root file system as files
//! DIR/oci/           the same as an OCI image layout with one layer
//! DIR/manifest.json  every file and directory of both, and the digest over all of it
//! ```
//!
//! The same shim gives the same bytes everywhere: order, modes, owners and times are fixed. All
//! files are 0444, the shim and all directories 0555; owner is root where root builds (in the
//! layer always), time is 1970-01-01.
//!
//! - `contents`: what is in it, as data
//! - `executable`: the shim must run without anything else
//! - `certificates`: the certificate authorities as PEM
//! - `build`: writes it all beside `DIR` and puts it in place at once
//! - `write`: files and directories with fixed metadata
//! - `image`: the OCI image layout
//! - `replace`: what may be replaced, and how
//! - `manifest`: what was written
//! - `verify`: is it still that
//! - `digest`: SHA-256 as a value

mod build;
mod certificates;
mod contents;
mod difference;
mod digest;
mod executable;
mod image;
mod manifest;
mod replace;
mod verify;
mod write;

pub use build::{BuildError, build};
pub use contents::Contents;
pub use difference::{Change, Difference, Kind};
pub use digest::{Digest, ParseDigestError};
pub use executable::ShimError;
pub use manifest::{ManifestError, digest};
pub use verify::{VerifyError, verify};

/// The folder of the root file system itself, in the directory that [`build`] writes.
pub const TREE: &str = "tree";

/// The folder of the OCI image layout.
pub const OCI: &str = "oci";

/// The list of everything in the other two.
pub const MANIFEST: &str = "manifest.json";

/// Where the shim is in the container.
pub const SHIM_PATH: &str = "/lazaret/shim";

/// Where the certificate authorities are in the container, one file of PEM.
pub const CERTIFICATES_PATH: &str = "/etc/ssl/certs/ca-certificates.crt";

/// User and group `plugin` inside the container.
pub const PLUGIN_ID: u32 = 1000;

/// The longest shim taken in, in bytes (256 MiB).
pub const MAX_SHIM_BYTES: u64 = 256 * 1024 * 1024;
