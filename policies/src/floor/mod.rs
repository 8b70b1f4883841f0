//! What an operator lets no policy go beyond, and what a plugin asks for itself.

mod cuts;
mod grants;
mod lists;
mod quota;
mod request;
mod requirements;

pub(crate) use cuts::Cuts;
pub use cuts::{Cut, CutBy};

use crate::breadth::{Most, Rule};
use crate::effective::EffectivePolicy;
use crate::extends::laid_over;
use crate::level::SecurityLevel;
use crate::policy::SecurityPolicy;
use crate::preset;
use crate::violations::{Handling, HandlingOverrides};

impl EffectivePolicy {
    /// Takes away whatever is more than an operator's floor allows, and tells what that was.
    ///
    /// A limit the floor names is the most there may be; a reaction it names is the mildest; a level it names brings all
    /// values of that level with it. Where it lists grants of any kind, an act must be granted by both. What it does not
    /// name it does not hold – but for what a policy lets through to observe it: that needs a floor that observes or
    /// grants the same. By a name it ignores no file is granted, unless its own grant has the name in it. All that may be
    /// written below one of its paths is no more than may be written there.
    #[must_use]
    pub fn within(mut self, floor: &SecurityPolicy) -> (Self, Vec<Cut>) {
        let mut cuts = Cuts::default();
        let stated = floor;
        let whole;
        let floor = match stated.stated_level() {
            None => stated,
            Some(level) => {
                let level_rule = <Most as Rule<SecurityLevel>>::cut;
                cuts.hold("level", &mut self.level, Some(level), level_rule);
                whole = laid_over(preset::policy(level.value), stated.clone());
                &whole
            }
        };
        self.files.extend_from_slice(stated.files());
        self.hold_resources(floor, &mut cuts);
        self.settings.within(&floor.settings, &mut cuts);
        self.hold_requirements(floor.requirements(), &mut cuts);
        let violations = &mut self.violations;
        let over = floor.violations();
        cuts.handling("syscall", &mut violations.syscall, &over.syscall);
        cuts.handling("permission", &mut violations.permission, &over.permission);
        cuts.handling("network", &mut violations.network, &over.network);
        cuts.handling("memory", &mut violations.memory, &over.memory);
        cuts.handling("pids", &mut violations.pids, &over.pids);
        cuts.handling("cpu", &mut violations.cpu, &over.cpu);
        self.hold_grants(stated, floor, &mut cuts);
        self.hold_observed(floor, &mut cuts);
        self.hold_lists(stated, &mut cuts);
        (self, cuts.told())
    }

    fn hold_resources(&mut self, floor: &SecurityPolicy, cuts: &mut Cuts) {
        let limits = floor.resources();
        let more = |path: &str| format!("resources.{path}");
        let resources = &mut self.resources;
        macro_rules! most {
            ($path:literal, $mine:expr, $floor:ident) => {
                cuts.cap(
                    &more($path),
                    $mine,
                    limits.$floor.as_ref(),
                    |mine, floor| mine > floor,
                )
            };
        }
        most!("memory.max", &mut resources.memory.max, memory_max);
        most!("cpu.max", &mut resources.cpu.max, cpu_max);
        most!("cpu.weight", &mut resources.cpu.weight, cpu_weight);
        most!("pids.max", &mut resources.pids.max, pids_max);
        most!("files.open", &mut resources.files.open, files_open);
        most!("tmp.size", &mut resources.tmp.size, tmp_size);
        most!("output.log", &mut resources.output.log, output_log);
        most!("output.line", &mut resources.output.line, output_line);
        most!("output.result", &mut resources.output.result, output_result);
        most!("time.startup", &mut resources.time.startup, time_startup);
        most!("time.call", &mut resources.time.call, time_call);
        most!(
            "time.cpu_per_call",
            &mut resources.time.cpu_per_call,
            time_cpu_per_call
        );
        match (&mut resources.memory.high, &limits.memory_high) {
            (None, Some(floor)) => resources.memory.high = Some(floor.clone()),
            (Some(mine), floor) => {
                cuts.cap(&more("memory.high"), mine, floor.as_ref(), |mine, floor| {
                    mine > floor
                });
            }
            (None, None) => {}
        }
        // A ceiling that came down takes the mark below it along.
        if let Some(high) = &mut resources.memory.high
            && high.value > resources.memory.max.value
        {
            *high = resources.memory.max.clone();
        }
    }
}

impl Cuts {
    fn handling<R: Clone + Ord + ToString>(
        &mut self,
        kind: &str,
        mine: &mut Handling<R>,
        floor: &HandlingOverrides<R>,
    ) {
        let path = format!("violations.{kind}.severity");
        let floor_severity = floor.severity.as_ref();
        self.cap(&path, &mut mine.severity, floor_severity, |mine, floor| {
            mine < floor
        });
        let path = format!("violations.{kind}.reaction");
        let floor_reaction = floor.reaction.as_ref();
        self.cap(&path, &mut mine.reaction, floor_reaction, |mine, floor| {
            mine < floor
        });
    }
}
