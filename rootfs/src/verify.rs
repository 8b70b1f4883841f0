//! Compares a root file system with its manifest and reports every difference.

use std::{
    fmt::Write as _,
    fs::Metadata,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::{fs::lgetxattr, io::Errno};

use crate::{
    Change, Difference, Digest, Kind, MANIFEST, ManifestError,
    build::DIRECTORY_MODE,
    manifest::{Entry, Manifest, Mode},
    write,
};

/// Why a root file system was not found to be what its manifest says.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Something cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is not what the manifest says.
    #[error("root file system differs from its manifest: `{}`{}\nhint: build it again, as the user who runs this", directory.display(), list(differences))]
    Differs {
        /// The root file system.
        directory: PathBuf,
        /// Every difference, in the order of paths.
        differences: Vec<Difference>,
    },
}

fn list(differences: &[Difference]) -> String {
    let mut lines = String::new();
    for difference in differences {
        write!(lines, "\n  {difference}").expect("writing to a string does not fail");
    }
    lines
}

/// Reads every file of a root file system again and compares it with the manifest: kinds, modes,
/// owners and bytes, nothing missing, nothing extra, no link, device, set-user-id bit or file
/// capability.
///
/// All must belong to root, or else to the user who asks. Times are not compared. The digest
/// given back covers all the manifest says; whoever knows the right one compares it.
///
/// # Errors
///
/// [`VerifyError::Differs`] with every difference; the others if it cannot tell.
pub fn verify(directory: &Path) -> Result<Digest, VerifyError> {
    let manifest = Manifest::read(directory)?;
    let mut check = Check {
        root: directory,
        manifest: &manifest,
        differences: Vec::new(),
    };
    check.all()?;
    if check.differences.is_empty() {
        return Ok(manifest.digest);
    }
    let mut differences = check.differences;
    differences.sort_by(|one, other| one.path.cmp(&other.path));
    Err(VerifyError::Differs {
        directory: directory.into(),
        differences,
    })
}

struct Check<'a> {
    root: &'a Path,
    manifest: &'a Manifest,
    differences: Vec<Difference>,
}

impl Check<'_> {
    fn all(&mut self) -> io::Result<()> {
        let top = fs_err::symlink_metadata(self.root)?;
        self.compare_metadata(".", &top, DIRECTORY_MODE)?;
        let manifest = fs_err::symlink_metadata(self.root.join(MANIFEST))?;
        self.compare_metadata(MANIFEST, &manifest, Mode::Read.bits())?;
        // Directories still to be read, below the root. Paths of the manifest are only compared,
        // never opened: it may have been written to lead elsewhere.
        let mut waiting = vec![String::new()];
        let mut found = Vec::new();
        while let Some(folder) = waiting.pop() {
            for entry in fs_err::read_dir(self.root.join(&folder))? {
                let name = entry?.file_name();
                let Some(path) = name.to_str().map(|name| below(&folder, name)) else {
                    let name = below(&folder, &name.to_string_lossy());
                    self.report(&name, Change::Extra);
                    continue;
                };
                if path == MANIFEST {
                    continue;
                }
                match self.manifest.entries.get(&path) {
                    None => self.report(&path, Change::Extra),
                    Some(expected) => {
                        if self.compare(&path, expected)? == Kind::Directory
                            && matches!(expected, Entry::Directory { .. })
                        {
                            waiting.push(path.clone());
                        }
                        found.push(path);
                    }
                }
            }
        }
        found.sort_unstable();
        for path in self.manifest.entries.keys() {
            if found.binary_search(path).is_err() {
                self.report(path, Change::Missing);
            }
        }
        Ok(())
    }

    /// Compares one path and says what it is.
    fn compare(&mut self, path: &str, expected: &Entry) -> io::Result<Kind> {
        let metadata = fs_err::symlink_metadata(self.root.join(path))?;
        let found = Kind::from(metadata.file_type());
        let expected_kind = match expected {
            Entry::Directory { .. } => Kind::Directory,
            Entry::File { .. } => Kind::File,
        };
        if found != expected_kind {
            let change = Change::Kind {
                expected: expected_kind,
                found,
            };
            self.report(path, change);
            return Ok(found);
        }
        if let Entry::File { size, sha256, .. } = expected {
            let same = metadata.len() == *size && {
                let file = write::open_regular(&self.root.join(path))?;
                Digest::of_reader(file.take(size.saturating_add(1)))? == (*sha256, *size)
            };
            if !same {
                self.report(path, Change::Content);
            }
        }
        self.compare_metadata(path, &metadata, expected.mode().bits())?;
        Ok(found)
    }

    fn compare_metadata(
        &mut self,
        path: &str,
        metadata: &Metadata,
        expected: u32,
    ) -> io::Result<()> {
        let found = metadata.mode() & 0o7777;
        if found != expected {
            self.report(path, Change::Mode { expected, found });
        }
        let found = (metadata.uid(), metadata.gid());
        if ![(0, 0), write::owner()].contains(&found) {
            self.report(path, Change::Owner { found });
        }
        if has_capabilities(&self.root.join(path))? {
            self.report(path, Change::Capabilities);
        }
        Ok(())
    }

    fn report(&mut self, path: &str, change: Change) {
        self.differences.push(Difference {
            path: path.escape_debug().to_string(),
            change,
        });
    }
}

/// Asks for the attribute's length only: it is there or it is not.
fn has_capabilities(path: &Path) -> io::Result<bool> {
    let mut nothing: [u8; 0] = [];
    match lgetxattr(path, "security.capability", &mut nothing[..]) {
        Ok(_) => Ok(true),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(false),
        Err(error) => {
            let error = io::Error::from(error);
            let message = format!(
                "failed to read the capabilities of `{}`: {error}",
                path.display()
            );
            Err(io::Error::new(error.kind(), message))
        }
    }
}

fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}
