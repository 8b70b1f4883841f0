//! `manifest.json`: every file and directory that was written, and the digest over all of it.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Digest, MANIFEST};

const FORMAT: &str = "lazaret-rootfs/v1";

/// Some 30 entries of 200 bytes is what we write; this is the most that is read.
const MAX_MANIFEST_BYTES: u64 = 1024 * 1024;

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is larger than any manifest.
    #[error("manifest exceeds the limit of `{limit}` bytes: `{}`", path.display())]
    TooLarge {
        /// The manifest.
        path: PathBuf,
        /// The most that is read.
        limit: u64,
    },
    /// It is not what [`build`](crate::build) writes.
    #[error("not the manifest of a root file system: `{}`", path.display())]
    Malformed {
        /// The manifest.
        path: PathBuf,
        /// What the parser ran into.
        #[source]
        source: serde_json::Error,
    },
    /// Another version of this program wrote it, or another program.
    #[error("manifest has format `{found}`, expected `{FORMAT}`: `{}`\nhint: build the root file system again", path.display())]
    OtherFormat {
        /// The manifest.
        path: PathBuf,
        /// Its format.
        found: String,
    },
    /// Its entries were changed, or its digest.
    #[error("manifest says `{stated}`, its entries give `{computed}`: `{}`\nhint: build the root file system again", path.display())]
    DigestMismatch {
        /// The manifest.
        path: PathBuf,
        /// The digest written in it.
        stated: Digest,
        /// The digest of its entries.
        computed: Digest,
    },
}

/// Reads the digest of a root file system from its manifest, without looking at the rest; that
/// is what [`verify`](crate::verify) does.
///
/// # Errors
///
/// Any [`ManifestError`].
pub fn digest(directory: &Path) -> Result<Digest, ManifestError> {
    Ok(Manifest::read(directory)?.digest)
}

/// What was written. Paths are relative to the directory, as `tree/etc/passwd`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    format: String,
    pub(crate) digest: Digest,
    pub(crate) entries: BTreeMap<String, Entry>,
}

/// A file or a directory. Nothing else is ever written, so nothing else can be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Entry {
    Directory {
        mode: Mode,
    },
    File {
        mode: Mode,
        size: u64,
        sha256: Digest,
    },
}

/// The permissions there are. A manifest cannot ask for set-user-id or for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mode {
    #[serde(rename = "0444")]
    Read,
    #[serde(rename = "0555")]
    Execute,
}

impl Mode {
    pub(crate) fn bits(self) -> u32 {
        match self {
            Self::Read => 0o444,
            Self::Execute => 0o555,
        }
    }
}

impl Entry {
    pub(crate) fn mode(&self) -> Mode {
        match self {
            Self::Directory { mode } | Self::File { mode, .. } => *mode,
        }
    }
}

impl Manifest {
    pub(crate) fn new(entries: BTreeMap<String, Entry>) -> Self {
        Self {
            format: FORMAT.into(),
            digest: digest_of(&entries),
            entries,
        }
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("text keys and plain values");
        json.push(b'\n');
        json
    }

    pub(crate) fn read(directory: &Path) -> Result<Self, ManifestError> {
        let path = directory.join(MANIFEST);
        let mut json = Vec::new();
        crate::write::open_regular(&path)?
            .take(MAX_MANIFEST_BYTES + 1)
            .read_to_end(&mut json)?;
        if json.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLarge {
                path,
                limit: MAX_MANIFEST_BYTES,
            });
        }
        let manifest: Self = match serde_json::from_slice(&json) {
            Ok(manifest) => manifest,
            Err(source) => return Err(ManifestError::Malformed { path, source }),
        };
        if manifest.format != FORMAT {
            return Err(ManifestError::OtherFormat {
                path,
                found: manifest.format.escape_debug().to_string(),
            });
        }
        let computed = digest_of(&manifest.entries);
        if manifest.digest != computed {
            return Err(ManifestError::DigestMismatch {
                path,
                stated: manifest.digest,
                computed,
            });
        }
        Ok(manifest)
    }
}

/// SHA-256 of the entries as JSON without spaces, in the order of their paths.
fn digest_of(entries: &BTreeMap<String, Entry>) -> Digest {
    Digest::of(&serde_json::to_vec(entries).expect("text keys and plain values"))
}
