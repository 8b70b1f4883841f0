//! What plugins ask the engine to do on the host.

mod files;
mod forged;
mod refused;
mod window;

use std::path::Path;

use lazaret_tests::case::Case;
use lazaret_tests::host::{Host, Session};
use lazaret_tests::setup::{Js, Setup, plugin_source};
use lazaret_tests::world::World;

/// Cases with the probe in the shim's place, and one of windows.
pub(crate) fn probe_cases() -> Vec<Case> {
    let mut cases = forged::cases();
    cases.extend(window::cases());
    cases
}

/// Cases on a JavaScript engine.
pub(crate) fn cases(js: Js) -> Vec<Case> {
    let mut cases = files::cases(js);
    cases.extend(refused::cases(js));
    cases
}

/// A directory of the host with `out`, `in` and `other` in it, under its real name.
struct Tree {
    directory: tempfile::TempDir,
    root: String,
}

impl Tree {
    fn new(world: &World) -> anyhow::Result<Self> {
        let directory = world.directory()?;
        let root = fs_err::canonicalize(directory.path())?;
        for name in ["out", "in", "other"] {
            fs_err::create_dir(root.join(name))?;
        }
        fs_err::write(root.join("in/text"), "in")?;
        fs_err::write(root.join("other/secret"), "secret")?;
        let root = root.to_string_lossy().into_owned();
        Ok(Self { directory, root })
    }

    fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.root)
    }

    fn text(&self, name: &str) -> anyhow::Result<String> {
        Ok(fs_err::read_to_string(Path::new(&self.root).join(name))?)
    }

    /// The names in a directory of it, sorted.
    fn names(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs_err::read_dir(self.directory.path().join(name))? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}

/// Launches the plugin that does as it is told.
async fn writer(host: &Host, js: Js, policy: &str) -> anyhow::Result<Session> {
    let source = plugin_source("harmless/writer.js")?;
    let setup = Setup::javascript(js, "writer", &source).policy(policy);
    host.launch(&setup).await
}
