//! A plugin's files, read once and bounded: what runs is what was read here.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use lazaret_launcher_wire::{MAX_SNAPSHOT_BYTES, MAX_SNAPSHOT_FILES, SnapshotFile};
use lazaret_policy::Runtime;
use lazaret_protocol::{COMPILED_DIRECTORY, IMPORTS_FILE};
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::Errno;

use super::Plugin;
use crate::event::escape;

/// How deep directories of a plugin may lie in each other.
pub const MAX_DEPTH: usize = 32;

/// Why a plugin's files cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file or directory cannot be read.
    #[error("failed to read plugin `{plugin}`")]
    Io {
        /// Its name.
        plugin: String,
        /// Names the path.
        #[source]
        source: std::io::Error,
    },
    /// A symbolic link, a socket, a device.
    #[error("plugin `{plugin}` has `{}`, which is {kind}: only plain files and directories can be in a plugin", escape(&path.to_string_lossy()))]
    Kind {
        /// Its name.
        plugin: String,
        /// The path in question.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// More than a plugin may have.
    #[error(
        "plugin `{plugin}` is too large: more than {limit} {unit}\n  hint: leave out what it does not load, as tests and tools, or raise `runtime.modules` in its policy"
    )]
    TooLarge {
        /// Its name.
        plugin: String,
        /// The limit.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
}

impl Plugin {
    /// Reads every file of the plugin, sorted by path: no more than its policy says. Names that
    /// start with a dot are left out: they are the tools', not the plugin's.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(&self, most: &Runtime) -> Result<Vec<SnapshotFile>, ReadError> {
        let size = usize::try_from(most.module_size.value.bytes()).unwrap_or(usize::MAX);
        let mut reader = Reader {
            plugin: self.name(),
            root: self.directory(),
            most_files: (most.module_files.value as usize).min(MAX_SNAPSHOT_FILES),
            most_bytes: size.min(MAX_SNAPSHOT_BYTES),
            files: Vec::new(),
            bytes: 0,
        };
        if self.is_single_file() {
            // Whoever named the file may have named a link.
            let entry = self.directory().join(self.entry());
            let inside = PathBuf::from(self.entry());
            let opened = reader.open(CWD, entry.as_os_str(), &inside, ResolveFlags::empty())?;
            match reader.kind_of(&opened, &inside)? {
                FileType::RegularFile => reader.file(opened, inside)?,
                _ => return Err(reader.no_plain_file(inside)),
            }
        } else {
            let (root, inside) = (self.directory().as_os_str(), Path::new(""));
            let root = reader.open(CWD, root, inside, ResolveFlags::NO_SYMLINKS)?;
            reader.directory(&root, inside, 0)?;
        }
        reader.files.sort_by(|one, other| one.path.cmp(&other.path));
        reader.files.extend(self.imports());
        Ok(reader.files)
    }
}

impl Plugin {
    /// Holds what was made of the files to the same bounds. Source maps are no modules.
    ///
    /// # Errors
    /// [`ReadError::TooLarge`].
    pub fn check(&self, files: &[SnapshotFile], most: &Runtime) -> Result<(), ReadError> {
        let modules = files.iter().filter(|file| {
            let own = file.path.starts_with(COMPILED_DIRECTORY);
            file.path != Path::new(IMPORTS_FILE)
                && !(own && file.path.extension().is_some_and(|ending| ending == "map"))
        });
        let (mut count, mut bytes) = (0, 0);
        for file in modules {
            count += 1;
            bytes += file.content.len();
        }
        let too_large = |limit, unit| ReadError::TooLarge {
            plugin: self.name().to_owned(),
            limit,
            unit,
        };
        let most_files = most.module_files.value as usize;
        let most_bytes = usize::try_from(most.module_size.value.bytes()).unwrap_or(usize::MAX);
        if count > most_files {
            return Err(too_large(most_files, "files"));
        }
        if bytes > most_bytes {
            return Err(too_large(most_bytes, "bytes"));
        }
        Ok(())
    }

    /// The names its modules import by, where the shim looks for them.
    fn imports(&self) -> Option<SnapshotFile> {
        let imports = self.manifest()?.imports();
        let paths = imports
            .iter()
            .map(|import| (import.name().to_owned(), import.path().into()));
        let map = serde_json::Map::from_iter(paths);
        (!map.is_empty()).then(|| SnapshotFile {
            path: PathBuf::from(IMPORTS_FILE),
            content: serde_json::Value::Object(map).to_string().into_bytes(),
        })
    }
}

struct Reader<'a> {
    plugin: &'a str,
    /// Where it is on the host, for messages.
    root: &'a Path,
    most_files: usize,
    most_bytes: usize,
    files: Vec<SnapshotFile>,
    bytes: usize,
}

/// Not blocking: a pipe is to be refused, and not waited for.
const READING: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// One name below a directory that is open, whatever it is swapped for meanwhile.
const BELOW: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);

impl Reader<'_> {
    fn directory(
        &mut self,
        directory: &OwnedFd,
        inside: &Path,
        depth: usize,
    ) -> Result<(), ReadError> {
        if depth > MAX_DEPTH {
            return Err(self.too_large(MAX_DEPTH, "directories inside each other"));
        }
        for entry in Dir::read_from(directory).map_err(|errno| self.io(inside, errno))? {
            let entry = entry.map_err(|errno| self.io(inside, errno))?;
            // With them `.` and `..`.
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name.as_bytes().starts_with(b".") {
                continue;
            }
            let path = inside.join(name);
            // Some file systems do not tell.
            match entry.file_type() {
                FileType::Directory | FileType::RegularFile | FileType::Unknown => {}
                FileType::Symlink => return Err(self.link(path)),
                _ => return Err(self.no_plain_file(path)),
            }
            let opened = self.open(directory, name, &path, BELOW)?;
            match self.kind_of(&opened, &path)? {
                FileType::Directory => self.directory(&opened, &path, depth + 1)?,
                FileType::RegularFile => self.file(opened, path)?,
                _ => return Err(self.no_plain_file(path)),
            }
        }
        Ok(())
    }

    fn open(
        &self,
        directory: impl AsFd,
        name: &OsStr,
        inside: &Path,
        resolve: ResolveFlags,
    ) -> Result<OwnedFd, ReadError> {
        let resolve = resolve | ResolveFlags::NO_MAGICLINKS;
        loop {
            match openat2(&directory, name, READING, Mode::empty(), resolve) {
                Err(Errno::INTR) => {}
                Err(Errno::LOOP) => return Err(self.link(inside.to_owned())),
                // A socket.
                Err(Errno::NXIO) => return Err(self.no_plain_file(inside.to_owned())),
                opened => return opened.map_err(|errno| self.io(inside, errno)),
            }
        }
    }

    fn kind_of(&self, opened: &OwnedFd, inside: &Path) -> Result<FileType, ReadError> {
        let stat = fstat(opened).map_err(|errno| self.io(inside, errno))?;
        Ok(FileType::from_raw_mode(stat.st_mode))
    }

    fn file(&mut self, file: OwnedFd, path: PathBuf) -> Result<(), ReadError> {
        if self.files.len() == self.most_files {
            return Err(self.too_large(self.most_files, "files"));
        }
        let room = self.most_bytes - self.bytes;
        let mut content = Vec::new();
        File::from(file)
            .take(room as u64 + 1)
            .read_to_end(&mut content)
            .map_err(|source| self.io(&path, source))?;
        // Paths and lengths count too; see the snapshot's layout.
        let size = content.len() + path.as_os_str().len() + 8;
        if size > room {
            return Err(self.too_large(self.most_bytes, "bytes"));
        }
        self.bytes += size;
        self.files.push(SnapshotFile { path, content });
        Ok(())
    }

    fn io(&self, inside: &Path, source: impl Into<std::io::Error>) -> ReadError {
        let source = source.into();
        let path = self.root.join(inside);
        let told = format!("`{}`: {source}", escape(&path.to_string_lossy()));
        ReadError::Io {
            plugin: self.plugin.to_owned(),
            source: std::io::Error::new(source.kind(), told),
        }
    }

    fn link(&self, path: PathBuf) -> ReadError {
        self.kind(path, "a symbolic link")
    }

    fn no_plain_file(&self, path: PathBuf) -> ReadError {
        self.kind(path, "no plain file")
    }

    fn kind(&self, path: PathBuf, kind: &'static str) -> ReadError {
        ReadError::Kind {
            plugin: self.plugin.to_owned(),
            path,
            kind,
        }
    }

    fn too_large(&self, limit: usize, unit: &'static str) -> ReadError {
        ReadError::TooLarge {
            plugin: self.plugin.to_owned(),
            limit,
            unit,
        }
    }
}

#[cfg(test)]
mod tests {
    use lazaret_policy::{EffectivePolicy, SecurityLevel, SecurityPolicy};

    use super::*;

    fn most(modules: &str) -> Runtime {
        let text = format!(
            "apiVersion: lazaret/v1\nkind: SecurityPolicy\nruntime: {{ modules: {{ {modules} }} }}"
        );
        let policy = SecurityPolicy::parse("policy.yaml", &text).unwrap();
        let policy = EffectivePolicy::of(SecurityLevel::Minimal).layer(&policy);
        policy.runtime().clone()
    }

    fn plugin() -> (tempfile::TempDir, Plugin) {
        let directory = tempfile::tempdir().unwrap();
        fs_err::write(directory.path().join("main.js"), "export {}").unwrap();
        fs_err::create_dir_all(directory.path().join("lib/deep")).unwrap();
        fs_err::write(directory.path().join("lib/deep/a.js"), "1").unwrap();
        fs_err::create_dir(directory.path().join(".git")).unwrap();
        fs_err::write(directory.path().join(".git/config"), "secret").unwrap();
        // The temporary directory's own name starts with a dot; a plugin's does not matter here.
        let plugin = Plugin::locate(directory.path()).unwrap();
        (directory, plugin)
    }

    #[test]
    fn files_are_read_sorted_and_hidden_ones_left_out() {
        let (_directory, plugin) = plugin();
        let files = plugin.read(&most("")).unwrap();
        let paths: Vec<_> = files
            .iter()
            .map(|file| file.path.to_str().unwrap())
            .collect();
        assert_eq!(paths, ["lib/deep/a.js", "main.js"]);
        assert_eq!(files[1].content, b"export {}");
    }

    #[test]
    fn names_to_import_by_are_a_file_of_the_engines_own() {
        let (directory, _) = plugin();
        let manifest =
            "apiVersion: lazaret/v1\nkind: Plugin\nimports: { b: ./lib/deep/a.js, a/: ./lib/ }\n";
        fs_err::write(directory.path().join("plugin.yaml"), manifest).unwrap();
        fs_err::create_dir(directory.path().join(".lazaret")).unwrap();
        fs_err::write(directory.path().join(".lazaret/imports.json"), "{}").unwrap();
        let plugin = Plugin::locate(directory.path()).unwrap();
        let files = plugin.read(&most("")).unwrap();
        let maps: Vec<_> = files
            .iter()
            .filter(|file| file.path == Path::new(IMPORTS_FILE))
            .collect();
        let [map] = maps[..] else {
            panic!("{maps:?}");
        };
        let map: serde_json::Value = serde_json::from_slice(&map.content).unwrap();
        let expected = serde_json::json!({ "b": "./lib/deep/a.js", "a/": "./lib/" });
        assert_eq!(map, expected);
    }

    #[test]
    fn a_symbolic_link_is_refused() {
        let (directory, plugin) = plugin();
        std::os::unix::fs::symlink("/etc/shadow", directory.path().join("lib/x")).unwrap();
        let error = plugin.read(&most("")).unwrap_err().to_string();
        assert!(
            error.contains("`lib/x`, which is a symbolic link"),
            "{error}"
        );
    }

    #[test]
    fn what_a_plugin_is_swapped_for_is_neither_followed_nor_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let (at, elsewhere) = (directory.path().join("p"), directory.path().join("q"));
        fs_err::create_dir(&at).unwrap();
        fs_err::write(at.join("main.js"), "export {}").unwrap();
        let (whole, single) = (Plugin::locate(&at), Plugin::locate(&at.join("main.js")));
        fs_err::rename(&at, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &at).unwrap();
        let error = whole.unwrap().read(&most("")).unwrap_err().to_string();
        assert!(error.contains("a symbolic link"), "{error}");
        fs_err::remove_file(at.join("main.js")).unwrap();
        let fifo = elsewhere.join("main.js");
        rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
        let error = single.unwrap().read(&most("")).unwrap_err().to_string();
        assert!(error.contains("no plain file"), "{error}");
    }

    #[test]
    fn a_name_with_a_line_end_forges_no_line() {
        let (directory, plugin) = plugin();
        std::os::unix::fs::symlink("x", directory.path().join("lib/x\nlazaret: y")).unwrap();
        let error = plugin.read(&most("")).unwrap_err().to_string();
        assert!(error.contains("`lib/x\\nlazaret: y`"), "{error}");
    }

    #[test]
    fn a_plugin_that_is_too_large_is_refused() {
        let (directory, plugin) = plugin();
        let file = fs_err::File::create(directory.path().join("big")).unwrap();
        file.set_len(MAX_SNAPSHOT_BYTES as u64 + 1).unwrap();
        assert!(matches!(
            plugin.read(&most("size: 64MiB")),
            Err(ReadError::TooLarge { unit: "bytes", .. })
        ));
    }

    #[test]
    fn what_was_compiled_is_held_to_the_same_bounds() {
        let (_directory, plugin) = plugin();
        let file = |path: &str| SnapshotFile {
            path: Path::new(COMPILED_DIRECTORY).join(path),
            content: vec![b' '; 1000],
        };
        let files = [file("a.ts.js"), file("a.ts.map")];
        assert!(plugin.check(&files, &most("size: 1KiB, files: 1")).is_ok());
        let files = [file("a.ts.js"), file("b.ts.js")];
        let refused = |modules| {
            plugin
                .check(&files, &most(modules))
                .unwrap_err()
                .to_string()
        };
        assert!(refused("size: 1KiB").contains("more than 1024 bytes"));
        assert!(refused("files: 1").contains("more than 1 files"));
    }

    #[test]
    fn a_policy_bounds_files_and_bytes() {
        let (_directory, plugin) = plugin();
        assert_eq!(plugin.read(&most("files: 2")).unwrap().len(), 2);
        let message = |modules| plugin.read(&most(modules)).unwrap_err().to_string();
        assert!(message("files: 1").contains("more than 1 files"));
        fs_err::write(plugin.directory().join("b.js"), "x".repeat(1024)).unwrap();
        assert!(message("size: 1KiB").contains("more than 1024 bytes"));
    }
}
