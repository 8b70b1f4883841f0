//! One program in its container, from nothing to nothing.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use lazaret_launcher_wire::ContainerId;
use lazaret_policy::{ByteSize, EffectivePolicy, Program, Resources, SecurityLevel};

use super::result::{ProgramError, ProgramOutput};
use super::streams;
use super::{ProgramHost, name, readback};
use crate::bundle::{ProgramBundle, ProgramRequest, build_program};
use crate::container::{Cgroup, Reservation};

/// Bytes `/tmp` holds. They count as memory of the program as well.
const TMP: ByteSize = ByteSize::from_mib(16);

/// The most open files of one process.
const OPEN_FILES: u32 = 1024;

/// What is to be run.
pub(super) struct Job {
    pub(super) host: Arc<ProgramHost>,
    pub(super) making: Arc<tokio::sync::Mutex<()>>,
    pub(super) program: Program,
    pub(super) arguments: Vec<String>,
    pub(super) input: Vec<u8>,
}

impl Job {
    /// Runs it to its end, or until it is given up. Nothing of it is left afterwards.
    pub(super) async fn run(
        &self,
        given_up: impl Future<Output = ()>,
    ) -> Result<ProgramOutput, ProgramError> {
        let launcher = &self.host.launcher;
        let (id, directory, first_host_id) = launcher.reserve(self.host.block()).await?;
        let reservation = Reservation::new(launcher, &id, self.host.cgroup);
        let resources = resources(&self.program);
        let request = ProgramRequest {
            path: self.program.path.as_str(),
            arguments: &self.arguments,
            resources: &resources,
            id: &id,
            directory,
            first_host_id,
            cgroup: self.host.cgroup,
        };
        let outcome = match build_program(&request) {
            Ok(bundle) => tokio::select! {
                outcome = self.run_in(&id, &bundle, &resources) => outcome,
                () = given_up => Err(ProgramError::GivenUp),
            },
            Err(error) => Err(error.into()),
        };
        // Killed first, if it still runs.
        reservation.release().await;
        outcome
    }

    async fn run_in(
        &self,
        id: &ContainerId,
        bundle: &ProgramBundle,
        resources: &Resources,
    ) -> Result<ProgramOutput, ProgramError> {
        let launcher = &self.host.launcher;
        let name = || name(&self.program).to_owned();
        let limits = self.program.limits;
        let output = limits.output.bytes();
        let (streams, theirs) = streams::pipes().map_err(io("make pipes"))?;
        let exit = launcher.watch(id);
        let making = self.making.lock().await;
        let created = launcher
            .create_program(
                id,
                &bundle.config,
                Path::new(self.program.rootfs.as_str()),
                theirs,
            )
            .await?;
        let cgroup = Cgroup::of(id, self.host.cgroup);
        let held = cgroup.differences(resources, created.pid);
        let held = held.map_err(io("read the cgroup back"))?;
        let mut differences: Vec<String> = held.iter().map(ToString::to_string).collect();
        differences.extend(readback::differences(created.pid, &bundle.expected));
        if !differences.is_empty() {
            return Err(ProgramError::Differs {
                program: name(),
                differences,
            });
        }
        launcher.start_container(id).await?;
        drop(making);
        let done = async {
            let exchange = async {
                let written = streams.exchange(&self.input, output).await;
                let written = written.map_err(io("read what a program wrote"))?;
                written.ok_or_else(|| ProgramError::TooMuchOutput {
                    program: name(),
                    limit: output,
                })
            };
            let exit = async {
                let gone = |_| ProgramError::Launcher(crate::container::LauncherError::Gone);
                exit.await.map_err(gone)
            };
            // With the first process all others end, and with them the other ends of the pipes.
            tokio::try_join!(exchange, exit)
        };
        let done = tokio::time::timeout(limits.time.duration(), done).await;
        let usage = cgroup.usage().map_err(io("read the cgroup's figures"))?;
        if usage.oom_kills > 0 {
            return Err(ProgramError::OutOfMemory {
                program: name(),
                limit: limits.memory.bytes(),
            });
        }
        let ((stdout, stderr), end) = done.map_err(|_elapsed| ProgramError::TooLong {
            program: name(),
            limit: limits.time,
        })??;
        Ok(ProgramOutput {
            end,
            stdout,
            stderr,
        })
    }
}

/// What the container is held to: the program's limits, and for all else what every container has.
fn resources(program: &Program) -> Resources {
    let limits = program.limits;
    let mut resources = EffectivePolicy::of(SecurityLevel::Standard)
        .resources()
        .clone();
    resources.memory.max.value = limits.memory;
    resources.memory.high = None;
    resources.cpu.max.value = limits.cpu;
    resources.pids.max.value = limits.pids;
    resources.files.open.value = OPEN_FILES;
    resources.tmp.size.value = TMP;
    resources
}

fn io(what: &'static str) -> impl Fn(std::io::Error) -> ProgramError {
    move |source| ProgramError::Io { what, source }
}
