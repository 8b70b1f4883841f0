//! That a plugin cannot write what it is started from: the next start would be of what it wrote itself.

use std::cell::LazyCell;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use lazaret_policy::{EffectivePolicy, GrantPath, Permission, Secret, SecretSource};

use super::{Plugin, PluginConfig};
use crate::host::FLOOR;
use crate::store::DEFAULT_STATE;

/// The most links that are followed on the way to a file, as the kernel does (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Where the launcher keeps what it makes for containers.
const RUNTIME: &str = "/run/lazaret";

/// A plugin may reach what it, or another, is started from or held to.
#[derive(Debug, thiserror::Error)]
pub enum ReachesOwn {
    /// It may write there.
    #[error(
        "the policy lets plugin `{plugin}` write `{granted}`, where it could change `{}`, which it or another plugin is started from or held to\n  hint: grant a directory apart from the engine's, from plugins, their policies and the files that those name, and have it put its data there",
        own.display()
    )]
    Write {
        /// Its name.
        plugin: String,
        /// The path that it may write.
        granted: String,
        /// What lies there, or holds it.
        own: PathBuf,
    },
    /// It may read what the engine keeps of all plugins.
    #[error(
        "the policy lets plugin `{plugin}` read `{granted}`, where it could see `{}`, in which the engine keeps the data of every plugin\n  hint: grant a directory apart from that",
        own.display()
    )]
    Read {
        /// Its name.
        plugin: String,
        /// The path that it may read.
        granted: String,
        /// What lies there, or holds it.
        own: PathBuf,
    },
    /// It has, or may read, the file of a secret that the policy keeps from it.
    #[error(
        "plugin `{plugin}` could read the secret `{secret}` itself: its file `{}` is found through `{}`, which the plugin gets\n  hint: keep it in a directory apart from the plugin and from what the policy lets it read, or say `expose: true`",
        file.display(),
        place.display()
    )]
    Secret {
        /// Its name.
        plugin: String,
        /// That of the secret.
        secret: String,
        /// Where the policy says that the value lies.
        file: PathBuf,
        /// What the plugin has or may read.
        place: PathBuf,
    },
}

/// What a plugin is started from, and held to: its directory, or its file where it is that alone; the policy beside it,
/// what it is given, the operator's floor; and what the engine keeps.
#[derive(Clone, Debug)]
pub struct Own {
    plugin: String,
    files: Vec<PathBuf>,
    /// What the plugin gets to see itself: every file of its directory, and what it is given.
    given: Vec<PathBuf>,
    /// Directories of the engine that are none of a plugin's to read either.
    private: Vec<PathBuf>,
}

impl Own {
    /// Of a plugin, with other files that it is started from, and what the engine keeps by default.
    pub fn of<'a>(
        plugin: &Plugin,
        config: &'a PluginConfig,
        more: impl IntoIterator<Item = &'a Path>,
    ) -> Self {
        let more = more.into_iter().chain(config.file()).map(Path::to_owned);
        let files = plugin.own_files().into_iter().chain(more);
        Self {
            plugin: plugin.name().to_owned(),
            files: files.chain([FLOOR, RUNTIME].map(PathBuf::from)).collect(),
            given: (plugin.own_files().into_iter())
                .chain(config.file().map(Path::to_owned))
                .collect(),
            private: vec![DEFAULT_STATE.into()],
        }
    }

    /// The same with the directory in which the engine keeps policies and what plugins keep.
    #[must_use]
    pub fn with_state(mut self, directory: &Path) -> Self {
        self.private.push(directory.to_owned());
        self
    }

    /// Checks that the policy lets the plugin write none of this, nothing below it or above it, none of the files that
    /// the policy itself was read from, and none of those that it names: roots of programs, secrets. Nor may the plugin
    /// read what the engine keeps.
    ///
    /// # Errors
    /// [`ReachesOwn`].
    pub fn check(&self, policy: &EffectivePolicy) -> Result<(), ReachesOwn> {
        let plugin = || self.plugin.clone();
        // Where they lie is looked up only where something is granted: most plugins get no files.
        let places = LazyCell::new(|| {
            let files = self.files.iter().chain(&self.private).cloned();
            files
                .chain(named(policy))
                .map(Place::of)
                .collect::<Vec<_>>()
        });
        for path in granted(policy, true) {
            let place = Place::of(PathBuf::from(path.as_str()));
            if let Some(own) = places.iter().find(|own| place.reaches(own)) {
                return Err(ReachesOwn::Write {
                    plugin: plugin(),
                    granted: path.as_str().to_owned(),
                    own: own.named.clone(),
                });
            }
        }
        let private = LazyCell::new(|| {
            let private = self.private.iter().cloned();
            private.map(Place::of).collect::<Vec<_>>()
        });
        for path in granted(policy, false) {
            let place = Place::of(PathBuf::from(path.as_str()));
            if let Some(own) = private.iter().find(|own| place.reaches(own)) {
                return Err(ReachesOwn::Read {
                    plugin: plugin(),
                    granted: path.as_str().to_owned(),
                    own: own.named.clone(),
                });
            }
        }
        self.check_secrets(policy)
    }

    /// Checks that no secret that is not exposed lies where the plugin, or a program that it runs, reads it.
    fn check_secrets(&self, policy: &EffectivePolicy) -> Result<(), ReachesOwn> {
        let kept = policy.secrets().iter().filter(|secret| !secret.expose);
        let kept: Vec<_> = kept
            .filter_map(|secret| Some((secret, Place::of(file(secret)?))))
            .collect();
        if kept.is_empty() {
            return Ok(());
        }
        let readable = granted(policy, false);
        let readable = readable.iter().map(|path| PathBuf::from(path.as_str()));
        let readable = readable.chain(roots(policy));
        for place in self.given.iter().cloned().chain(readable).map(Place::of) {
            if let Some((secret, own)) = kept.iter().find(|(_, own)| place.reaches(own)) {
                return Err(ReachesOwn::Secret {
                    plugin: self.plugin.clone(),
                    secret: secret.name.to_string(),
                    file: own.named.clone(),
                    place: place.named,
                });
            }
        }
        Ok(())
    }
}

/// The file of a secret that is in one.
fn file(secret: &Secret) -> Option<PathBuf> {
    match &secret.from {
        SecretSource::File(path) => Some(PathBuf::from(path.as_str())),
        SecretSource::Env(_) => None,
    }
}

/// Where programs have all their files.
fn roots(policy: &EffectivePolicy) -> impl Iterator<Item = PathBuf> {
    let programs = policy.exec().programs.iter();
    programs.map(|program| PathBuf::from(program.rootfs.as_str()))
}

/// The files that a policy was read from, and those that it names.
fn named(policy: &EffectivePolicy) -> impl Iterator<Item = PathBuf> {
    let secrets = policy.secrets().iter().filter_map(file);
    let files = policy.files().iter().cloned();
    files.chain(roots(policy)).chain(secrets)
}

/// The paths that a policy lets be written, or read; also where that is only recorded.
fn granted(policy: &EffectivePolicy, write: bool) -> Vec<GrantPath> {
    let all = policy.all_grants().chain(policy.observe());
    let all = all.filter_map(|granted| match &granted.permission {
        Permission::FileWrite(path) if write => Some(path.clone()),
        Permission::FileRead(path) if !write => Some(path.clone()),
        _ => None,
    });
    all.collect()
}

/// A file or directory: what it is called, and what that leads to.
#[derive(Clone, Debug)]
struct Place {
    named: PathBuf,
    /// Links on the way, each where it lies: who writes there leads the name elsewhere.
    links: Vec<PathBuf>,
    real: PathBuf,
    /// What is there, by device and inode: one thing may be mounted at two places.
    inode: Option<(u64, u64)>,
    /// The same of all that is on the way.
    way: Vec<(u64, u64)>,
}

impl Place {
    fn of(named: PathBuf) -> Self {
        let (links, real) = follow(&named);
        let inode = |path: &Path| {
            let found = fs_err::symlink_metadata(path).ok()?;
            Some((found.dev(), found.ino()))
        };
        let way = links.iter().chain([&real]);
        let way = way.flat_map(|path| path.ancestors()).filter_map(inode);
        Self {
            way: way.collect(),
            inode: inode(&real),
            named,
            links,
            real,
        }
    }

    /// Whether who may write all of this can change the other, or what its name leads to.
    fn reaches(&self, other: &Self) -> bool {
        let above = |path: &PathBuf| path.starts_with(&self.real);
        let is_of = |one: &Self, way: &[_]| one.inode.is_some_and(|one| way.contains(&one));
        above(&other.real)
            || other.links.iter().any(above)
            || self.real.starts_with(&other.real)
            || is_of(self, &other.way)
            || is_of(other, &self.way)
    }
}

/// The links on the way to a file, and where it is. What is not there yet is where it would be.
fn follow(named: &Path) -> (Vec<PathBuf>, PathBuf) {
    let full = std::path::absolute(named).unwrap_or_else(|_| named.to_owned());
    let parts = |path: &Path| -> Vec<OsString> {
        path.components()
            .map(|part| part.as_os_str().to_owned())
            .collect()
    };
    let mut left: VecDeque<OsString> = parts(&full).into();
    let (mut links, mut real) = (Vec::new(), PathBuf::new());
    while let Some(part) = left.pop_front() {
        match Path::new(&part).components().next() {
            Some(Component::ParentDir) => {
                real.pop();
                continue;
            }
            Some(Component::CurDir) | None => continue,
            Some(_) => real.push(&part),
        }
        if links.len() < MOST_LINKS
            && let Ok(target) = fs_err::read_link(&real)
        {
            links.push(real.clone());
            real.pop();
            for part in parts(&target).into_iter().rev() {
                left.push_front(part);
            }
        }
    }
    (links, real)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use lazaret_policy::{SecurityLevel, SecurityPolicy};

    use super::*;

    struct Tree {
        _directory: tempfile::TempDir,
        root: PathBuf,
        policy: EffectivePolicy,
        files: Vec<PathBuf>,
    }

    impl Tree {
        /// A plugin at `plugins/one`, its policy at `links/policies/one.yaml`, which lies elsewhere, as what that extends
        /// does; and what it is given.
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let root = directory.path().canonicalize().unwrap();
            for name in [
                "plugins/one/data",
                "plugins/one-more",
                "real",
                "links",
                "base",
                "etc",
            ] {
                fs_err::create_dir_all(root.join(name)).unwrap();
            }
            let head = "apiVersion: lazaret/v1\nkind: SecurityPolicy\n";
            let write = |name: &str, text: &str| {
                fs_err::write(root.join(name), format!("{head}{text}")).unwrap();
            };
            write("plugins/one/main.js", "");
            write("etc/config.yaml", "");
            write("base/base.yaml", "");
            write("base/floor.yaml", "");
            write("real/one.yaml", "extends: ../base/base.yaml\n");
            symlink("../real", root.join("links/policies")).unwrap();
            let policy = SecurityPolicy::load(&root.join("links/policies/one.yaml")).unwrap();
            let policy = EffectivePolicy::of(SecurityLevel::Standard).layer(&policy);
            let floor = SecurityPolicy::load(&root.join("base/floor.yaml")).unwrap();
            Self {
                policy: policy.within(&floor).0,
                files: vec![root.join("etc/config.yaml")],
                _directory: directory,
                root,
            }
        }

        fn check(&self, plugin: &str, section: &str) -> Result<(), ReachesOwn> {
            let plugin = Plugin::locate(&self.root.join(plugin)).unwrap();
            let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{section}\n");
            let more = SecurityPolicy::parse("p", &text).unwrap();
            let files = self.files.iter().map(PathBuf::as_path);
            let own = Own::of(&plugin, &PluginConfig::default(), files);
            let own = own.with_state(&self.root.join("state"));
            own.check(&self.policy.clone().layer(&more))
        }

        fn may_write(&self, plugin: &str, path: &Path) -> Result<(), ReachesOwn> {
            let section = format!("permissions: ['file:write:{}']", path.display());
            self.check(plugin, &section)
        }
    }

    #[test]
    fn a_plugin_does_not_write_what_it_is_started_from() {
        let tree = Tree::new();
        for wrong in [
            "plugins",
            "plugins/one",
            "plugins/one/data",
            "plugins/one/plugin.yaml",
            "real",
            "real/one.yaml",
            "links",
            "base",
            "base/base.yaml",
            "base/floor.yaml",
            "etc",
            "etc/config.yaml",
        ] {
            let error = tree.may_write("plugins/one", &tree.root.join(wrong));
            let ReachesOwn::Write { granted, .. } = error.expect_err(wrong) else {
                panic!("{wrong} is refused for another reason");
            };
            assert_eq!(granted, tree.root.join(wrong).to_str().unwrap());
        }
        for wrong in ["/etc/lazaret/floor.yaml", "/etc/lazaret", "/etc"] {
            let error = tree.may_write("plugins/one", Path::new(wrong)).unwrap_err();
            let ReachesOwn::Write { own, .. } = error else {
                panic!("{wrong} is refused for another reason");
            };
            assert_eq!(own, Path::new("/etc/lazaret/floor.yaml"));
        }
        for right in ["plugins/one-more", "elsewhere"] {
            let done = tree.may_write("plugins/one", &tree.root.join(right));
            assert!(done.is_ok(), "{right}: {done:?}");
        }
    }

    #[test]
    fn what_lies_beside_a_file_that_is_a_plugin_is_none_of_it() {
        let tree = Tree::new();
        let file = "plugins/one/main.js";
        let may_write = |path: &str| tree.may_write(file, &tree.root.join(path));
        assert!(may_write("plugins/one/data").is_ok());
        assert!(may_write("plugins/one").is_err());
        assert!(may_write(file).is_err());
    }

    #[test]
    fn one_file_by_two_names_is_one_file() {
        let tree = Tree::new();
        symlink(tree.root.join("plugins"), tree.root.join("spelled")).unwrap();
        fs_err::hard_link(
            tree.root.join("base/base.yaml"),
            tree.root.join("same.yaml"),
        )
        .unwrap();
        for wrong in ["spelled", "spelled/one", "spelled/one/data", "same.yaml"] {
            let done = tree.may_write("plugins/one", &tree.root.join(wrong));
            assert!(done.is_err(), "{wrong}");
            let done = tree.may_write("spelled/one", &tree.root.join(wrong));
            assert!(done.is_err(), "{wrong}");
        }
        assert!(
            tree.may_write("spelled/one", &tree.root.join("plugins/one-more"))
                .is_ok()
        );
    }

    #[test]
    fn what_is_only_recorded_is_written_all_the_same() {
        let tree = Tree::new();
        let section = |path: &str| {
            format!(
                "filesystem: {{ mode: audit }}\nobserve: ['file:write:{}']",
                tree.root.join(path).display()
            )
        };
        assert!(
            tree.check("plugins/one", &section("plugins/one/data"))
                .is_err()
        );
        assert!(tree.check("plugins/one", &section("elsewhere")).is_ok());
        let listed = format!(
            "filesystem: {{ write: [ {{ path: {}, size: 1MiB }} ] }}",
            tree.root.join("plugins").display()
        );
        assert!(tree.check("plugins/one", &listed).is_err());
    }

    #[test]
    fn a_plugin_neither_writes_nor_reads_what_the_engine_keeps() {
        let tree = Tree::new();
        fs_err::create_dir_all(tree.root.join("state/kv")).unwrap();
        symlink("state", tree.root.join("spelled")).unwrap();
        let check = |act: &str, path: &Path| {
            let section = format!("permissions: ['file:{act}:{}']", path.display());
            tree.check("plugins/one", &section)
        };
        let here = ["state", "state/kv", "state/lazaret.sqlite", "spelled"];
        let here = here.map(|path| tree.root.join(path));
        let usual = ["/var/lib", DEFAULT_STATE, "/var/lib/lazaret/dev/kv"];
        for wrong in here
            .iter()
            .map(PathBuf::as_path)
            .chain(usual.map(Path::new))
        {
            let name = wrong.display();
            let write = check("write", wrong);
            assert!(matches!(write, Err(ReachesOwn::Write { .. })), "{name}");
            let read = check("read", wrong);
            assert!(matches!(read, Err(ReachesOwn::Read { .. })), "{name}");
        }
        for right in ["states", "plugins-data"] {
            let right = tree.root.join(right);
            assert!(check("write", &right).is_ok() && check("read", &right).is_ok());
        }
        // What it is started from is no secret from it.
        assert!(check("read", &tree.root.join("plugins/one")).is_ok());
    }

    #[test]
    fn a_plugin_does_not_write_what_its_policy_names() {
        let tree = Tree::new();
        let root = tree.root.display();
        let section = |path: &str| {
            format!(
                "permissions: ['file:write:{root}/{path}']\n\
                 exec: {{ programs: [ {{ name: p, rootfs: {root}/tools, path: /bin/p }} ] }}\n\
                 secrets: [ {{ name: KEY, hosts: [example.com], from: {{ file: {root}/keys/one }} }} ]"
            )
        };
        for wrong in ["tools", "tools/bin", "keys", "keys/one"] {
            let done = tree.check("plugins/one", &section(wrong));
            assert!(matches!(done, Err(ReachesOwn::Write { .. })), "{wrong}");
        }
        for right in ["tools-data", "keys/other"] {
            let done = tree.check("plugins/one", &section(right));
            assert!(done.is_ok(), "{right}: {done:?}");
        }
    }

    #[test]
    fn a_secret_that_is_kept_from_a_plugin_lies_nowhere_it_reads() {
        let tree = Tree::new();
        let root = tree.root.display();
        symlink("plugins/one", tree.root.join("spelled")).unwrap();
        let check = |file: &str, more: &str| {
            let section = format!(
                "permissions: ['file:read:{root}/real']\n\
                 secrets: [ {{ name: key, hosts: [example.com], from: {{ file: {root}/{file} }}{more} }} ]"
            );
            tree.check("plugins/one", &section)
        };
        for wrong in [
            "plugins/one/key",
            "plugins/one/data/key",
            "spelled/key",
            "real/key",
            "links/policies/key",
        ] {
            let error = check(wrong, "").expect_err(wrong);
            assert!(
                matches!(error, ReachesOwn::Secret { .. }),
                "{wrong}: {error}"
            );
            assert!(error.to_string().contains("secret `key`"), "{error}");
            assert!(check(wrong, ", expose: true").is_ok(), "{wrong}");
        }
        for right in ["plugins/one-more/key", "etc/key"] {
            assert!(check(right, "").is_ok(), "{right}");
        }
    }

    #[test]
    fn a_plugin_does_not_write_the_link_by_which_it_is_started() {
        let tree = Tree::new();
        fs_err::create_dir(tree.root.join("current")).unwrap();
        symlink("../plugins/one", tree.root.join("current/one")).unwrap();
        let may_write = |plugin: &str| tree.may_write(plugin, &tree.root.join("current"));
        assert!(may_write("current/one").is_err());
        assert!(may_write("plugins/one").is_ok());
    }

    #[test]
    fn a_circle_of_links_comes_to_an_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        symlink("b", &path).unwrap();
        symlink("a", directory.path().join("b")).unwrap();
        assert_eq!(follow(&path.join("c")).0.len(), MOST_LINKS);
    }
}
