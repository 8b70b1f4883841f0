//! What a plugin's `plugin.yaml` asks for: it takes away, and gives nothing.

use anyhow::ensure;
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::Finished;
use lazaret_tests::setup::{Setup, policy_text};
use lazaret_tests::world::World;

use super::{quick, run_plugin};

const MAIN: &str = "export const read = (path) => Deno.readTextFile(path);";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "input: a plugin that asks for less than is granted is refused the rest",
            less,
        ),
        Case::new(
            "input: a plugin that asks for more than is granted gets no more",
            more,
        ),
        Case::new("input: a broken plugin.yaml lets nothing run", broken),
        Case::new("input: a plugin begins with the module it names", entry),
    ]
}

/// A directory of the host with a file in each of `one` and `two`.
struct Tree {
    directory: tempfile::TempDir,
    root: String,
}

impl Tree {
    fn new(world: &World) -> anyhow::Result<Self> {
        let directory = world.directory()?;
        let root = fs_err::canonicalize(directory.path())?;
        for name in ["one", "two"] {
            fs_err::create_dir(root.join(name))?;
            fs_err::write(root.join(name).join("text"), name)?;
        }
        let root = root.to_string_lossy().into_owned();
        Ok(Self { directory, root })
    }

    /// What comes of reading a file, under a policy that grants these.
    fn read(
        &self,
        world: &World,
        manifest: Option<&str>,
        granted: &[&str],
        name: &str,
    ) -> anyhow::Result<Finished> {
        let granted: Vec<String> = granted.iter().map(|name| self.permission(name)).collect();
        let policy = self.directory.path().join("policy.yaml");
        let permissions = format!("permissions: [ {} ]", granted.join(", "));
        fs_err::write(&policy, policy_text(&permissions))?;
        let setup = match manifest {
            Some(body) => with_manifest(quick("reader", MAIN), body),
            None => quick("reader", MAIN),
        };
        let path = format!("\"{}/{name}/text\"", self.root);
        let policy = policy.to_string_lossy();
        let more = ["--policy", &*policy, "--call", "read", "--args", &path];
        run_plugin(world, &setup, &more)
    }

    fn permission(&self, name: &str) -> String {
        format!("\"file:read:{}/{name}\"", self.root)
    }
}

fn with_manifest(setup: Setup, body: &str) -> Setup {
    let text = format!("apiVersion: lazaret/v1\nkind: Plugin\n{body}\n");
    setup.with("plugin.yaml", text)
}

fn succeeded(done: &Finished, output: &str) -> anyhow::Result<()> {
    ensure!(
        done.code == Some(0) && done.output.contains(output) && !done.errors.contains("warning"),
        "{done:?}"
    );
    Ok(())
}

fn refused(done: &Finished) -> anyhow::Result<()> {
    // Below `/tmp`, where the cases have their files, a plugin sees its own.
    done.failed(ExitCode::Exception, &["no such file", "/text`"])
}

fn less(world: &World) -> anyhow::Result<()> {
    let tree = Tree::new(world)?;
    let granted = ["one", "two"];
    let asks = format!("permissions: [ {} ]", tree.permission("one"));
    succeeded(&tree.read(world, Some(&asks), &granted, "one")?, "one")?;
    refused(&tree.read(world, Some(&asks), &granted, "two")?)?;
    refused(&tree.read(world, Some("permissions: []"), &granted, "one")?)?;
    // Who does not say what it asks for has what is granted.
    succeeded(
        &tree.read(world, Some("author: ada"), &granted, "two")?,
        "two",
    )?;
    succeeded(&tree.read(world, None, &granted, "two")?, "two")
}

fn more(world: &World) -> anyhow::Result<()> {
    let tree = Tree::new(world)?;
    let asks = format!("permissions: [ \"file:read:{}\" ]", tree.root);
    succeeded(&tree.read(world, Some(&asks), &["one"], "one")?, "one")?;
    refused(&tree.read(world, Some(&asks), &["one"], "two")?)?;
    refused(&tree.read(world, Some(&asks), &[], "one")?)
}

fn broken(world: &World) -> anyhow::Result<()> {
    let tree = Tree::new(world)?;
    let done = tree.read(world, Some("permision: []"), &["one"], "one")?;
    done.failed(
        ExitCode::Plugin,
        &[
            "plugin.yaml:3:1: unknown key",
            "did you mean `permissions`?",
        ],
    )
}

fn entry(world: &World) -> anyhow::Result<()> {
    let setup = quick("elsewhere", "export const where = () => 'main';")
        .with("src/start.mjs", "export { where } from './deeper.js';")
        .with("src/deeper.js", "export const where = () => 'src';");
    succeeded(&run_plugin(world, &setup, &["--call", "where"])?, "main")?;
    let setup = with_manifest(setup, "entry: src/start.mjs");
    succeeded(&run_plugin(world, &setup, &["--call", "where"])?, "src")
}
