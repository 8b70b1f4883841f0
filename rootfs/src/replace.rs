//! What a build may replace, and how: the new directory and the old one change places in one
//! step, then the old one is removed.

use std::{io, path::Path};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

use crate::{BuildError, MANIFEST, ManifestError, OCI, TREE, manifest::Manifest, write};

/// Refuses a target that is neither absent, nor empty, nor an earlier build with nothing beside.
pub(crate) fn check_replaceable(directory: &Path) -> Result<(), BuildError> {
    let not_ours = |what: &str| BuildError::NotOurs {
        directory: directory.into(),
        what: what.into(),
    };
    let failed = |source| BuildError::Write {
        directory: directory.into(),
        source,
    };
    match fs_err::symlink_metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if metadata.is_symlink() => return Err(not_ours("a symbolic link")),
        Ok(metadata) if !metadata.is_dir() => return Err(not_ours("not a directory")),
        Ok(_) => {}
    }
    let mut empty = true;
    for entry in fs_err::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if ![TREE, OCI, MANIFEST].iter().any(|known| name == *known) {
            let name = name.to_string_lossy();
            return Err(not_ours(&format!(
                "a directory with `{}` in it",
                name.escape_debug()
            )));
        }
        empty = false;
    }
    if empty {
        return Ok(());
    }
    // One that was tampered with, or is of another version, is still one of ours to replace.
    match Manifest::read(directory) {
        Ok(_) | Err(ManifestError::DigestMismatch { .. } | ManifestError::OtherFormat { .. }) => {
            Ok(())
        }
        Err(_) => Err(not_ours("a directory without a valid `manifest.json`")),
    }
}

/// A directory beside the target, removed with everything in it however the build ends.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn beside(directory: &Path) -> io::Result<Self> {
        let parent = match directory.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        tempfile::Builder::new()
            .prefix(".lazaret-rootfs-")
            .tempdir_in(parent)
            .map(Self)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Puts this directory at `directory`; what was there is removed.
    pub(crate) fn take_the_place_of(self, directory: &Path) -> io::Result<()> {
        let exists = directory.symlink_metadata().is_ok();
        let how = if exists {
            RenameFlags::EXCHANGE
        } else {
            RenameFlags::NOREPLACE
        };
        renameat_with(CWD, self.path(), CWD, directory, how).map_err(|error| {
            let advice = if exists {
                "\nhint: remove it first if its file system cannot exchange directories"
            } else {
                ""
            };
            let error = io::Error::from(error);
            io::Error::new(
                error.kind(),
                format!(
                    "failed to put `{}` in place: {error}{advice}",
                    directory.display()
                ),
            )
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing is here after a first build. Otherwise `TempDir` removes what it can, and all
        // there is to lose is disk space.
        let _ = write::unseal(self.path());
    }
}
