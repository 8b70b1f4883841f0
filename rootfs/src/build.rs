//! Writes everything into a directory beside the target and puts it in place in one step.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use crate::{
    Contents, Digest, MANIFEST, OCI, TREE,
    contents::Node,
    image,
    manifest::{Entry, Manifest, Mode},
    replace::{self, Scratch},
    write,
};

/// Why the root file system was not built. What was at the target before is still there.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Something cannot be written: the disk is full, the directory is not ours.
    #[error("failed to build the root file system at `{}`", directory.display())]
    Write {
        /// The target.
        directory: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The target exists and no earlier build made it, so it is not overwritten.
    #[error("not replaced, since it is {what}: `{}`\nhint: name a directory that does not exist, is empty, or was built by this command", directory.display())]
    NotOurs {
        /// The target.
        directory: PathBuf,
        /// What it is instead.
        what: String,
    },
}

/// Writes the root file system to `directory`, of which the parent must exist.
///
/// An existing directory is replaced if it is empty or an earlier build made it. Either all of
/// it is there afterwards or nothing has changed; a build that is killed leaves a directory
/// `.lazaret-rootfs-*` beside the target at worst.
///
/// Gives the digest over every file and directory.
///
/// # Errors
///
/// [`BuildError::NotOurs`] if something else is in the way, [`BuildError::Write`] for the rest.
pub fn build(contents: &Contents, directory: &Path) -> Result<Digest, BuildError> {
    replace::check_replaceable(directory)?;
    put_in_place(contents, directory).map_err(|source| BuildError::Write {
        directory: directory.into(),
        source,
    })
}

fn put_in_place(contents: &Contents, directory: &Path) -> io::Result<Digest> {
    let scratch = Scratch::beside(directory)?;
    let manifest = write_all(contents, scratch.path())?;
    scratch.take_the_place_of(directory)?;
    Ok(manifest.digest)
}

fn write_all(contents: &Contents, root: &Path) -> io::Result<Manifest> {
    let mut entries = BTreeMap::new();
    for (path, entry) in write_tree(contents, &root.join(TREE))? {
        entries.insert(join(TREE, &path), entry);
    }
    for (path, entry) in image::write(contents, &root.join(OCI))? {
        entries.insert(join(OCI, &path), entry);
    }
    // What is in a directory comes after it: sealed from the end, all is in it by then.
    for (path, entry) in entries.iter().rev() {
        if let Entry::Directory { mode } = entry {
            write::seal_directory(&root.join(path), mode.bits())?;
        }
    }
    let manifest = Manifest::new(entries);
    write::file(&root.join(MANIFEST), Mode::Read, &manifest.to_json())?;
    write::seal_directory(root, DIRECTORY_MODE)?;
    Ok(manifest)
}

/// Mode of the target itself: its owner may replace it, everybody may read it.
pub(crate) const DIRECTORY_MODE: u32 = 0o755;

fn write_tree(contents: &Contents, tree: &Path) -> io::Result<Vec<(String, Entry)>> {
    let directory = Entry::Directory {
        mode: Mode::Execute,
    };
    fs_err::create_dir(tree)?;
    let mut written = vec![(String::new(), directory.clone())];
    for (path, node) in contents.nodes() {
        let entry = match node {
            Node::Directory => {
                fs_err::create_dir(tree.join(path))?;
                directory.clone()
            }
            Node::File { mode, bytes } => {
                write::file(&tree.join(path), *mode, bytes)?;
                Entry::File {
                    mode: *mode,
                    size: bytes.len() as u64,
                    sha256: Digest::of(bytes),
                }
            }
        };
        written.push((path.to_owned(), entry));
    }
    Ok(written)
}

fn join(folder: &str, path: &str) -> String {
    match path {
        "" => folder.to_owned(),
        path => format!("{folder}/{path}"),
    }
}
