//! What is in the root file system, as data.

use std::{collections::BTreeMap, path::Path};

use crate::{
    CERTIFICATES_PATH, PLUGIN_ID, SHIM_PATH, ShimError, certificates,
    executable::read_static_executable, manifest::Mode,
};

/// Directories with nothing in them: something is mounted there, or below, at run time.
const MOUNT_POINTS: [&str; 7] = [
    "/proc",
    "/sys",
    "/dev",
    "/tmp",
    "/plugin",
    "/granted",
    "/run/lazaret",
];

/// Every file and directory of the root file system.
#[derive(Debug)]
pub struct Contents {
    /// By path relative to the root, as `etc/passwd`. A directory comes before what is in it.
    nodes: BTreeMap<String, Node>,
}

/// A file or a directory.
#[derive(Debug)]
pub(crate) enum Node {
    Directory,
    File { mode: Mode, bytes: Vec<u8> },
}

impl Contents {
    /// The root file system around a shim.
    ///
    /// # Errors
    ///
    /// Any [`ShimError`]: the shim must be a static ELF executable for this machine of at most
    /// [`MAX_SHIM_BYTES`](crate::MAX_SHIM_BYTES).
    pub fn new(shim: &Path) -> Result<Self, ShimError> {
        let mut contents = Self {
            nodes: BTreeMap::new(),
        };
        contents.file(SHIM_PATH, Mode::Execute, read_static_executable(shim)?);
        contents.file(CERTIFICATES_PATH, Mode::Read, certificates::bundle().into());
        contents.file("/etc/passwd", Mode::Read, passwd().into());
        contents.file("/etc/group", Mode::Read, group().into());
        contents.file("/etc/hosts", Mode::Read, hosts().into());
        for path in MOUNT_POINTS {
            contents.directory(path);
        }
        Ok(contents)
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    fn file(&mut self, path: &str, mode: Mode, bytes: Vec<u8>) {
        let (parent, _) = path.rsplit_once('/').expect("paths here are absolute");
        self.directory(parent);
        let path = path.trim_start_matches('/').to_owned();
        self.nodes.insert(path, Node::File { mode, bytes });
    }

    /// Adds a directory and all above it.
    fn directory(&mut self, path: &str) {
        let path = path.trim_start_matches('/');
        let above = path.match_indices('/').map(|(slash, _)| &path[..slash]);
        for path in above.chain([path]) {
            self.nodes.insert(path.to_owned(), Node::Directory);
        }
    }
}

fn passwd() -> String {
    format!(
        "root:x:0:0:root:/nonexistent:/nonexistent\n\
         plugin:x:{PLUGIN_ID}:{PLUGIN_ID}:plugin:/nonexistent:/nonexistent\n"
    )
}

fn group() -> String {
    format!("root:x:0:\nplugin:x:{PLUGIN_ID}:\n")
}

fn hosts() -> &'static str {
    "127.0.0.1\tlocalhost\n::1\tlocalhost\n"
}
