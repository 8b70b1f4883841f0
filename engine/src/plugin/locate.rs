//! From a path to a plugin.

use std::path::{Path, PathBuf};

use lazaret_policy::{Cut, EffectivePolicy, Granted, LoadError, PluginManifest, PolicyProblems};
use sha2::{Digest, Sha256};

use crate::event::escape;

/// A directory's entry module, where its manifest names none: the first of these that is there.
const ENTRIES: [&str; 2] = ["main.js", "main.ts"];

/// The file in a plugin's directory in which it says what it is and asks for.
const MANIFEST_FILE: &str = "plugin.yaml";

/// The file beside a plugin that holds its policy.
const POLICY_FILE: &str = "policy.yaml";

/// A plugin on the host's file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    name: String,
    /// As it was named, absolute: links on the way are not followed.
    named: PathBuf,
    directory: PathBuf,
    entry: String,
    only_entry: bool,
    manifest: Option<PluginManifest>,
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
    #[error("plugin `{}` has no entry file `{entry}`\n  hint: it needs one, or name another as `entry` in its `plugin.yaml`; or name the file itself", directory.display())]
    NoEntry {
        /// The plugin's directory.
        directory: PathBuf,
        /// What was looked for in it.
        entry: String,
    },
    /// Its `plugin.yaml` cannot be read.
    #[error("failed to read what plugin `{}` says of itself", directory.display())]
    ManifestUnreadable {
        /// The plugin's directory.
        directory: PathBuf,
        /// Names the file.
        #[source]
        source: std::io::Error,
    },
    /// Its `plugin.yaml` has problems.
    #[error("the plugin's `plugin.yaml` is invalid\n{0}")]
    Manifest(PolicyProblems),
    /// The path is neither a module nor a directory.
    #[error("`{}` is no plugin: {what}\n  hint: a plugin is a `.js` or `.ts` file, or a directory with a `main.js` or `main.ts`", path.display())]
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
    /// Finds the plugin at a path: a `.js`, `.mjs`, `.ts` or `.mts` file, or a directory with a `main.js`, a `main.ts` or a
    /// `plugin.yaml` that names another entry.
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
            let manifest = manifest_in(path)?;
            let named = manifest.as_ref().and_then(PluginManifest::entry);
            let usual = || {
                ENTRIES
                    .into_iter()
                    .find(|entry| directory.join(entry).is_file())
            };
            let named = named.map(|entry| entry.as_str()).or_else(usual);
            let entry = named.unwrap_or(ENTRIES[0]).to_owned();
            if !directory.join(&entry).is_file() {
                return Err(LocateError::NoEntry {
                    directory: path.to_owned(),
                    entry,
                });
            }
            let name = checked_name(directory.file_name())?;
            return Ok(Self {
                name,
                named: full,
                directory,
                entry,
                only_entry: false,
                manifest,
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
            Some("js" | "mjs" | "ts" | "mts") => {}
            _ => {
                return Err(no_plugin(
                    "its name ends in none of `.js`, `.mjs`, `.ts` and `.mts`",
                ));
            }
        }
        let entry = checked_name(full.file_name())?;
        let name = checked_name(full.file_stem())?;
        let directory = full
            .parent()
            .map_or_else(|| PathBuf::from("/"), Path::to_owned);
        Ok(Self {
            name,
            named: full,
            directory,
            entry,
            only_entry: true,
            manifest: None,
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

    /// What it is started from: its directory, by the name it was found by as well, or its file alone; what it says of
    /// itself; the policy beside it. The latter two may be links out of the directory.
    pub fn own_files(&self) -> Vec<PathBuf> {
        let modules = match self.only_entry {
            true => self.directory.join(&self.entry),
            false => self.directory.clone(),
        };
        let beside = [self.manifest_file(), self.policy_file()];
        let modules = [self.named.clone(), modules].into_iter();
        modules.chain(beside.into_iter().flatten()).collect()
    }

    /// Where it says of itself what it is; a single file says nothing.
    pub fn manifest_file(&self) -> Option<PathBuf> {
        (!self.only_entry).then(|| self.directory.join(MANIFEST_FILE))
    }

    /// What it says of itself, where its directory has a `plugin.yaml`: as it was when the plugin was found.
    pub fn manifest(&self) -> Option<&PluginManifest> {
        self.manifest.as_ref()
    }

    /// All it asks for; `None` where it does not say.
    pub fn request(&self) -> Option<&[Granted]> {
        self.manifest().and_then(PluginManifest::permissions)
    }

    /// The policy without what the plugin does not ask for, and what that was: the last layer.
    #[must_use]
    pub fn narrowed(&self, policy: EffectivePolicy) -> (EffectivePolicy, Vec<Cut>) {
        match self.request() {
            Some(request) => policy.requested(request),
            None => (policy, Vec::new()),
        }
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

/// Read by the path as it was given, so that its problems are told by that.
fn manifest_in(directory: &Path) -> Result<Option<PluginManifest>, LocateError> {
    let path = directory.join(MANIFEST_FILE);
    let unreadable = |source| LocateError::ManifestUnreadable {
        directory: directory.to_owned(),
        source,
    };
    match fs_err::symlink_metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        // One that may be there and cannot be read may ask for less.
        Ok(_) | Err(_) => {}
    }
    match PluginManifest::load(&path) {
        Ok(manifest) => Ok(Some(manifest)),
        Err(LoadError::Read(source)) => Err(unreadable(source)),
        Err(LoadError::Problems(problems)) => Err(LocateError::Manifest(problems)),
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
    use lazaret_policy::{SecurityLevel, SecurityPolicy};

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
        fs_err::write(path.join("main.ts"), "").unwrap();
        assert_eq!(Plugin::locate(&path).unwrap().entry(), "main.ts");
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
    fn a_manifest_names_the_entry_and_only_takes_away() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let manifest = |body: &str| {
            let text = format!("apiVersion: lazaret/v1\nkind: Plugin\n{body}");
            fs_err::write(path("plugin.yaml"), text).unwrap();
            Plugin::locate(directory.path())
        };
        let standard = || {
            let text = "apiVersion: lazaret/v1\nkind: SecurityPolicy\npermissions: [ 'env:read:TZ', 'env:read:LANG' ]";
            let policy = SecurityPolicy::parse("p", text).unwrap();
            EffectivePolicy::of(SecurityLevel::Standard).layer(&policy)
        };
        let held = |plugin: &Plugin| {
            let policy = plugin.narrowed(standard()).0;
            let grants = policy.all_grants();
            grants
                .map(|one| one.permission.to_string())
                .collect::<Vec<_>>()
        };
        fs_err::create_dir(path("src")).unwrap();
        fs_err::write(path("src/main.mjs"), "").unwrap();
        assert!(matches!(manifest(""), Err(LocateError::NoEntry { .. })));
        let plugin = manifest("entry: src/main.mjs").unwrap();
        assert_eq!(plugin.entry(), "src/main.mjs");
        assert_eq!(held(&plugin), ["env:read:TZ", "env:read:LANG"]);
        let plugin =
            manifest("entry: src/main.mjs\npermissions: [ 'env:read:TZ', 'env:read:HOME' ]");
        assert_eq!(held(&plugin.unwrap()), ["env:read:TZ"]);
        let plugin = manifest("entry: src/main.mjs\npermissions: []").unwrap();
        assert!(held(&plugin).is_empty());
        let broken = manifest("entry: ../main.js").unwrap_err().to_string();
        assert!(broken.contains("plugin.yaml:3:8: `entry`"), "{broken}");
        fs_err::remove_file(path("plugin.yaml")).unwrap();
        std::os::unix::fs::symlink("nowhere", path("plugin.yaml")).unwrap();
        assert!(matches!(
            Plugin::locate(directory.path()),
            Err(LocateError::ManifestUnreadable { .. })
        ));
    }

    #[test]
    fn a_file_is_a_plugin_without_the_files_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hello.js");
        fs_err::write(&path, "").unwrap();
        fs_err::write(directory.path().join("policy.yaml"), "").unwrap();
        fs_err::write(directory.path().join("plugin.yaml"), "broken: [").unwrap();
        let plugin = Plugin::locate(&path).unwrap();
        assert_eq!((plugin.name(), plugin.entry()), ("hello", "hello.js"));
        assert!(plugin.is_single_file());
        assert_eq!(plugin.policy_file(), None);
    }

    #[test]
    fn what_is_no_plugin_is_refused_with_a_reason() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for (name, part) in [("a.py", ".js"), ("a.tsx", ".ts"), ("a", ".js")] {
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
