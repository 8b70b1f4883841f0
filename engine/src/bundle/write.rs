//! A bundle as a directory that `runc run` starts.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use lazaret_launcher_wire::{
    GRANTS_DIRECTORY, PLUGIN_DIRECTORY, ROOTFS_DIRECTORY, SETTINGS_DIRECTORY, SnapshotFile,
};

use super::Bundle;

/// Why the directory was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Something is there already.
    #[error("`{}` exists already\n  hint: name a directory that does not exist yet", .0.display())]
    Exists(PathBuf),
    /// The bundle needs mounts that only the launcher makes.
    #[error(
        "a bundle with granted host paths cannot be written out yet: they are mounted by lazaret's own launcher"
    )]
    Grants,
    /// Reading or writing failed; nothing is left.
    #[error("failed to write the bundle")]
    Io(#[from] std::io::Error),
}

/// Writes the bundle with a copy of the root file system and of the plugin. The directory
/// appears whole or not at all.
///
/// # Errors
/// [`WriteError`].
pub fn write(
    bundle: &Bundle,
    rootfs: &Path,
    plugin: &[SnapshotFile],
    directory: &Path,
) -> Result<(), WriteError> {
    if !bundle.grants.is_empty() {
        return Err(WriteError::Grants);
    }
    if directory.symlink_metadata().is_ok() {
        return Err(WriteError::Exists(directory.to_owned()));
    }
    let parent = directory.parent().unwrap_or_else(|| Path::new("/"));
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let draft = Draft(parent.join(format!(".{name}.{}", std::process::id())));
    make_directory(&draft.0)?;
    write_file(
        &draft.0.join("config.json"),
        bundle.config.as_bytes(),
        0o444,
    )?;
    let settings = draft.0.join(SETTINGS_DIRECTORY);
    make_directory(&settings)?;
    write_file(
        &settings.join("settings.json"),
        bundle.settings.as_bytes(),
        0o444,
    )?;
    let plugin_directory = draft.0.join(PLUGIN_DIRECTORY);
    make_directory(&plugin_directory)?;
    for file in plugin {
        let mut parent = plugin_directory.clone();
        for part in file.path.parent().into_iter().flat_map(Path::components) {
            parent.push(part);
            if !parent.exists() {
                make_directory(&parent)?;
            }
        }
        write_file(&plugin_directory.join(&file.path), &file.content, 0o444)?;
    }
    fs_err::create_dir_all(draft.0.join(GRANTS_DIRECTORY))?;
    copy_tree(rootfs, &draft.0.join(ROOTFS_DIRECTORY))?;
    fs_err::rename(&draft.0, directory)?;
    Ok(())
}

/// The directory while it is not whole; removed unless it was renamed.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        drop(fs_err::remove_dir_all(&self.0));
    }
}

fn make_directory(path: &Path) -> std::io::Result<()> {
    fs_err::create_dir(path)?;
    fs_err::set_permissions(path, Permissions::from_mode(0o755))
}

fn write_file(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    fs_err::write(path, content)?;
    fs_err::set_permissions(path, Permissions::from_mode(mode))
}

fn copy_tree(source: &Path, target: &Path) -> std::io::Result<()> {
    make_directory(target)?;
    for entry in fs_err::read_dir(source)? {
        let entry = entry?;
        let to = target.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &to)?;
        } else {
            // Copies the mode too.
            fs_err::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}
