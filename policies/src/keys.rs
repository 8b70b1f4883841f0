use crate::effective::EffectivePolicy;
use crate::level::SecurityLevel;
use crate::origin::{Origin, Setting};
use crate::requirements::Requirement;
use crate::resource_key::ResourceKey;
use crate::runtime::EngineChoice;
use crate::violations::{ActReaction, Handling, LimitReaction};

/// One key of an effective policy, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key<'policy> {
    /// Its path from the top, as `resources.memory.max`.
    pub path: String,
    /// What holds, as a policy would say it.
    pub value: String,
    /// Who said so.
    pub origin: &'policy Origin,
    /// How much the value allows; only comparable with that of the same key.
    pub(crate) breadth: u64,
}

/// Where a key is not there, nothing is held back by it.
pub(crate) const UNLIMITED: u64 = u64::MAX;

impl EffectivePolicy {
    /// Every key but the grants, in the order of the language's description. A key that no layer names is not there:
    /// `memory.high`, and requirements that are left as they are.
    #[must_use]
    pub fn keys(&self) -> Vec<Key<'_>> {
        let mut keys = vec![key("level", self.level(), |level| match level {
            SecurityLevel::Minimal => 2,
            SecurityLevel::Standard => 1,
            SecurityLevel::Maximum => 0,
        })];
        keys.extend(
            ResourceKey::ALL
                .iter()
                .filter_map(|key| self.resource(*key)),
        );
        keys.push(key("runtime.engine", self.engine(), |engine| {
            // Anything but QuickJS needs memory that is both written and executed.
            u64::from(*engine != EngineChoice::QuickJs)
        }));
        for (of, setting) in self.requirements().iter() {
            keys.push(key(&format!("requirements.{of}"), setting, |requirement| {
                u64::from(*requirement == Requirement::BestEffort)
            }));
        }
        let violations = self.violations();
        let act = |reaction: &ActReaction| match reaction {
            ActReaction::Deny => 2,
            ActReaction::Kill => 1,
            ActReaction::Quarantine => 0,
        };
        let limit = |reaction: &LimitReaction| match reaction {
            LimitReaction::Log => 2,
            LimitReaction::Kill => 1,
            LimitReaction::Quarantine => 0,
        };
        handling(&mut keys, "syscall", &violations.syscall, act);
        handling(&mut keys, "permission", &violations.permission, act);
        handling(&mut keys, "network", &violations.network, act);
        handling(&mut keys, "memory", &violations.memory, limit);
        handling(&mut keys, "pids", &violations.pids, limit);
        handling(&mut keys, "cpu", &violations.cpu, limit);
        keys
    }

    fn resource(&self, of: ResourceKey) -> Option<Key<'_>> {
        use ResourceKey as Of;
        let path = format!("resources.{of}");
        let resources = self.resources();
        Some(match of {
            Of::MemoryMax => key(&path, &resources.memory.max, |size| size.bytes()),
            Of::MemoryHigh => key(&path, resources.memory.high.as_ref()?, |size| size.bytes()),
            Of::CpuMax => key(&path, &resources.cpu.max, |share| share.percent()),
            Of::CpuWeight => key(&path, &resources.cpu.weight, |weight| {
                u64::from(weight.get())
            }),
            Of::PidsMax => key(&path, &resources.pids.max, |count| u64::from(*count)),
            Of::FilesOpen => key(&path, &resources.files.open, |count| u64::from(*count)),
            Of::TmpSize => key(&path, &resources.tmp.size, |size| size.bytes()),
            Of::OutputLog => key(&path, &resources.output.log, |size| size.bytes()),
            Of::OutputLine => key(&path, &resources.output.line, |size| size.bytes()),
            Of::OutputResult => key(&path, &resources.output.result, |size| size.bytes()),
            Of::TimeStartup => key(&path, &resources.time.startup, |time| time.millis()),
            Of::TimeCall => key(&path, &resources.time.call, |time| time.millis()),
            Of::TimeCpuPerCall => key(&path, &resources.time.cpu_per_call, |time| time.millis()),
        })
    }
}

fn key<'policy, T: ToString>(
    path: &str,
    setting: &'policy Setting<T>,
    breadth: impl Fn(&T) -> u64,
) -> Key<'policy> {
    Key {
        path: path.to_owned(),
        value: setting.value.to_string(),
        origin: &setting.origin,
        breadth: breadth(&setting.value),
    }
}

fn handling<'policy, R: ToString>(
    keys: &mut Vec<Key<'policy>>,
    kind: &str,
    handling: &'policy Handling<R>,
    breadth: impl Fn(&R) -> u64,
) {
    // How grave somebody finds it allows nothing.
    let path = format!("violations.{kind}.severity");
    keys.push(key(&path, &handling.severity, |_| 0));
    let path = format!("violations.{kind}.reaction");
    keys.push(key(&path, &handling.reaction, breadth));
}
