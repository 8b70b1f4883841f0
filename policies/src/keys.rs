use crate::breadth::{Breadth, Most, Rule};
use crate::change::Change;
use crate::effective::EffectivePolicy;
use crate::layout::position;
use crate::level::SecurityLevel;
use crate::origin::{Origin, Setting};
use crate::requirements::Requirement;
use crate::resource_key::ResourceKey;
use crate::units::{ByteSize, TimeLimit};
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
    /// What it takes for another value to hold.
    pub change: Change,
    /// How much the value allows.
    pub(crate) breadth: Breadth,
}

impl<'policy> Key<'policy> {
    pub(crate) fn new<T: ToString>(
        path: &str,
        setting: &'policy Setting<T>,
        change: Change,
        breadth: impl Fn(&T) -> Breadth,
    ) -> Self {
        Self {
            path: path.to_owned(),
            value: setting.value.to_string(),
            origin: &setting.origin,
            change,
            breadth: breadth(&setting.value),
        }
    }
}

impl EffectivePolicy {
    /// Every key but the grants, in the order of the language's description. A key that no layer names is not there:
    /// `memory.high`, and requirements that are left as they are.
    #[must_use]
    pub fn keys(&self) -> Vec<Key<'_>> {
        let mut keys = vec![Key::new("level", self.level(), Change::Recreate, |level| {
            <Most as Rule<SecurityLevel>>::breadth(level)
        })];
        keys.extend(
            ResourceKey::ALL
                .iter()
                .filter_map(|key| self.resource(*key)),
        );
        self.settings.keys(&mut keys);
        for (of, setting) in self.requirements().iter() {
            let path = format!("requirements.{of}");
            keys.push(Key::new(&path, setting, Change::Recreate, |requirement| {
                requirement_breadth(*requirement)
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
        keys.sort_by_cached_key(|key| position(&key.path));
        keys
    }

    fn resource(&self, of: ResourceKey) -> Option<Key<'_>> {
        use Change::{Live, Recreate, Restart};
        use ResourceKey as Of;
        let resources = self.resources();
        let path = format!("resources.{of}");
        fn key<'policy, T: ToString>(
            path: &str,
            setting: &'policy Setting<T>,
            change: Change,
            amount: impl Fn(&T) -> u64,
        ) -> Key<'policy> {
            Key::new(path, setting, change, |value| {
                Breadth::Number(amount(value))
            })
        }
        let count = |count: &u32| u64::from(*count);
        let bytes = |size: &ByteSize| size.bytes();
        let millis = |time: &TimeLimit| time.millis();
        Some(match of {
            Of::MemoryMax => key(&path, &resources.memory.max, Live, bytes),
            Of::MemoryHigh => key(&path, resources.memory.high.as_ref()?, Live, bytes),
            Of::CpuMax => key(&path, &resources.cpu.max, Live, |share| share.percent()),
            Of::CpuWeight => key(&path, &resources.cpu.weight, Live, |weight| {
                u64::from(weight.get())
            }),
            Of::PidsMax => key(&path, &resources.pids.max, Live, count),
            Of::FilesOpen => key(&path, &resources.files.open, Recreate, count),
            Of::TmpSize => key(&path, &resources.tmp.size, Recreate, bytes),
            Of::OutputLog => key(&path, &resources.output.log, Live, bytes),
            Of::OutputLine => key(&path, &resources.output.line, Live, bytes),
            Of::OutputResult => key(&path, &resources.output.result, Live, bytes),
            Of::TimeStartup => key(&path, &resources.time.startup, Restart, millis),
            Of::TimeCall => key(&path, &resources.time.call, Live, millis),
            Of::TimeCpuPerCall => key(&path, &resources.time.cpu_per_call, Live, millis),
        })
    }
}

/// How much is allowed by what is said about a key that a host may be unable to hold.
pub(crate) fn requirement_breadth(requirement: Requirement) -> Breadth {
    Breadth::Number(u64::from(requirement == Requirement::BestEffort))
}

fn handling<'policy, R: ToString>(
    keys: &mut Vec<Key<'policy>>,
    kind: &str,
    handling: &'policy Handling<R>,
    amount: impl Fn(&R) -> u64,
) {
    // How grave somebody finds it allows nothing.
    let path = format!("violations.{kind}.severity");
    keys.push(Key::new(&path, &handling.severity, Change::Live, |_| {
        Breadth::NONE
    }));
    let path = format!("violations.{kind}.reaction");
    keys.push(Key::new(
        &path,
        &handling.reaction,
        Change::Live,
        |reaction| Breadth::Number(amount(reaction)),
    ));
}
