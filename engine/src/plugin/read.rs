//! A plugin's files, read once and bounded: what runs is what was read here.

use std::io::Read;
use std::path::{Path, PathBuf};

use lazaret_launcher_wire::{MAX_SNAPSHOT_BYTES, MAX_SNAPSHOT_FILES, SnapshotFile};
use lazaret_policy::Runtime;
use lazaret_protocol::IMPORTS_FILE;

use super::Plugin;

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
    #[error("plugin `{plugin}` has `{}`, which is {kind}: only plain files and directories can be in a plugin", path.display())]
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
            most_files: (most.module_files.value as usize).min(MAX_SNAPSHOT_FILES),
            most_bytes: size.min(MAX_SNAPSHOT_BYTES),
            files: Vec::new(),
            bytes: 0,
        };
        if self.is_single_file() {
            reader.file(
                &self.directory().join(self.entry()),
                PathBuf::from(self.entry()),
            )?;
        } else {
            reader.directory(self.directory(), Path::new(""), 0)?;
        }
        reader.files.sort_by(|one, other| one.path.cmp(&other.path));
        reader.files.extend(self.imports());
        Ok(reader.files)
    }
}

impl Plugin {
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
    most_files: usize,
    most_bytes: usize,
    files: Vec<SnapshotFile>,
    bytes: usize,
}

impl Reader<'_> {
    fn directory(&mut self, host: &Path, inside: &Path, depth: usize) -> Result<(), ReadError> {
        if depth > MAX_DEPTH {
            return Err(self.too_large(MAX_DEPTH, "directories inside each other"));
        }
        for entry in fs_err::read_dir(host).map_err(|source| self.io(source))? {
            let entry = entry.map_err(|source| self.io(source))?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let kind = entry.file_type().map_err(|source| self.io(source))?;
            let path = inside.join(&name);
            if kind.is_dir() {
                self.directory(&entry.path(), &path, depth + 1)?;
            } else if kind.is_file() {
                self.file(&entry.path(), path)?;
            } else {
                let kind = if kind.is_symlink() {
                    "a symbolic link"
                } else {
                    "no plain file"
                };
                return Err(ReadError::Kind {
                    plugin: self.plugin.to_owned(),
                    path,
                    kind,
                });
            }
        }
        Ok(())
    }

    fn file(&mut self, host: &Path, path: PathBuf) -> Result<(), ReadError> {
        if self.files.len() == self.most_files {
            return Err(self.too_large(self.most_files, "files"));
        }
        let room = self.most_bytes - self.bytes;
        let file = fs_err::File::open(host).map_err(|source| self.io(source))?;
        let mut content = Vec::new();
        file.take(room as u64 + 1)
            .read_to_end(&mut content)
            .map_err(|source| self.io(source))?;
        // Paths and lengths count too; see the snapshot's layout.
        let size = content.len() + path.as_os_str().len() + 8;
        if size > room {
            return Err(self.too_large(self.most_bytes, "bytes"));
        }
        self.bytes += size;
        self.files.push(SnapshotFile { path, content });
        Ok(())
    }

    fn io(&self, source: std::io::Error) -> ReadError {
        ReadError::Io {
            plugin: self.plugin.to_owned(),
            source,
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
    fn a_policy_bounds_files_and_bytes() {
        let (_directory, plugin) = plugin();
        assert_eq!(plugin.read(&most("files: 2")).unwrap().len(), 2);
        let message = |modules| plugin.read(&most(modules)).unwrap_err().to_string();
        assert!(message("files: 1").contains("more than 1 files"));
        fs_err::write(plugin.directory().join("b.js"), "x".repeat(1024)).unwrap();
        assert!(message("size: 1KiB").contains("more than 1024 bytes"));
    }
}
