//! Plugins and policies for one case.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use lazaret::learn::Tally;
use lazaret_policy::{EffectivePolicy, EngineChoice, SecurityLevel, SecurityPolicy};

use crate::world::World;

/// A JavaScript engine to try a case on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Js {
    /// Always built.
    QuickJs,
    /// Where its library is at hand.
    V8,
}

impl Js {
    /// Both.
    pub const ALL: [Self; 2] = [Self::QuickJs, Self::V8];

    /// As in the policy.
    pub fn name(self) -> &'static str {
        match self {
            Self::QuickJs => "quickjs",
            Self::V8 => "v8",
        }
    }

    pub(crate) fn choice(self) -> EngineChoice {
        match self {
            Self::QuickJs => EngineChoice::QuickJs,
            Self::V8 => EngineChoice::V8,
        }
    }
}

impl fmt::Display for Js {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What runs in the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// The shim with this engine.
    Shim(Js),
    /// The probe in its place.
    Probe,
}

/// A plugin and its policy, to be launched.
#[derive(Clone, Debug)]
pub struct Setup {
    pub(crate) name: String,
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) policy: String,
    pub(crate) runs: Runs,
    pub(crate) rootfs: Option<PathBuf>,
    pub(crate) unheard: bool,
    pub(crate) learn: Option<Arc<Tally>>,
}

impl Setup {
    /// A plugin with this `main.js`.
    pub fn javascript(js: Js, name: &str, main: &str) -> Self {
        Self {
            name: name.to_owned(),
            files: vec![("main.js".to_owned(), main.into())],
            policy: "level: standard".to_owned(),
            runs: Runs::Shim(js),
            rootfs: None,
            unheard: false,
            learn: None,
        }
    }

    /// The probe, with a way to misbehave before the first call, or none.
    pub fn probe(behaviour: &str) -> Self {
        let mut setup = Self::javascript(Js::QuickJs, "probe", &format!("// probe: {behaviour}\n"));
        setup.runs = Runs::Probe;
        setup
    }

    /// Another name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// A file beside `main.js`.
    #[must_use]
    pub fn with(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.to_owned(), content.into()));
        self
    }

    /// Another root file system.
    #[must_use]
    pub fn rootfs(mut self, tree: &Path) -> Self {
        self.rootfs = Some(tree.to_owned());
        self
    }

    /// Its events go to a queue of one that nobody reads.
    #[must_use]
    pub fn unheard(mut self) -> Self {
        self.unheard = true;
        self
    }

    /// What it does is counted.
    #[must_use]
    pub fn learn(mut self, tally: &Arc<Tally>) -> Self {
        self.learn = Some(Arc::clone(tally));
        self
    }

    /// The policy, but for its first two lines.
    #[must_use]
    pub fn policy(mut self, text: &str) -> Self {
        text.clone_into(&mut self.policy);
        self
    }

    /// The plugin's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its files, by their paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let files = self.files.iter();
        files.map(|(path, content)| (path.as_str(), content.as_slice()))
    }

    /// The policy, but for its first two lines.
    pub fn policy_rest(&self) -> &str {
        &self.policy
    }

    pub(crate) fn effective_policy(&self) -> anyhow::Result<EffectivePolicy> {
        let text = policy_text(&self.policy);
        let policy = SecurityPolicy::parse("policy.yaml", &text)
            .with_context(|| format!("a policy of these tests is wrong:\n{text}"))?;
        Ok(EffectivePolicy::of(SecurityLevel::Standard).layer(&policy))
    }
}

/// A whole policy from all but its first two lines.
pub fn policy_text(rest: &str) -> String {
    format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{rest}\n")
}

/// Writes files into a directory, with the directories they lie in.
///
/// # Errors
/// Where one cannot be written.
pub fn write_files<'a>(
    directory: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> anyhow::Result<()> {
    for (path, content) in files {
        let path = directory.join(path);
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        fs_err::write(path, content)?;
    }
    Ok(())
}

/// A root file system with the probe in the shim's place.
///
/// # Errors
/// Where it cannot be built.
pub fn probe_rootfs(world_parts: &crate::parts::Parts, output: &Path) -> anyhow::Result<()> {
    let contents = lazaret_rootfs::Contents::new(&world_parts.probe())?;
    lazaret_rootfs::build(&contents, output)?;
    Ok(())
}

/// One of the plugins in `plugins/`.
///
/// # Errors
/// Where there is none of that name.
pub fn plugin_source(name: &str) -> anyhow::Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("plugins")
        .join(name);
    Ok(fs_err::read_to_string(path)?)
}

/// A plugin on disk, for the command line.
///
/// # Errors
/// Where it cannot be written.
pub fn on_disk(world: &World, setup: &Setup) -> anyhow::Result<tempfile::TempDir> {
    let directory = world.directory()?;
    let plugin = directory.path().join(&setup.name);
    let files = setup
        .files
        .iter()
        .map(|(path, content)| (path.as_str(), content.as_slice()));
    write_files(&plugin, files)?;
    fs_err::write(plugin.join("policy.yaml"), policy_text(&setup.policy))?;
    Ok(directory)
}
