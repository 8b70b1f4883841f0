//! From a plugin and a policy to a running container.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use lazaret_launcher_wire::{SnapshotFile, encode_snapshot};
use lazaret_policy::{EffectivePolicy, EngineChoice, SecurityLevel};
use lazaret_protocol::Given;
use rustix::fs::{MemfdFlags, OFlags, SealFlags};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::egress::{Egress, LazyBroker, unnamed_socket};
use super::errors::{EngineError, LaunchError};
use super::outbox::Outbox;
use super::quarantine::Quarantine;
use super::running::{PluginEvent, Running};
use super::task::Task;
use crate::acts::{self, Acts};
use crate::bundle::{self, BundleRequest};
use crate::channel;
use crate::compile::Compiler;
use crate::container::{Cgroup, CgroupEvents, Launcher, Listener, Reservation};
use crate::egress::{Ending, Rules};
use crate::host::{self, CgroupVersion, Installation, Landlock, ShimEngine, Unenforced};
use crate::learn::{Tally, Watch};
use crate::metrics::Metrics;
use crate::plugin::{Own, Plugin, PluginConfig};
use crate::programs::{ProgramHost, Programs};
use crate::schema::{Contract, SchemaError, check_config};
use crate::secrets::Secrets;
use crate::store::KvDirectory;

/// How a plugin is launched, besides its policy.
#[derive(Debug, Default)]
pub struct LaunchOptions {
    /// Where its log lines and violations go. What a full queue has no room for is dropped; lines
    /// so lost are counted in the next one.
    pub events: Option<mpsc::Sender<PluginEvent>>,
    /// What the operator gives it.
    pub config: PluginConfig,
    /// Files that it or another plugin is started from, besides its own, those of its policy and that of `config`.
    pub own: Vec<PathBuf>,
    /// What it measures is added up here.
    pub metrics: Option<Arc<Metrics>>,
    /// Another JavaScript engine than the policy's.
    pub engine: Option<EngineChoice>,
    /// The container is one to learn from, and what it does is counted here. It may do no more
    /// than another.
    pub learn: Option<Arc<Tally>>,
    /// Another root file system in place of the engine's: for tests from inside.
    pub rootfs: Option<PathBuf>,
}

/// An engine with a launcher of its own. Plugins hold on to it while they run.
pub struct Engine {
    launcher: Arc<Launcher>,
    installation: Installation,
    cgroup: CgroupVersion,
    landlock: Landlock,
    programs: Arc<ProgramHost>,
    quarantine: Quarantine,
    broker: LazyBroker,
    kv: Option<KvDirectory>,
    state: Option<PathBuf>,
    compiler: Compiler,
}

impl Engine {
    /// Starts a launcher.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn start(installation: Installation) -> Result<Self, EngineError> {
        if !rustix::process::geteuid().is_root() {
            return Err(EngineError::NotRoot);
        }
        let cgroup = CgroupVersion::detect().ok_or(EngineError::NoCgroups)?;
        let launcher = Arc::new(Launcher::start(&installation.launcher())?);
        Ok(Self {
            programs: ProgramHost::new(&launcher, cgroup),
            compiler: Compiler::new(&launcher, cgroup, &installation),
            launcher,
            installation,
            cgroup,
            landlock: Landlock::detect(),
            quarantine: Quarantine::default(),
            broker: LazyBroker::default(),
            kv: None,
            state: None,
        })
    }

    /// The same with an egress broker that works otherwise. To be called before the first launch.
    #[must_use]
    pub fn with_egress(mut self, options: crate::egress::Options) -> Self {
        self.broker = LazyBroker::new(options);
        self
    }

    /// The same with a directory in which plugins keep what their policies let them, and the engine what it compiled.
    /// Without one they keep nothing. To be called before the first launch.
    #[must_use]
    pub fn with_state(mut self, directory: &Path) -> Self {
        self.kv = Some(KvDirectory::new(directory.to_owned()));
        self.state = Some(directory.to_owned());
        self.compiler = self.compiler.with_cache(&directory.join("compiled"));
        self
    }

    /// A plugin's files as its container gets them: with JavaScript in place of TypeScript. To be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// Those of reading them, and of compiling.
    pub async fn files(
        &self,
        plugin: &Plugin,
        policy: &EffectivePolicy,
    ) -> Result<Vec<SnapshotFile>, LaunchError> {
        let (read, most) = (plugin.clone(), policy.runtime().clone());
        let files = aside("read its files", move || read.read(&most)).await??;
        let files = self.compiler.prepare(plugin.name(), files).await?;
        plugin.check(&files, policy.runtime())?;
        Ok(files)
    }

    /// Lets a plugin of this name start again. False where it was not in quarantine.
    ///
    /// A plugin gets into quarantine where its policy says so for what it did. It is known by its
    /// name alone, and until this engine ends: another engine knows nothing of it. Others of the
    /// name that run already go on.
    pub fn release(&self, plugin: &str) -> bool {
        self.quarantine.release(plugin)
    }

    fn quarantined(&self, plugin: &str) -> Result<(), LaunchError> {
        match self.quarantine.why(plugin) {
            None => Ok(()),
            Some(why) => Err(LaunchError::Quarantined {
                plugin: plugin.to_owned(),
                why,
            }),
        }
    }

    /// The keys of a policy that are not held on this host.
    pub fn unenforced(&self, policy: &EffectivePolicy) -> Vec<Unenforced> {
        host::unenforced(policy, self.cgroup, &self.landlock)
    }

    /// Starts a plugin and waits until it is ready. To be called within a tokio runtime. The policy holds as it is: whoever
    /// chose it has held it within floors, and within what the plugin asks for ([`Plugin::narrowed`]).
    ///
    /// # Errors
    /// [`LaunchError`]; nothing of the plugin is left then.
    pub async fn launch(
        &self,
        plugin: &Plugin,
        policy: EffectivePolicy,
        options: LaunchOptions,
    ) -> Result<Running, LaunchError> {
        self.quarantined(plugin.name())?;
        if let Some(key) = self
            .unenforced(&policy)
            .into_iter()
            .find(|key| !key.best_effort)
        {
            return Err(LaunchError::Unenforceable(key));
        }
        let parts = self.installation.all();
        let more = options.own.iter().chain(&parts).chain(&options.rootfs);
        let mut own = Own::of(plugin, &options.config, more.map(PathBuf::as_path));
        if let Some(state) = &self.state {
            own = own.with_state(state);
        }
        own.check(&policy)?;
        fits(plugin, &options.config).await?;
        // Made while the container is: nobody waits for it.
        let contract = plugin
            .manifest()
            .filter(|manifest| manifest.functions().is_some())
            .cloned()
            .map(|manifest| tokio::task::spawn_blocking(move || Contract::compile(&manifest)));
        let shim = self
            .installation
            .choose(options.engine.unwrap_or(policy.engine().value))?;
        let files = self.files(plugin, &policy).await?;
        let hold = move || memory_file(&encode_snapshot(&files)?);
        let snapshot = aside("hold the plugin's files in memory", hold).await??;
        let rootfs = options
            .rootfs
            .unwrap_or_else(|| self.installation.rootfs(shim).join(lazaret_rootfs::TREE));

        let kv = self.kv.as_ref().map(|kv| kv.of(plugin.name()));
        let acts = Acts::open(&policy, Programs::new(&self.programs), kv)?;
        let environment = acts::environment(&policy, |name| std::env::var_os(name))?;
        let secrets = secrets(&policy).await?;
        let rules = secrets.rules(&policy);
        let ending = ending(&rules, &rootfs).await?;
        let given = Given {
            secrets: secrets.given(),
            authority: ending.as_ref().map(Ending::certificate_pem),
        };
        let (id, directory, first_host_id) =
            self.launcher.reserve(plugin.preferred_block()).await?;
        let reservation = Reservation::new(&self.launcher, &id, self.cgroup);
        let request = BundleRequest {
            policy: &policy,
            plugin: plugin.name(),
            entry: plugin.entry(),
            id: &id,
            directory,
            first_host_id,
            cgroup: self.cgroup,
            landlock: self.landlock.abi,
            listener: true,
            learns: options.learn.is_some(),
            executable_memory: allows_executable_memory(shim, &policy),
            environment: &environment,
            config: &options.config,
            standalone_call: None,
        };
        let built = bundle::build(&request);
        let prepared = async {
            let (ours, theirs) = channel::pair().map_err(io("make the channel"))?;
            let (output, output_writer) = output_pipe().map_err(io("make a pipe"))?;
            let exit = self.launcher.watch(&id);
            let mut descriptors = vec![theirs, OwnedFd::from(output_writer), snapshot];
            let built = built?;
            let mut way_out = None;
            if built.egress {
                let socket = unnamed_socket().map_err(io("make a socket"))?;
                descriptors.push(socket.try_clone().map_err(io("make a socket"))?);
                way_out = Some((self.broker.get()?, socket));
            }
            let created = self
                .launcher
                .create(&id, &built, &rootfs, descriptors)
                .await?;
            let egress = way_out
                .map(|(broker, socket)| {
                    Egress::serve(broker, socket, (rules, ending), options.learn.as_ref())
                })
                .transpose()
                .map_err(io("serve the way out"))?;
            let cgroup = Cgroup::of(&id, self.cgroup);
            let differences = cgroup
                .differences(policy.resources(), created.pid)
                .map_err(io("read the cgroup back"))?;
            if !differences.is_empty() {
                return Err(LaunchError::CgroupDiffers(differences));
            }
            let observed = match options.learn {
                Some(_) => bundle::held(&policy),
                None => Vec::new(),
            };
            let listener = (created.listener)
                .map(|listener| Listener::new(listener, observed))
                .transpose();
            let listener = listener.map_err(io("listen for system calls"))?;
            let events = CgroupEvents::watch(&cgroup).map_err(io("watch the cgroup's events"))?;
            // It may have come to it while this was made ready.
            self.quarantined(plugin.name())?;
            let started = Instant::now();
            self.launcher.start_container(&id).await?;
            Ok((
                ours,
                output,
                exit,
                created.pid,
                created.pidfd,
                cgroup,
                events,
                listener,
                egress,
                started,
            ))
        };
        let (ours, output, exit, pid, pidfd, cgroup, cgroup_events, listener, egress, started) =
            match prepared.await {
                Ok(prepared) => prepared,
                Err(error) => {
                    reservation.release().await;
                    return Err(error);
                }
            };
        // From here on the plugin's task removes the container.
        reservation.hand_over();

        let result = policy.resources().output.result.value.bytes();
        let (receiver, sender) = channel::split(ours, result.max(acts::largest(&policy)));
        let outbox = Outbox::start(sender);
        let (commands_sender, commands) = mpsc::channel(64);
        let (ready_sender, ready) = oneshot::channel();
        let (end_sender, end) = watch::channel(None);
        let figures = cgroup.clone();
        let streams = Arc::new(Notify::new());
        let task = tokio::spawn(
            Task {
                launcher: Arc::clone(&self.launcher),
                plugin: plugin.name().to_owned(),
                quarantine: self.quarantine.clone(),
                id,
                pid,
                pidfd,
                first_host_id,
                cgroup,
                cgroup_events,
                landlock: self.landlock.clone(),
                policy,
                own,
                receiver,
                outbox,
                acts,
                given,
                secrets,
                egress,
                listener,
                exit,
                output,
                commands,
                events: options.events,
                metrics: options.metrics.unwrap_or_default(),
                learn: options.learn.map(|tally| Watch::new(tally, started)),
                ready: Some(ready_sender),
                end: end_sender,
                streams: Arc::clone(&streams),
                ticks: ticks(),
            }
            .run(),
        );
        let mut running = Running {
            commands: commands_sender,
            end,
            streams,
            task,
            functions: Vec::new(),
            contract: None,
            unlisted: Vec::new(),
            pid,
            cgroup: figures,
        };
        match ready.await {
            Ok(functions) => {
                running.functions = functions;
                let Some(contract) = contract else {
                    return Ok(running);
                };
                match held_to(&mut running, plugin.name(), contract.await) {
                    Ok(()) => Ok(running),
                    Err(error) => {
                        running.stop().await;
                        Err(error)
                    }
                }
            }
            Err(_) => Err(LaunchError::Ended {
                plugin: plugin.name().to_owned(),
                ended: Box::new(running.ended().await),
            }),
        }
    }
}

/// Holds what a plugin is given against its manifest, where that says anything of it.
async fn fits(plugin: &Plugin, config: &PluginConfig) -> Result<(), LaunchError> {
    let manifest = plugin.manifest().cloned();
    let Some(manifest) = manifest.filter(|manifest| manifest.config().is_some()) else {
        return Ok(());
    };
    let given = config.value().clone();
    let checked = tokio::task::spawn_blocking(move || check_config(&manifest, &given)).await;
    let checked = checked.map_err(|error| io("check what it is given")(error.into()))?;
    checked?.map_err(|unfit| LaunchError::Config {
        plugin: plugin.name().to_owned(),
        unfit,
    })
}

/// Holds a plugin that is ready to the functions that it lists.
fn held_to(
    running: &mut Running,
    plugin: &str,
    contract: Result<Result<Option<Contract>, SchemaError>, tokio::task::JoinError>,
) -> Result<(), LaunchError> {
    let failed = |error: tokio::task::JoinError| io("compile its schemas")(error.into());
    let Some(contract) = contract.map_err(failed)?? else {
        return Ok(());
    };
    let exported = std::mem::take(&mut running.functions);
    let listed: Vec<String> = contract.functions().map(str::to_owned).collect();
    let missing = listed.iter().filter(|name| !exported.contains(name));
    let missing: Vec<String> = missing.cloned().collect();
    if !missing.is_empty() {
        return Err(LaunchError::NotExported {
            plugin: plugin.to_owned(),
            functions: missing,
        });
    }
    let unlisted = exported.into_iter().filter(|name| !listed.contains(name));
    running.unlisted = unlisted.collect();
    running.functions = listed;
    running.contract = Some(Arc::new(contract));
    Ok(())
}

/// Turns of the look at calls under way; those missed are left out.
fn ticks() -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(super::task::CPU_TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}

/// Whether machine code may be made at run time: never at level `maximum`, where V8 interprets.
pub fn allows_executable_memory(shim: ShimEngine, policy: &EffectivePolicy) -> bool {
    shim.needs_executable_memory() && policy.level().value != SecurityLevel::Maximum
}

fn io(what: &'static str) -> impl Fn(std::io::Error) -> LaunchError {
    move |source| LaunchError::Io { what, source }
}

/// The bytes as a file in memory that nobody can change any more (memfd_create(2)).
fn memory_file(bytes: &[u8]) -> Result<OwnedFd, LaunchError> {
    let make = || -> std::io::Result<OwnedFd> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut file = std::fs::File::from(rustix::fs::memfd_create("plugin", flags)?);
        file.write_all(bytes)?;
        std::io::Seek::rewind(&mut file)?;
        let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&file, seals)?;
        Ok(file.into())
    };
    make().map_err(io("hold the plugin's files in memory"))
}

/// The secrets that a plugin is to use.
async fn secrets(policy: &EffectivePolicy) -> Result<Secrets, LaunchError> {
    if policy.secrets().is_empty() {
        return Ok(Secrets::default());
    }
    let policy = policy.clone();
    let read = move || Secrets::read(&policy, |name| std::env::var_os(name));
    Ok(aside("read its secrets", read).await??)
}

/// What it takes to end TLS for a plugin, where its policy has the broker do so. Servers are vouched
/// for by those that the plugin would trust.
async fn ending(rules: &Rules, rootfs: &Path) -> Result<Option<Ending>, LaunchError> {
    if !rules.end_tls() {
        return Ok(None);
    }
    let authorities = rootfs.join(lazaret_rootfs::CERTIFICATES_PATH.trim_start_matches('/'));
    let rules = rules.clone();
    let made = move || Ending::of(&rules, &authorities);
    Ok(aside("make ready to end TLS", made).await??)
}

/// Does what takes long where nobody waits for the thread.
async fn aside<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LaunchError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| io(what)(error.into()))
}

/// A pipe for what the container's process writes before and beside the channel. Neither end
/// blocks: a process that fills it loses the rest.
fn output_pipe() -> std::io::Result<(std::io::PipeReader, std::io::PipeWriter)> {
    let (reader, writer) = std::io::pipe()?;
    rustix::fs::fcntl_setfl(&reader, OFlags::NONBLOCK)?;
    rustix::fs::fcntl_setfl(&writer, OFlags::NONBLOCK)?;
    Ok((reader, writer))
}
