//! TypeScript of plugins, compiled in a container of its own (decision 014).
//!
//! ```text
//! files ─▶ sources ─▶ in the cache? ─no─▶ compiler in a container ─▶ read, compared, kept ─▶ files
//!                          └───────────────────────yes──────────────────────────────────┘
//! ```
//!
//! The engine parses nothing of it: sources go in as they are, and what comes out is compared with what was asked for
//! and handed to the plugin's own container. Whoever owns the compiler's container by a source can lie about
//! the sources that went in with it, and these are all one plugin's.

mod cache;
mod error;
mod files;
mod outcomes;

use std::path::Path;
use std::sync::Arc;

use lazaret_launcher_wire::SnapshotFile;
use lazaret_policy::{
    ByteSize, CpuShare, Granted, Origin, Permission, Program, ProgramLimits, SecurityLevel,
    TimeLimit,
};
use lazaret_rootfs::SHIM_PATH;

use crate::container::Launcher;
use crate::host::{CgroupVersion, Installation};
use crate::programs::{ProgramEnd, ProgramHost, Programs};
use cache::{Cache, Key};
use files::Sources;

pub use error::CompileError;
pub use files::is_needed;

/// What one run of the compiler may take.
const LIMITS: ProgramLimits = ProgramLimits {
    memory: ByteSize::from_mib(256),
    cpu: CpuShare::from_percent(100),
    pids: 4,
    time: TimeLimit::from_millis(60_000),
    input: ByteSize::from_mib(32),
    output: ByteSize::from_mib(64),
};

/// What the compiler is called in messages.
const NAME: &str = "exec:run:typescript-compiler";

/// How much of what a failed compiler said is told, in bytes.
const MAX_SAID_BYTES: usize = 512;

/// Compiles what plugins have of TypeScript.
pub struct Compiler {
    host: Arc<ProgramHost>,
    installation: Installation,
    cache: Option<Cache>,
}

impl Compiler {
    /// One with containers by this launcher, which waits for no program of a plugin. It keeps nothing.
    #[must_use]
    pub fn new(
        launcher: &Arc<Launcher>,
        cgroup: CgroupVersion,
        installation: &Installation,
    ) -> Self {
        Self {
            host: ProgramHost::new(launcher, cgroup),
            installation: installation.clone(),
            cache: None,
        }
    }

    /// The same, keeping what was compiled in this directory, which only this user can write to. Where it cannot be used,
    /// everything is compiled each time.
    #[must_use]
    pub fn with_cache(mut self, directory: &Path) -> Self {
        self.cache = Some(Cache::at(directory));
        self
    }

    /// The files of a plugin, as its container gets them: with code and source maps in place of TypeScript. A source that
    /// cannot be compiled is one that cannot be imported.
    ///
    /// # Errors
    /// [`CompileError`]: what is wrong with all sources together, or with the compiler.
    pub async fn prepare(
        &self,
        plugin: &str,
        files: Vec<SnapshotFile>,
    ) -> Result<Vec<SnapshotFile>, CompileError> {
        let rootfs = self.installation.compiler();
        let (cache, name, at) = (self.cache.clone(), plugin.to_owned(), rootfs.clone());
        let begin = move || begin(&name, &at, cache.as_ref(), files);
        let (sources, key) = match aside(plugin, begin).await?? {
            Begun::Prepared(files) => return Ok(files),
            Begun::ToCompile(sources, key) => (sources, key),
        };
        let output = self.run(plugin, &rootfs, &sources).await?;
        let (cache, name) = (self.cache.clone(), plugin.to_owned());
        let finish = move || {
            let outcomes = outcomes::read(&output, sources.names());
            let outcomes = outcomes.map_err(|source| CompileError::Answer {
                plugin: name,
                source,
            })?;
            if let Some(cache) = cache {
                cache.put(&key, &output);
            }
            Ok(sources.with(outcomes))
        };
        aside(plugin, finish).await?
    }

    /// What the compiler says to these sources.
    async fn run(
        &self,
        plugin: &str,
        rootfs: &Path,
        sources: &Sources,
    ) -> Result<Vec<u8>, CompileError> {
        let failed = |source| CompileError::Program {
            plugin: plugin.to_owned(),
            largest: sources.largest().to_owned(),
            source,
        };
        let program = program(rootfs).ok_or_else(|| CompileError::Path(rootfs.to_owned()))?;
        let programs = Programs::new(&self.host);
        let ran = programs.run(&program, Vec::new(), sources.frames().to_vec());
        let ran = ran.await.map_err(failed)?;
        if ran.end == ProgramEnd::Code(0) {
            return Ok(ran.stdout);
        }
        let said = &ran.stderr[..ran.stderr.len().min(MAX_SAID_BYTES)];
        Err(CompileError::Ended {
            plugin: plugin.to_owned(),
            largest: sources.largest().to_owned(),
            end: ran.end,
            said: String::from_utf8_lossy(said).trim().to_owned(),
        })
    }
}

/// How far it is before the compiler is run.
enum Begun {
    /// There is nothing to compile, or it was compiled before.
    Prepared(Vec<SnapshotFile>),
    ToCompile(Sources, Key),
}

fn begin(
    plugin: &str,
    rootfs: &Path,
    cache: Option<&Cache>,
    files: Vec<SnapshotFile>,
) -> Result<Begun, CompileError> {
    let sources = Sources::of(plugin, files)?;
    if sources.is_empty() {
        return Ok(Begun::Prepared(sources.into_files()));
    }
    let version = lazaret_rootfs::digest(rootfs).map_err(|source| CompileError::Missing {
        path: rootfs.to_owned(),
        source,
    })?;
    let key = Key::of(&version, sources.frames());
    if let Some(kept) = cache.and_then(|cache| cache.get(&key))
        && let Ok(outcomes) = outcomes::read(&kept, sources.names())
    {
        return Ok(Begun::Prepared(sources.with(outcomes)));
    }
    Ok(Begun::ToCompile(sources, key))
}

/// Does what takes long where nobody waits for the thread.
async fn aside<T: Send + 'static>(
    plugin: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CompileError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|source| CompileError::Thread {
        plugin: plugin.to_owned(),
        source,
    })
}

impl std::fmt::Debug for Compiler {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Compiler").finish_non_exhaustive()
    }
}

/// The compiler as a program of a policy; `None` where no policy could name its path.
fn program(rootfs: &Path) -> Option<Program> {
    let permission: Permission = NAME.parse().ok()?;
    Some(Program {
        granted: Granted {
            permission,
            reason: None,
            origin: Origin::Level {
                level: SecurityLevel::Standard,
                line: 0,
            },
        },
        rootfs: rootfs.join(lazaret_rootfs::TREE).to_str()?.parse().ok()?,
        path: SHIM_PATH.parse().ok()?,
        limits: LIMITS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_is_a_program_with_limits_of_its_own() {
        let program = program(Path::new("/usr/lib/lazaret/rootfs/compile")).unwrap();
        assert_eq!(
            program.rootfs.as_str(),
            "/usr/lib/lazaret/rootfs/compile/tree"
        );
        assert_eq!(program.limits, LIMITS);
        assert!(super::program(Path::new("relative")).is_none());
    }
}
