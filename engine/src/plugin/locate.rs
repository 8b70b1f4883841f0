//! From a path to a plugin.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::event::escape;

/// Names a directory's entry module may have, in this order.
const ENTRIES: [&str; 1] = ["main.js"];

/// The file beside a plugin that holds its policy.
const POLICY_FILE: &str = "policy.yaml";

/// A plugin on the host's file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    name: String,
    directory: PathBuf,
    entry: String,
    only_entry: bool,
}

/// Why a path names no plugin.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// There is nothing at the path, or it cannot be looked at.
    #[error("no plugin at `{}`", path.display())]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The directory has no entry module.
    #[error("plugin `{}` has no entry file\n  hint: it needs a `main.js`; or name the file itself", directory.display())]
    NoEntry {
        /// The plugin's directory.
        directory: PathBuf,
    },
    /// The path is neither a JavaScript file nor a directory.
    #[error("`{}` is no plugin: {what}\n  hint: a plugin is a `.js` file or a directory with a `main.js`", path.display())]
    NoPlugin {
        /// The path as given.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// The name would not be safe to print or to use as a name.
    #[error("plugin name `{}` is invalid: {why}", name.escape_debug())]
    Name {
        /// The name taken from the path.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Plugin {
    /// Finds the plugin at a path: a `.js` or `.mjs` file, or a directory with a `main.js`.
    ///
    /// # Errors
    /// [`LocateError`].
    pub fn locate(path: &Path) -> Result<Self, LocateError> {
        let unreadable = |source| LocateError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let full = std::path::absolute(path).map_err(unreadable)?;
        let metadata = full.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            // `plugins/weather/.` and `plugins/x/..` are named by what they lead to.
            let directory = full.canonicalize().map_err(unreadable)?;
            let entry = ENTRIES.iter().find(|entry| directory.join(entry).is_file());
            let entry = (*entry.ok_or_else(|| LocateError::NoEntry {
                directory: path.to_owned(),
            })?)
            .to_owned();
            let name = checked_name(directory.file_name())?;
            return Ok(Self {
                name,
                directory,
                entry,
                only_entry: false,
            });
        }
        let no_plugin = |what| LocateError::NoPlugin {
            path: path.to_owned(),
            what,
        };
        if !metadata.is_file() {
            return Err(no_plugin("it is neither a file nor a directory"));
        }
        match full.extension().and_then(|extension| extension.to_str()) {
            Some("js" | "mjs") => {}
            Some("ts" | "mts") => return Err(no_plugin("TypeScript is not supported yet")),
            _ => return Err(no_plugin("its name does not end in `.js`")),
        }
        let entry = checked_name(full.file_name())?;
        let name = checked_name(full.file_stem())?;
        let directory = full
            .parent()
            .map_or_else(|| PathBuf::from("/"), Path::to_owned);
        Ok(Self {
            name,
            directory,
            entry,
            only_entry: true,
        })
    }

    /// The plugin's name: its directory's, or its file's without the ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The directory it lies in, absolute.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The entry module, relative to [`Self::directory`].
    pub fn entry(&self) -> &str {
        &self.entry
    }

    /// Whether the plugin is its entry file alone, without the files beside it.
    pub fn is_single_file(&self) -> bool {
        self.only_entry
    }

    /// The policy beside the plugin, where there is one: `policy.yaml` in its directory. A
    /// single file has none of its own; the directory may be anybody's.
    pub fn policy_file(&self) -> Option<PathBuf> {
        let path = self.directory.join(POLICY_FILE);
        (!self.only_entry && path.symlink_metadata().is_ok()).then_some(path)
    }

    /// The block of host ids tried first: the same plugin usually gets the same ids.
    pub fn preferred_block(&self) -> u32 {
        let path = self
            .directory
            .join(if self.only_entry { &self.entry } else { "" });
        let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
        u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]])
    }
}

fn checked_name(name: Option<&std::ffi::OsStr>) -> Result<String, LocateError> {
    let name = name.unwrap_or_default().to_string_lossy().into_owned();
    let why = if name.is_empty() {
        "it is empty"
    } else if name.len() > 128 {
        "it is longer than 128 bytes"
    } else if escape(&name) != name || name.contains(['\u{fffd}', '\t']) {
        "it has characters that cannot be shown"
    } else {
        return Ok(name);
    };
    Err(LocateError::Name { name, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_named_by_itself_and_entered_at_main() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("weather");
        fs_err::create_dir(&path).unwrap();
        assert!(matches!(
            Plugin::locate(&path),
            Err(LocateError::NoEntry { .. })
        ));
        fs_err::write(path.join("main.js"), "").unwrap();
        fs_err::write(path.join("policy.yaml"), "").unwrap();
        let plugin = Plugin::locate(&path.join(".")).unwrap();
        assert_eq!((plugin.name(), plugin.entry()), ("weather", "main.js"));
        assert!(
            plugin
                .policy_file()
                .unwrap()
                .ends_with("weather/policy.yaml")
        );
    }

    #[test]
    fn a_file_is_a_plugin_without_the_files_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hello.js");
        fs_err::write(&path, "").unwrap();
        fs_err::write(directory.path().join("policy.yaml"), "").unwrap();
        let plugin = Plugin::locate(&path).unwrap();
        assert_eq!((plugin.name(), plugin.entry()), ("hello", "hello.js"));
        assert!(plugin.is_single_file());
        assert_eq!(plugin.policy_file(), None);
    }

    #[test]
    fn what_is_no_plugin_is_refused_with_a_reason() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for (name, part) in [("a.py", ".js"), ("a.ts", "TypeScript"), ("a", ".js")] {
            fs_err::write(path(name), "").unwrap();
            let message = Plugin::locate(&path(name)).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        assert!(matches!(
            Plugin::locate(&path("none")),
            Err(LocateError::Unreadable { .. })
        ));
        assert!(matches!(
            Plugin::locate(Path::new("/dev/null")),
            Err(LocateError::NoPlugin { .. })
        ));
        fs_err::write(path("a\nb.js"), "").unwrap();
        assert!(matches!(
            Plugin::locate(&path("a\nb.js")),
            Err(LocateError::Name { .. })
        ));
    }

    #[test]
    fn two_plugins_prefer_two_blocks() {
        let directory = tempfile::tempdir().unwrap();
        let blocks: Vec<u32> = ["a.js", "b.js"]
            .iter()
            .map(|name| {
                fs_err::write(directory.path().join(name), "").unwrap();
                Plugin::locate(&directory.path().join(name))
                    .unwrap()
                    .preferred_block()
            })
            .collect();
        assert_ne!(blocks[0], blocks[1]);
    }
}
