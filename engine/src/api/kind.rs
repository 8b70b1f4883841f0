//! Of which kind a failure is. The command line has an exit status for each.

use super::messages::Kind;
use crate::bundle::BundleError;
use crate::compile::CompileError;
use crate::event::EndReason;
use crate::programs::ProgramError;
use crate::service::ServiceError;
use crate::store::StoreError;
use crate::supervisor::{ApplyError, LaunchError};

impl From<&EndReason> for Kind {
    fn from(reason: &EndReason) -> Self {
        match reason {
            EndReason::Stopped => Self::NotRunning,
            EndReason::Exit { .. } => Self::Ended,
            EndReason::Exception { .. } => Self::Exception,
            EndReason::OutOfMemory { .. } => Self::OutOfMemory,
            EndReason::CpuTime { .. } => Self::CpuTime,
            EndReason::WallTime { .. } => Self::WallTime,
            EndReason::ForbiddenSyscall { .. } => Self::ForbiddenSyscall,
            EndReason::Violation { .. } => Self::Violation,
            EndReason::StartupTimeout { .. } => Self::StartupTimeout,
            EndReason::ReadBack { .. } => Self::ReadBack,
            EndReason::Protocol { .. } | EndReason::ShimLost { .. } => Self::ShimLost,
            EndReason::Engine { .. } => Self::Internal,
        }
    }
}

impl From<&BundleError> for Kind {
    fn from(error: &BundleError) -> Self {
        match error {
            BundleError::Unheld(_)
            | BundleError::Grant { .. }
            | BundleError::TooManyGrants { .. } => Self::Policy,
            BundleError::Specification(_) | BundleError::Json(_) => Self::Internal,
        }
    }
}

impl From<&CompileError> for Kind {
    fn from(error: &CompileError) -> Self {
        match error {
            CompileError::Missing { .. } | CompileError::Path(_) => Self::Rootfs,
            CompileError::Thread { .. } => Self::Internal,
            CompileError::Program { source, .. } => source.into(),
            CompileError::TooLarge { .. }
            | CompileError::Ended { .. }
            | CompileError::Answer { .. } => Self::Plugin,
        }
    }
}

/// Of a program that the engine runs to read a plugin: the TypeScript compiler.
impl From<&ProgramError> for Kind {
    fn from(error: &ProgramError) -> Self {
        match error {
            ProgramError::Launcher(_) => Self::Host,
            ProgramError::Differs { .. } => Self::ReadBack,
            ProgramError::Bundle(_) | ProgramError::Io { .. } | ProgramError::GivenUp => {
                Self::Internal
            }
            // What is given to it, and how much it takes, is of the plugin's making.
            ProgramError::TooManyArguments { .. }
            | ProgramError::NulInArgument { .. }
            | ProgramError::TooMuchInput { .. }
            | ProgramError::TooMuchOutput { .. }
            | ProgramError::TooLong { .. }
            | ProgramError::OutOfMemory { .. } => Self::Plugin,
        }
    }
}

impl From<&LaunchError> for Kind {
    fn from(error: &LaunchError) -> Self {
        match error {
            LaunchError::Quarantined { .. } => Self::Quarantined,
            LaunchError::Compile(error) => error.into(),
            LaunchError::Bundle(error) => error.into(),
            LaunchError::Ended { ended, .. } => (&ended.reason).into(),
            LaunchError::Read(_)
            | LaunchError::Snapshot(_)
            | LaunchError::Schema(_)
            | LaunchError::Config { .. }
            | LaunchError::NotExported { .. } => Self::Plugin,
            // As a path that may be read and is not there.
            LaunchError::Place(_)
            | LaunchError::Environment(_)
            | LaunchError::Secrets(_)
            | LaunchError::ReachesOwn(_) => Self::Policy,
            LaunchError::Installation(_)
            | LaunchError::Launcher(_)
            | LaunchError::Unenforceable(_)
            | LaunchError::Egress(_)
            | LaunchError::Ending(_) => Self::Host,
            LaunchError::CgroupDiffers(_) => Self::ReadBack,
            LaunchError::Io { .. } => Self::Internal,
        }
    }
}

impl From<&ApplyError> for Kind {
    fn from(error: &ApplyError) -> Self {
        match error {
            ApplyError::NeedsRestart { .. } => Self::NeedsRestart,
            ApplyError::Unheld(_)
            | ApplyError::Secret(_)
            | ApplyError::ReachesOwn(_)
            | ApplyError::Place(_) => Self::Policy,
            ApplyError::Unread(_) => Self::Busy,
            ApplyError::CgroupDiffers(_) => Self::ReadBack,
            ApplyError::Unenforceable(_) | ApplyError::Launcher(_) | ApplyError::Cgroup(_) => {
                Self::Host
            }
            ApplyError::Ended(reason) => reason.into(),
        }
    }
}

impl From<&StoreError> for Kind {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::InUse(_) | StoreError::KvInUse(_) | StoreError::KvRests(_) => Self::Busy,
            StoreError::Directory(_)
            | StoreError::Shared(_)
            | StoreError::Foreign(_)
            | StoreError::OfAnother(_)
            | StoreError::Newer { .. }
            | StoreError::Database { .. } => Self::State,
            StoreError::Thread => Self::Internal,
        }
    }
}

impl From<&ServiceError> for Kind {
    fn from(error: &ServiceError) -> Self {
        match error {
            ServiceError::NoSuchPlugin { .. } => Self::NoSuchPlugin,
            ServiceError::Twice(_) => Self::Plugin,
            ServiceError::NotRunning { .. } => Self::NotRunning,
            ServiceError::Policy(_) | ServiceError::Floor(_) | ServiceError::File { .. } => {
                Self::Policy
            }
            ServiceError::Wider(_) => Self::Wider,
            ServiceError::NeedsRestart(_) => Self::NeedsRestart,
            ServiceError::Apply(error) => error.into(),
            ServiceError::Launch(error) => error.into(),
            ServiceError::Store(error) => error.into(),
            ServiceError::NoSuchRevision { .. } | ServiceError::NothingBefore { .. } => {
                Self::NoSuchRevision
            }
            // A call's failure is told as such, by `Refusal::of_call`.
            ServiceError::Call(_) | ServiceError::NotTakenBack { .. } => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::LauncherError;

    #[test]
    fn whoever_is_to_try_again_is_told_so_and_others_are_not() {
        let busy = |error: StoreError| Kind::from(&error) == Kind::Busy;
        assert!(busy(StoreError::KvInUse("p".to_owned())));
        assert!(busy(StoreError::KvRests("p".to_owned())));
        assert!(busy(StoreError::InUse("/var/lib/lazaret".into())));
        let foreign = ServiceError::Store(StoreError::Foreign("/var/lib/lazaret".into()));
        assert_eq!(Kind::from(&foreign), Kind::State);
    }

    #[test]
    fn a_plugin_is_not_blamed_where_its_compiler_cannot_be_run() {
        let of = |source| {
            Kind::from(&CompileError::Program {
                plugin: "p".to_owned(),
                largest: "main.ts".to_owned(),
                source,
            })
        };
        let program = "compile".to_owned();
        assert_eq!(of(ProgramError::Launcher(LauncherError::Gone)), Kind::Host);
        assert_eq!(of(ProgramError::GivenUp), Kind::Internal);
        let (limit, differences) = (1, vec!["memory.max".to_owned()]);
        let differs = ProgramError::Differs {
            program: program.clone(),
            differences,
        };
        assert_eq!(of(differs), Kind::ReadBack);
        let large = ProgramError::OutOfMemory { program, limit };
        assert_eq!(of(large), Kind::Plugin);
    }

    #[tokio::test]
    async fn a_thread_that_is_gone_is_no_fault_of_the_plugin() {
        let lost = tokio::spawn(std::future::pending::<()>());
        lost.abort();
        let error = CompileError::Thread {
            plugin: "p".to_owned(),
            source: lost.await.unwrap_err(),
        };
        assert_eq!(Kind::from(&error), Kind::Internal);
    }

    #[test]
    fn a_shim_that_breaks_the_rules_has_not_exited_by_itself() {
        let what = "a message that is none".to_owned();
        let breach = EndReason::Protocol { what: what.clone() };
        assert_eq!(Kind::from(&breach), Kind::ShimLost);
        assert_eq!(Kind::from(&EndReason::Engine { what }), Kind::Internal);
        assert_eq!(Kind::from(&EndReason::Exit { code: 0 }), Kind::Ended);
    }
}
