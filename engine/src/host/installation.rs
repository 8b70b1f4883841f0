//! Where launcher, shims and root file systems are.
//!
//! Built: beside `target/release/lazaret`. Installed: `PREFIX/bin/lazaret` with the rest in
//! `PREFIX/lib/lazaret`. Nothing else is searched, so that nobody can put a part of their own in
//! the way.

use std::path::{Path, PathBuf};

use lazaret_policy::EngineChoice;

/// The JavaScript engine of a shim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShimEngine {
    /// An interpreter: small, needs no executable memory.
    QuickJs,
    /// Compiles to machine code.
    V8,
}

impl ShimEngine {
    /// Both, in the order shown.
    pub const ALL: [Self; 2] = [Self::QuickJs, Self::V8];

    /// As in the policy and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::QuickJs => "quickjs",
            Self::V8 => "v8",
        }
    }

    /// Whether its container must allow executable memory.
    pub fn needs_executable_memory(self) -> bool {
        self == Self::V8
    }
}

/// A part is missing.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    /// The path of the running program is not known.
    #[error("failed to find the directory of this program")]
    Program(#[source] std::io::Error),
    /// The launcher is not where it belongs.
    #[error("the launcher is missing: no `{}`\n  hint: run `make build`, or install all parts under one prefix with `make install`", .0.display())]
    Launcher(PathBuf),
    /// The wanted engine is not installed.
    #[error("JavaScript engine `{engine}` is not installed: no `{}`\n  hint: {hint}", path.display())]
    Engine {
        /// Its name.
        engine: &'static str,
        /// Where its root file system would be.
        path: PathBuf,
        /// How to get it.
        hint: &'static str,
    },
}

/// The installed parts.
#[derive(Clone, Debug)]
pub struct Installation {
    parts: PathBuf,
}

impl Installation {
    /// Finds the parts from the running program.
    ///
    /// # Errors
    /// Where the launcher is not there.
    pub fn find() -> Result<Self, InstallationError> {
        let program = std::env::current_exe().map_err(InstallationError::Program)?;
        Self::in_directory(program.parent().unwrap_or_else(|| Path::new("/")))
    }

    /// Finds the parts from the directory of the `lazaret` program.
    ///
    /// # Errors
    /// Where the launcher is not there.
    pub fn in_directory(directory: &Path) -> Result<Self, InstallationError> {
        let installed = directory.parent().map(|prefix| prefix.join("lib/lazaret"));
        let parts = installed
            .filter(|parts| directory.ends_with("bin") && parts.is_dir())
            .unwrap_or_else(|| directory.to_owned());
        let this = Self { parts };
        if this.launcher().is_file() {
            Ok(this)
        } else {
            Err(InstallationError::Launcher(this.launcher()))
        }
    }

    /// The launcher's program.
    pub fn launcher(&self) -> PathBuf {
        self.parts.join("lazaret-launcher")
    }

    /// The static shim of an engine, as it is put into a root file system.
    pub fn shim(&self, engine: ShimEngine) -> PathBuf {
        self.parts.join(format!("lazaret-shim-{}", engine.name()))
    }

    /// The root file system of an engine, with its manifest; the tree is in `tree`.
    pub fn rootfs(&self, engine: ShimEngine) -> PathBuf {
        self.parts.join("rootfs").join(engine.name())
    }

    /// The root file system of the TypeScript compiler, in the same form.
    pub fn compiler(&self) -> PathBuf {
        self.parts.join("rootfs/compile")
    }

    /// All of them, with the running program.
    pub(crate) fn all(&self) -> Vec<PathBuf> {
        let mut all = vec![self.launcher(), self.parts.join("rootfs")];
        all.extend(ShimEngine::ALL.map(|engine| self.shim(engine)));
        all.extend(std::env::current_exe());
        all
    }

    /// Whether an engine can be used.
    pub fn has(&self, engine: ShimEngine) -> bool {
        self.rootfs(engine).join("manifest.json").is_file()
    }

    /// The engine a policy asks for.
    ///
    /// # Errors
    /// Where it is not installed: another is never taken in its place. `auto` takes QuickJS
    /// where it is there and V8 otherwise.
    pub fn choose(&self, choice: EngineChoice) -> Result<ShimEngine, InstallationError> {
        let engine = match choice {
            EngineChoice::QuickJs => ShimEngine::QuickJs,
            EngineChoice::V8 => ShimEngine::V8,
            EngineChoice::Auto => ShimEngine::ALL
                .into_iter()
                .find(|engine| self.has(*engine))
                .unwrap_or(ShimEngine::QuickJs),
        };
        if self.has(engine) {
            return Ok(engine);
        }
        let hint = match engine {
            ShimEngine::QuickJs => "run `make build`",
            ShimEngine::V8 => {
                "run `make build-v8`, or say `runtime: { engine: quickjs }` in the policy"
            }
        };
        Err(InstallationError::Engine {
            engine: engine.name(),
            path: self.rootfs(engine),
            hint,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: PathBuf) {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, "").unwrap();
    }

    #[test]
    fn parts_are_found_beside_a_built_program_and_under_a_prefix() {
        let root = tempfile::tempdir().unwrap();
        let built = root.path().join("target/release");
        touch(built.join("lazaret-launcher"));
        assert_eq!(
            Installation::in_directory(&built).unwrap().launcher(),
            built.join("lazaret-launcher")
        );
        let prefix = root.path().join("usr");
        touch(prefix.join("lib/lazaret/lazaret-launcher"));
        fs_err::create_dir(prefix.join("bin")).unwrap();
        let found = Installation::in_directory(&prefix.join("bin")).unwrap();
        assert_eq!(
            found.launcher(),
            prefix.join("lib/lazaret/lazaret-launcher")
        );
    }

    #[test]
    fn an_engine_that_is_not_installed_is_not_replaced_by_another() {
        let root = tempfile::tempdir().unwrap();
        touch(root.path().join("lazaret-launcher"));
        touch(root.path().join("rootfs/quickjs/manifest.json"));
        let installation = Installation::in_directory(root.path()).unwrap();
        assert_eq!(
            installation.choose(EngineChoice::QuickJs).unwrap(),
            ShimEngine::QuickJs
        );
        assert_eq!(
            installation.choose(EngineChoice::Auto).unwrap(),
            ShimEngine::QuickJs
        );
        let error = installation
            .choose(EngineChoice::V8)
            .unwrap_err()
            .to_string();
        assert!(error.contains("`v8` is not installed"), "{error}");
    }
}
